package gateway

import (
	"havn/firmware"
	"havn/upstream/hawkbit"
)

// openHawkbit adds the source of hawkBit to all, where one is configured.
func (g *Gateway) openHawkbit(all firmware.Sources) (err error) {
	if g.cfg.Firmware.Hawkbit.URL == "" {
		return nil
	}
	g.hawkbit, err = hawkbit.New(g.cfg.Firmware.Hawkbit, g.store.Documents(), g.log)
	if err == nil {
		all[hawkbit.Kind.Name] = g.hawkbit
	}
	return err
}
