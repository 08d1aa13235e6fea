package chirpstack

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/brocaar/chirpstack-api/go/v3/as/integration"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"

	"havn/dfu"
	"havn/lorawan/event"
)

const (
	numberID = "1"
	uuid     = "ca739e26-7b67-4f14-b69e-d568c22a5a75"
	eui      = "70b3d54990000001"
)

// encoding is one of the forms in which events come.
type encoding struct {
	name        string
	codec       *Codec
	application string
	failure     string // the topic of errors
	sample      func(testing.TB, string) []byte
}

func encodings(t testing.TB) []encoding {
	v3, err := NewV3(Config{})
	v4, err2 := NewV4(Config{})
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return []encoding{
		{"json_v3", v3, numberID, eventError, file("json_v3")},
		{"json", v3, numberID, eventError, file("json")},
		{"protobuf", v3, numberID, eventError, protobuf},
		{"v4", v4, uuid, eventLog, file("v4")},
	}
}

// topic returns where an event of that sample comes on.
func (e encoding) topic(sample string) string {
	event, _, _ := strings.Cut(sample, "_")
	if event == "error" {
		event = e.failure
	}
	return "application/" + e.application + "/device/" + eui + "/event/" + event
}

func file(folder string) func(testing.TB, string) []byte {
	return func(t testing.TB, sample string) []byte {
		t.Helper()
		b, err := os.ReadFile(filepath.Join("testdata", folder, sample+".json"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

// protobuf converts a sample of the json marshaler with the message types of
// the server.
func protobuf(t testing.TB, sample string) []byte {
	t.Helper()
	m := protoadapt.MessageV2Of(emptyEvent(sample))
	if err := protojson.Unmarshal(file("json")(t, sample), m); err != nil {
		t.Fatalf("%s: %v", sample, err)
	}
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func emptyEvent(sample string) protoadapt.MessageV1 {
	switch sample {
	case "up":
		return new(integration.UplinkEvent)
	case "join":
		return new(integration.JoinEvent)
	case "ack":
		return new(integration.AckEvent)
	case "txack":
		return new(integration.TxAckEvent)
	}
	return new(integration.ErrorEvent)
}

func (e encoding) device() event.Device {
	return event.Device{
		EUI:         event.DevEUI{0x70, 0xb3, 0xd5, 0x49, 0x90, 0, 0, 1},
		Application: e.application, ApplicationName: "meters", Name: "meter-7",
	}
}

var item = event.DownlinkID{
	0x36, 0xc7, 0xe3, 0xc4, 0x44, 0x01, 0x4b, 0x8d, 0x93, 0x86, 0xa5, 0xc9, 0x02, 0xf9, 0x20, 0x2d,
}

// want returns what all encodings must say, less what each does not tell.
func (e encoding) want(sample string) event.Event {
	v4, told := e.name == "v4", e.name != "json_v3"
	id, fCnt, limit := event.DownlinkID{}, uint32(12), 0
	if v4 {
		id, limit = item, 51
	}
	switch sample {
	case "up":
		u := event.Uplink{
			Device: e.device(), FPort: 223, DR: 5, Confirmed: told, Payload: []byte{0xa2, 0, 0x41, 0xff},
			Overrides: event.Overrides{RX1DROffset: dfu.Some(3), Align: 8},
		}
		if v4 {
			u.Region = "eu868"
		}
		return u
	case "join":
		return event.Joined{Device: e.device()}
	case "ack":
		return event.Ack{Device: e.device(), ID: id, FCnt: fCnt, Acknowledged: true}
	case "txack":
		a := event.TxAck{Device: e.device(), ID: id, FCnt: fCnt}
		if told {
			a.SpreadingFactor, a.Bandwidth = 9, 125000
		}
		return a
	}
	f := event.Error{Device: e.device(), Reason: event.ReasonOversize, ID: id, FCnt: fCnt, MaxPayload: limit}
	if sample == "error_gateway" {
		f.Reason, f.Queued, f.ID, f.MaxPayload = event.ReasonGateway, true, event.DownlinkID{}, 0
	}
	if v4 {
		f.FCnt = 0
	}
	return f
}

var samples = []string{"up", "join", "ack", "txack", "error", "error_gateway"}

func downlink(d event.Device) event.Downlink {
	return event.Downlink{Device: d, ID: item, FPort: 223, Payload: []byte{0xa1, 3, 0xff}}
}
