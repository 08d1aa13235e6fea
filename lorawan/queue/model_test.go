package queue_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"havn/dfu"
	"havn/lorawan/event"
	"havn/lorawan/queue"
)

// network is what the network server and the radio do, each in percent.
type network struct {
	named    bool // events name the downlink
	replaces bool // an answer can take the place of the queue, which a join keeps
	lost     int  // a downlink does not reach the queue
	late     int  // a downlink reaches the queue after the window
	starve   int  // MAC commands leave room for a probe alone
	fault    int  // the radio gateway does not send the downlink
	refuse   int  // the downlink is too long
	deaf     int  // the device does not receive the downlink
	noTxAck  int  // the txack is lost
	slow     int  // the txack comes after the next uplink
	join     int
	other    int // the uplink holds no Status
	commands int // a command waits
}

// model is the queue of a network server, with the device and the account of the queue.
type model struct {
	t *testing.T
	network
	rnd    *rand.Rand
	now    time.Time
	book   queue.Queue
	queue  []queue.Item
	late   []queue.Item
	slow   []event.DownlinkID // of txacks that come after the next uplink
	offset uint32             // of the device
}

func (m *model) happens(percent int) bool { return m.rnd.IntN(100) < percent }

// name returns what an event calls a downlink.
func (m *model) name(it queue.Item) event.DownlinkID {
	if m.named {
		return it.ID
	}
	return unnamed
}

// uplink is an uplink with its answer and its window.
func (m *model) uplink() {
	m.now = m.now.Add(time.Minute)
	if m.happens(m.join) {
		m.rejoin()
	}
	if m.happens(m.commands) {
		m.command() // wakes the front
	}
	m.book.Passed(m.now)
	switch {
	case m.happens(m.other):
		m.book.Free()
		m.command()
	case !m.answer():
		m.command()
	}
	for _, id := range m.slow {
		m.book.Sent(id)
	}
	m.slow = nil
	m.window()
	m.queue, m.late = append(m.queue, m.late...), nil
}

func (m *model) rejoin() {
	if m.late, m.slow = nil, nil; !m.replaces {
		m.queue = nil
	}
	m.book.Flushed()
}

// answer is the front that is asked for the next Write.
func (m *model) answer() bool {
	m.book.See(&dfu.Status{Updating: true, Update: dfu.Progress{Version: version, Offset: m.offset}})
	switch free := m.book.Free(); {
	case free || m.replaces && m.book.Overdue():
		if !m.replaces {
			m.holdsNoWrite("free")
		}
		it := queue.Item{ID: event.NewDownlinkID(), Op: dfu.OpWrite, Version: version, Offset: m.offset}
		m.book.Put(it, m.now)
		m.enqueue(it, m.replaces)
	case m.book.Overdue():
		m.probe(queue.Item{ID: event.NewDownlinkID(), Op: dfu.OpWait})
	default:
		return false
	}
	return true
}

// command is the front that looks for a command.
func (m *model) command() {
	if !m.happens(m.commands) || !m.book.TakesCommand() {
		return
	}
	it := queue.Item{ID: event.NewDownlinkID(), Command: true}
	if !m.book.Idle() {
		m.probe(it)
		return
	}
	if !m.replaces {
		m.holdsNoWrite("idle")
	}
	m.book.Put(it, m.now)
	m.enqueue(it, false)
}

func (m *model) probe(it queue.Item) {
	m.book.PutProbe(it.ID)
	it.Size = 1 // marks a probe, which does not starve
	m.enqueue(it, false)
}

func (m *model) holdsNoWrite(said string) {
	m.t.Helper()
	all := append(slices.Clone(m.queue), m.late...)
	if slices.ContainsFunc(all, func(it queue.Item) bool { return it.Op == dfu.OpWrite }) {
		m.t.Fatalf("the account says %s and the queue is %+v", said, all)
	}
}

// enqueue is a downlink on its way to the queue.
func (m *model) enqueue(it queue.Item, replace bool) {
	if replace {
		m.queue, m.late = nil, nil
	}
	switch {
	case m.happens(m.lost):
	case m.happens(m.network.late):
		m.late = append(m.late, it)
	default:
		m.queue = append(m.queue, it)
	}
}

// window sends the first downlink of the queue, and tells.
func (m *model) window() {
	if len(m.queue) == 0 {
		return
	}
	it := m.queue[0]
	switch {
	case it.Size == 0 && m.happens(m.starve):
		return
	case m.happens(m.fault) && !m.replaces:
		m.book.Kept(m.name(it))
		return
	}
	m.queue = m.queue[1:]
	switch {
	case it.Size == 0 && m.happens(m.refuse), m.happens(m.fault):
		m.book.Left(m.name(it))
		return
	case m.happens(m.noTxAck):
	case m.happens(m.network.slow):
		m.slow = append(m.slow, m.name(it))
	default:
		m.book.Sent(m.name(it))
	}
	if it.Op == dfu.OpWrite && it.Offset == m.offset && !m.happens(m.deaf) {
		m.offset += 100
	}
}

// TestNeverTwoWrites: whatever the network does, the account does not say that a
// downlink may be sent while a Write is in the queue, and the device goes on.
func TestNeverTwoWrites(t *testing.T) {
	for name, n := range map[string]network{
		"peace":       {},
		"commands":    {other: 30, commands: 50},
		"radio":       {deaf: 30, noTxAck: 10, commands: 10},
		"late":        {late: 40, deaf: 10, commands: 10},
		"too late":    {late: 100, commands: 10},
		"starved":     {starve: 80, late: 10, other: 10, commands: 10},
		"faults":      {fault: 50, refuse: 10, deaf: 10},
		"lost":        {lost: 10, deaf: 10, commands: 20},
		"slow":        {slow: 50, deaf: 20, commands: 20},
		"slow probes": {starve: 80, slow: 50, deaf: 10},
		"joins":       {join: 10, late: 20, starve: 20, slow: 10},
		"all": {lost: 10, late: 10, starve: 20, fault: 10, refuse: 5, deaf: 20, noTxAck: 10, slow: 10, join: 2,
			other: 20, commands: 20},
	} {
		for kind, server := range map[string]network{
			"v3": {}, "v4": {named: true}, "replaces": {named: true, replaces: true},
		} {
			n.named, n.replaces = server.named, server.replaces
			for seed := range uint64(100) {
				m := &model{t: t, network: n, now: start, rnd: rand.New(rand.NewPCG(seed, 1))}
				for range 400 {
					m.uplink()
				}
				if m.offset < 1000 {
					t.Errorf("%s, %s, seed %d: offset %d", name, kind, seed, m.offset)
				}
			}
		}
	}
}
