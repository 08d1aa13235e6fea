package dfu_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"

	"havn/dfu"
)

// vectors is testdata/update-protocol.json: what the reference implementation
// encodes and decodes. Its edge_json_status is left out, since nobody speaks
// JSON statuses to the gateway.
type vectors struct {
	Status []struct {
		Name          string
		CBOR          hexBytes
		Mode          string
		ServerAccepts bool `json:"server_accepts"`
		Fields        statusFields
	}
	EdgeStatus []struct {
		Name      string
		CBOR      hexBytes
		FromSlice struct {
			OK    bool
			Value statusFields
		} `json:"from_slice"`
	} `json:"edge_status"`
	Command []struct {
		Name          string
		CBOR          hexBytes
		Mode          string
		DeviceAccepts bool `json:"device_accepts"`
		Fields        commandFields
	}
	EdgeCommand []struct {
		Name         string
		CBOR         hexBytes
		FromMutSlice struct {
			OK    bool
			Value commandFields
		} `json:"device_from_mut_slice"`
	} `json:"edge_command"`
	WriteOverhead struct {
		BytesBesidesData []overheadRow `json:"bytes_besides_data"`
		MaxData          []maxDataRow  `json:"max_data_for_payload_size"`
	} `json:"write_overhead"`
	Sessions []struct {
		Name      string
		Firmware  hexBytes
		SHA256    hexBytes
		Exchanges []struct{ Status, Command hexBytes }
	}
}

// hexBytes is a hex string, or an object that repeats one.
type hexBytes []byte

func (h *hexBytes) UnmarshalJSON(text []byte) (err error) {
	long := struct {
		Repeat string
		Count  int
	}{Count: 1}
	into := any(&long.Repeat)
	if text[0] == '{' {
		into = &long
	}
	if err = json.Unmarshal(text, into); err == nil {
		*h, err = hex.DecodeString(strings.Repeat(long.Repeat, long.Count))
	}
	return err
}

type statusFields struct {
	Version       hexBytes
	MTU           *uint32
	CorrelationID *uint32 `json:"correlation_id"`
	Update        *struct {
		Version hexBytes
		Offset  uint32
	}
}

func (f statusFields) status() dfu.Status {
	s := dfu.Status{Version: f.Version, MTU: value(f.MTU), CorrelationID: optional(f.CorrelationID)}
	if f.Update != nil {
		s.Updating = true
		s.Update = dfu.Progress{Version: f.Update.Version, Offset: f.Update.Offset}
	}
	return s
}

type commandFields struct {
	Type          string
	Version       hexBytes
	CorrelationID *uint32 `json:"correlation_id"`
	Poll          *uint32
	Offset        uint32
	Data          hexBytes
	Checksum      hexBytes
}

func (f commandFields) command() dfu.Command {
	ops := map[string]dfu.Op{
		"wait": dfu.OpWait, "sync": dfu.OpSync, "write": dfu.OpWrite, "swap": dfu.OpSwap,
	}
	return dfu.Command{
		Op: ops[f.Type], Version: f.Version, CorrelationID: optional(f.CorrelationID),
		Poll: value(f.Poll), Offset: f.Offset, Data: f.Data, Checksum: f.Checksum,
	}
}

// value folds null and 0, which mean the same for an MTU and a poll.
func value(v *uint32) uint32 { return optional(v).Value }

func optional(v *uint32) dfu.Optional {
	if v == nil {
		return dfu.Optional{}
	}
	return dfu.Some(*v)
}

var load = sync.OnceValues(func() (v vectors, err error) {
	text, err := os.ReadFile("testdata/update-protocol.json")
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	return v, err
})

func loadVectors(t testing.TB) vectors {
	t.Helper()
	v, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// wantCount keeps a test over vectors from passing because it saw none.
func wantCount(t *testing.T, what string, got, want int) {
	t.Helper()
	if got != want {
		t.Errorf("%d %s, want %d", got, what, want)
	}
}

func TestSessions(t *testing.T) {
	exchanges := 0
	for _, s := range loadVectors(t).Sessions {
		t.Run(s.Name, func(t *testing.T) {
			image := []byte{}
			for _, x := range s.Exchanges {
				st, cmd := reparsed(t, x.Status, x.Command)
				exchanges++
				if cmd.Op == dfu.OpWrite {
					if int(cmd.Offset) != len(image) || int(st.Update.Offset) != len(image) {
						t.Fatalf("offset %d asked, %d answered, have %d bytes",
							st.Update.Offset, cmd.Offset, len(image))
					}
					image = append(image, cmd.Data...)
				}
				if cmd.Op == dfu.OpSwap && !bytes.Equal(cmd.Checksum, s.SHA256) {
					t.Errorf("checksum %x, want %x", cmd.Checksum, s.SHA256)
				}
			}
			if !bytes.Equal(image, s.Firmware) {
				t.Errorf("image %x, want %x", image, s.Firmware)
			}
		})
	}
	wantCount(t, "exchanges", exchanges, 21)
}

// reparsed parses one exchange, and checks that encoding it anew keeps its
// meaning, and its bytes if they are packed or minimal already.
func reparsed(t *testing.T, status, command []byte) (dfu.Status, dfu.Command) {
	t.Helper()
	st, err := dfu.ParseStatus(status)
	if err != nil {
		t.Fatal(err)
	}
	cmd, err := dfu.ParseCommand(command)
	if err != nil {
		t.Fatal(err)
	}
	again := st.Append(nil)
	if len(again) == len(status) && !bytes.Equal(again, status) {
		t.Errorf("status %x became %x", status, again)
	}
	sameStatus(t, again, st)
	again = cmd.Append(nil)
	if len(again) == len(command) && !bytes.Equal(again, command) {
		t.Errorf("command %x became %x", command, again)
	}
	sameCommand(t, again, cmd)
	return st, cmd
}
