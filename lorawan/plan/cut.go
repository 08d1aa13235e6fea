package plan

import (
	"fmt"

	"havn/dfu"
	"havn/lorawan/event"
	"havn/lorawan/region"
)

// align is the flash word of the device family: Writes are multiples of it.
const align = 4

// digestSize is the length of the checksum in a Swap: SHA-256.
const digestSize = 32

// cut counts the downlinks of an update, in the encoding of the gateway.
func (e *Estimate) cut(rules *region.Region) error {
	version, image := make([]byte, e.VersionLength), make([]byte, event.MaxPayload)
	swap := dfu.Command{Op: dfu.OpSwap, Version: version, Checksum: image[:digestSize]}
	if swap.Len() > e.Payload {
		return fmt.Errorf("%w: the final Swap has %d bytes, a downlink at DR%d carries %d; "+
			"use a version shorter by %d bytes, or a higher data rate",
			ErrTooLong, swap.Len(), e.DownlinkDR, e.Payload, swap.Len()-e.Payload)
	}
	write := dfu.Command{Op: dfu.OpWrite, Version: version}
	for offset := 0; offset < e.Size; offset += len(write.Data) {
		write.Offset = uint32(offset)
		write.Data = image[:chunk(e.Size-offset, write.MaxData(e.Payload))]
		e.Writes++
		if err := e.send(rules, write); err != nil {
			return err
		}
	}
	return e.send(rules, swap)
}

// send counts a downlink.
func (e *Estimate) send(rules *region.Region, c dfu.Command) error {
	airtime, err := rules.DownlinkAirtime(e.DownlinkDR, c.Len())
	if err != nil {
		return err
	}
	e.Downlinks++
	e.AirtimeS += airtime.Seconds()
	if c.Op == dfu.OpWrite {
		e.DownlinkAirtimeS = max(e.DownlinkAirtimeS, airtime.Seconds())
	}
	return nil
}

// chunk returns how many of the left bytes one Write carries: whole words, or the rest of
// the last word. Where a Swap fits, at least one word fits.
func chunk(left, room int) int {
	if left < align {
		return left
	}
	n := min(left, room)
	return n - n%align
}
