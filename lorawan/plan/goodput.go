package plan

import (
	"fmt"

	"havn/dfu"
	"havn/lorawan/event"
	"havn/lorawan/region"
)

// Goodput is how much firmware one downlink carries in the middle of an update.
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

// packedExtra is how many bytes longer a Write is in the encoding of Drogue Ajour: each of
// the four fields has a key.
const packedExtra = 4

// NewGoodput returns how much a Write at an offset carries in the answer to an uplink at
// a data rate. It fails with the errors of package region.
func NewGoodput(rules *region.Region, dr, version int, offset uint32) (g Goodput, err error) {
	g = Goodput{Region: rules.Name(), DataRate: dr, VersionLength: version, Offset: offset}
	if g.DownlinkDataRate, err = rules.DownlinkDR(dr); err != nil {
		return g, err
	}
	if g.Payload, err = rules.MaxDownlink(dr); err != nil {
		return g, err
	}
	write := dfu.Command{Op: dfu.OpWrite, Version: make([]byte, version), Offset: offset}
	g.DataBytes = chunk(event.MaxPayload, write.MaxData(g.Payload))
	g.PackedDataBytes = chunk(event.MaxPayload, write.MaxData(g.Payload-packedExtra))
	return g, nil
}

// Share returns the part of the theoretical maximum that is firmware.
func (g Goodput) Share() float64 { return float64(g.DataBytes) / float64(g.Payload) }

// String names the region and the data rate of the uplink, and the data rate of the
// downlink if it is another one.
func (g Goodput) String() string {
	if g.DataRate == g.DownlinkDataRate {
		return fmt.Sprintf("%s DR%d", g.Region, g.DataRate)
	}
	return fmt.Sprintf("%s DR%d/%d", g.Region, g.DataRate, g.DownlinkDataRate)
}
