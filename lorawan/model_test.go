package lorawan_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"havn/dfu"
	"havn/lorawan"
	"havn/lorawan/event"
)

// model is a network server's queue for one device that updates.
type model struct {
	*world
	kind      lorawan.Server
	rnd       *rand.Rand
	queue     []event.Downlink
	offset    int // of the device
	delivered int // commands
}

func newModel(t *testing.T, kind lorawan.Server, seed uint64) *model {
	return &model{world: newWorld(t, server(kind)), kind: kind, rnd: rand.New(rand.NewPCG(seed, 1))}
}

func (m *model) chance(percent int) bool { return m.rnd.IntN(100) < percent }

// step is an uplink with its window, and what comes in between.
func (m *model) step() {
	if m.chance(30) {
		m.send("port:2", "command")
		m.tell(pending)
	}
	up := m.uplink(5, at(m.offset))
	if m.chance(20) {
		up = m.say(2, "telemetry")
	}
	dl, ok := m.handle(up)
	late := m.chance(10)
	if ok && !late {
		m.enqueue(dl)
	}
	m.window()
	if ok && late {
		m.enqueue(dl)
	}
}

// tell gives the handler an event, and the server what comes of it.
func (m *model) tell(e event.Event) {
	if dl, ok := m.handle(e); ok {
		m.enqueue(dl)
	}
}

func (m *model) enqueue(dl event.Downlink) {
	m.t.Helper()
	if m.chance(3) {
		return // lost on its way to the queue
	}
	if dl.Replace {
		m.queue = nil
	}
	m.queue = append(m.queue, dl)
	writes := 0
	for _, q := range m.queue {
		if c, err := dfu.ParseCommand(q.Payload); err == nil && q.FPort == 223 && c.Op == dfu.OpWrite {
			writes++
		}
	}
	if writes > 1 {
		m.t.Fatalf("%s: %d Writes are queued, among %d downlinks", m.kind, writes, len(m.queue))
	}
}

// window sends the first downlink that waits, if MAC commands leave it room.
func (m *model) window() {
	fOpts := 0
	if m.chance(20) {
		fOpts = 10
	}
	if len(m.queue) == 0 || len(m.queue[0].Payload)+fOpts > 242 {
		return
	}
	dl := m.queue[0]
	if m.chance(5) {
		m.tell(m.failure(dl))
		return
	}
	m.queue = slices.Delete(m.queue, 0, 1)
	if m.chance(80) {
		m.receive(dl)
	}
	if m.chance(90) {
		m.tell(event.TxAck{Device: sensor, ID: m.named(dl)})
	}
}

// failure is the error of a radio gateway.
func (m *model) failure(dl event.Downlink) event.Error {
	kept := m.kind != lorawan.TheThingsStack
	if !kept {
		m.queue = slices.Delete(m.queue, 0, 1)
	}
	return event.Error{
		Device: sensor, Reason: event.ReasonGateway, ID: m.named(dl), Queued: kept, Text: "TOO_LATE",
	}
}

func (m *model) named(dl event.Downlink) event.DownlinkID {
	if m.kind == lorawan.ChirpStackV3 {
		return event.DownlinkID{}
	}
	return dl.ID
}

// receive is the device: it writes what continues what it has.
func (m *model) receive(dl event.Downlink) {
	if dl.FPort != 223 {
		m.delivered++
		return
	}
	c, err := dfu.ParseCommand(dl.Payload)
	if err == nil && c.Op == dfu.OpWrite && int(c.Offset) == m.offset {
		m.offset += len(c.Data)
	}
}
