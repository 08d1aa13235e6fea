package bench

import (
	"fmt"
	"strings"

	"havn/dfu"
	"havn/firmware"
	"havn/lorawan"
	"havn/lorawan/region"
	"havn/update"
)

// Goodput is how much firmware one downlink carries.
type Goodput struct {
	Region           string `json:"region"`
	DataRate         int    `json:"data_rate"`          // of the uplink
	DownlinkDataRate int    `json:"downlink_data_rate"` // of RX1
	Payload          int    `json:"payload"`            // theoretical maximum: all of FRMPayload
	VersionLength    int    `json:"version_length"`     // of the firmware
	Offset           uint32 `json:"offset"`             // of the Write
	DataBytes        int    `json:"data_bytes"`         // firmware in the gateway's downlink
	PackedDataBytes  int    `json:"packed_data_bytes"`  // in the encoding of Drogue Ajour
}

// Share is the part of the theoretical maximum.
func (g Goodput) Share() float64 { return float64(g.DataBytes) / float64(g.Payload) }

// goodputRates are the uplink data rates at which a Status fits into the uplink,
// by region.
var goodputRates = []struct {
	region      string
	first, last int
}{{loraRegion, 0, 5}, {"US915", 1, 4}, {"AS923", 0, 5}}

// The versions and offsets of the table: the longest version whose Swap fits at
// the slowest data rate of EU868, and either side of where offsets grow.
var (
	goodputVersions = []int{1, 5, 12}
	goodputOffsets  = []uint32{256, 1 << 16}
)

// packedExtra is what Drogue Ajour's encoding of a Write takes more: a key in
// front of each of the four fields.
const packedExtra = 4

// goodputAlign is the flash word of the devices.
const goodputAlign = 4

// goodput asks the engine's own decision for each row.
func goodput() (rows []Goodput, err error) {
	for _, g := range goodputRates {
		rules, err := region.New(region.Config{Region: g.region})
		if err != nil {
			return nil, err
		}
		for dr := g.first; dr <= g.last; dr++ {
			at, err := goodputAt(rules, dr)
			if err != nil {
				return nil, err
			}
			rows = append(rows, at...)
		}
	}
	return rows, nil
}

func goodputAt(rules *region.Region, dr int) (rows []Goodput, err error) {
	row := Goodput{Region: rules.Name(), DataRate: dr}
	if row.DownlinkDataRate, err = rules.DownlinkDR(dr); err != nil {
		return nil, err
	}
	if row.Payload, err = rules.MaxDownlink(dr); err != nil {
		return nil, err
	}
	for _, row.VersionLength = range goodputVersions {
		for _, row.Offset = range goodputOffsets {
			row.DataBytes = writeLength(row.VersionLength, row.Offset, row.Payload)
			row.PackedDataBytes = writeLength(row.VersionLength, row.Offset, row.Payload-packedExtra)
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// writeLength returns the firmware bytes that a device in the middle of an
// update is sent in a payload.
func writeLength(version int, offset uint32, payload int) int {
	m := firmware.Metadata{Version: strings.Repeat("1", version), Size: offset + 2*lorawan.MaxPayload}
	st := dfu.Status{
		Version: []byte("0"), Updating: true,
		Update: dfu.Progress{Version: []byte(m.Version), Offset: offset},
	}
	limits := update.Limits{Payload: payload, Write: lorawan.MaxPayload, Align: goodputAlign}
	return int(update.Decide(&st, firmware.NewTarget(m), limits).Length)
}

// name is the data rate with its region, and the downlink's where it is another.
func (g Goodput) name() string {
	if g.DataRate == g.DownlinkDataRate {
		return fmt.Sprintf("%s DR%d", g.Region, g.DataRate)
	}
	return fmt.Sprintf("%s DR%d/%d", g.Region, g.DataRate, g.DownlinkDataRate)
}
