package lorawan

import (
	"container/list"

	"havn/lorawan/event"
)

// maxDevices bounds the table: 65536 devices take about 45 MB.
const maxDevices = 1 << 16

// deviceKey is the DevEUI, or the name of a device that has none.
type deviceKey struct {
	eui  event.DevEUI
	name string
}

func keyOf(d event.Device) deviceKey {
	if d.EUI == (event.DevEUI{}) {
		return deviceKey{name: d.Name}
	}
	return deviceKey{eui: d.EUI}
}

// table holds the devices that were heard. When it is full, the device that was not
// heard for the longest time is forgotten.
type table struct {
	byKey  map[deviceKey]*list.Element // of *device
	byName map[string]*device          // by what the gateway calls them; of two, the last one heard
	order  list.List                   // of *device, the last one heard first
}

func newTable() table {
	return table{byKey: map[deviceKey]*list.Element{}, byName: map[string]*device{}}
}

// find returns a known device, or nil.
func (t *table) find(d event.Device) *device {
	e := t.byKey[keyOf(d)]
	if e == nil {
		return nil
	}
	t.order.MoveToFront(e)
	return e.Value.(*device)
}

// meet returns a device and adds it if it is not known. It reports whether another
// device was forgotten.
func (t *table) meet(d event.Device) (dev *device, evicted bool) {
	if dev = t.find(d); dev != nil {
		return dev, false
	}
	if evicted = len(t.byKey) >= maxDevices; evicted {
		gone := t.order.Remove(t.order.Back()).(*device)
		delete(t.byKey, gone.key)
		t.unname(gone)
	}
	dev = &device{key: keyOf(d)}
	t.byKey[dev.key] = t.order.PushFront(dev)
	return dev, evicted
}

// name sets what the gateway calls a device.
func (t *table) name(d *device, name string) {
	if t.byName[name] == d {
		return
	}
	t.unname(d)
	d.name = name
	t.byName[name] = d
}

func (t *table) unname(d *device) {
	if t.byName[d.name] == d {
		delete(t.byName, d.name)
	}
}
