package event

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"havn/dfu"
	"havn/front"
)

const tagPrefix = "havn_"

// maxRX1DROffset is the highest offset that LoRaWAN has room for.
const maxRX1DROffset = 7

// ParseOverrides reads the tags of a device. Tags without the prefix havn_ are ignored. A
// tag with the prefix that cannot be used is ErrTag. The Things Stack allows no underscore
// in the name of an attribute, so a dash counts as an underscore.
func ParseOverrides(tags map[string]string) (Overrides, error) {
	var o Overrides
	for key, value := range tags {
		name, ours := strings.CutPrefix(strings.ReplaceAll(key, "-", "_"), tagPrefix)
		if !ours {
			continue
		}
		if err := o.set(name, value); err != nil {
			return Overrides{}, fmt.Errorf("%w %s=%q: %w", ErrTag, key, value, err)
		}
	}
	return o, nil
}

func (o *Overrides) set(name, value string) (err error) {
	switch name {
	case "rx1_dr_offset":
		var offset int
		offset, err = number(value, 0, maxRX1DROffset)
		o.RX1DROffset = dfu.Some(uint32(offset))
	case "max_payload":
		o.MaxPayload, err = number(value, 1, MaxPayload)
	case "align":
		o.Align, err = flashWord(value)
	default:
		return errors.New("known are havn_rx1_dr_offset, havn_max_payload, havn_align")
	}
	return err
}

func flashWord(s string) (int, error) {
	n, err := number(s, 1, front.MaxAlign)
	if err != nil {
		return 0, err
	}
	return n, front.ValidateAlign(n).Err()
}

func number(s string, least, most int) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("want a number within %d..%d", least, most)
	}
	return n, nil
}
