package upstream_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"havn/dfu"
	"havn/status"
	"havn/upstream"
)

// A fleet updates while nothing upstream can be reached. What arrives later is
// the transitions, since the progress between them is of no use any more.
func TestFleetUpdatesDuringAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const fleet = 500
		c := newCloud("c")
		c.away = errAway
		g := newGateway(t, c)
		defer func() { g.stop() }()
		g.publish("v2", 16<<10)
		g.tick(21 * time.Second)
		devices := make([]*device, fleet)
		for i := range devices {
			devices[i] = newDevice(i)
		}
		for done := 0; done < fleet; g.tick(time.Second) {
			done = 0
			for _, d := range devices {
				if d.ask(g, true) == dfu.OpSync {
					done++
				}
			}
		}
		g.tick(time.Hour)
		if n := g.spool.Stats(); n.Events != 2*fleet || n.Superseded < fleet {
			t.Errorf("%d events kept, %d superseded", n.Events, n.Superseded)
		}
		c.setAway(nil)
		g.tick(2 * time.Minute)
		h := histories(c)
		for _, d := range devices {
			if got := h[d.name]; len(got) != 2 || got[1] != (stand{status.InSync, "v2", "v2"}) {
				t.Fatalf("%s: %v", d.name, got)
			}
		}
	})
}

// stand is where a device stands, without its progress.
type stand struct {
	state           status.State
	current, target string
}

func standOf(v status.Status) stand { return stand{v.State, v.Current, v.Target} }

// histories returns what a cloud was told of each device, in order.
func histories(c *cloud) map[string][]stand {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := map[string][]stand{}
	for _, e := range c.taken {
		h[e.Device.Name] = append(h[e.Device.Name], stand{e.Status.State, e.Status.Current, e.Status.Target})
	}
	return h
}

// model runs a gateway through random work, outages and kills, and remembers
// what upstreams must have learned in the end.
type model struct {
	*gateway
	random  *rand.Rand
	devices []*device
	stands  map[string][]stand // of each device, whenever a flush must have seen it
	version int
	kills   int
}

func TestNothingIsLost(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &model{random: rand.New(rand.NewPCG(seed, 1)), version: 1, stands: map[string][]stand{}}
				a, b := newCloud("a"), newCloud("b")
				for i, c := range []*cloud{a, b} {
					c.latency = 50 * time.Millisecond
					c.lossy = rand.New(rand.NewPCG(seed, uint64(i)))
				}
				m.gateway = newGateway(t, a, b)
				defer func() { m.stop() }()
				for i := range 6 {
					m.devices = append(m.devices, newDevice(i))
				}
				for range 250 {
					m.step()
				}
				m.settle()
				m.check()
			})
		})
	}
}

// step lets one thing happen.
func (m *model) step() {
	switch n := m.random.IntN(100); {
	case n < 60:
		d := m.devices[m.random.IntN(len(m.devices))]
		for range m.random.IntN(8) {
			d.ask(m.gateway, m.random.IntN(10) > 0)
		}
		m.tick(time.Duration(m.random.IntN(2000)) * time.Millisecond)
	case n < 80:
		m.observe()
	case n < 85:
		m.tick(time.Minute)
	case n < 90:
		m.version++
		m.publish(fmt.Sprint("v", m.version), 2000+m.random.IntN(4000))
	case n < 96:
		away := []error{nil, errAway}[m.random.IntN(2)]
		m.clouds[m.random.IntN(len(m.clouds))].setAway(away)
	default:
		m.kill()
	}
	if m.fuse.isBurnt() {
		m.kill()
	}
}

// observe waits for a flush and notes where all devices stand. States that
// pass by themselves need not be told.
func (m *model) observe() {
	m.tick(2 * time.Second)
	var seen []status.Status
	for _, v := range m.Devices("app") {
		if v.State != status.Waiting && v.State != status.Unknown {
			seen = append(seen, v)
		}
	}
	m.tick(2 * time.Second) // nobody is heard: what was seen is what is flushed
	if m.fuse.isBurnt() {
		return
	}
	for _, v := range seen {
		now, err := m.Device(v.Device)
		if list := m.stands[v.Name]; err == nil && standOf(now) == standOf(v) &&
			(len(list) == 0 || list[len(list)-1] != standOf(v)) {
			m.stands[v.Name] = append(list, standOf(v))
		}
	}
}

// kill ends the process without another write, and starts one that will be
// killed at one of its own.
func (m *model) kill() {
	m.fuse.burn()
	m.stop()
	m.kills++
	m.start(&fuse{left: m.random.IntN(60), after: m.random.IntN(2) == 0})
}

// settle lets everything come to its end: no more kills, upstreams there, and
// only some devices heard again.
func (m *model) settle() {
	m.kill()
	m.fuse.burn()
	m.stop()
	for _, c := range m.clouds {
		c.setAway(nil)
	}
	m.start(&fuse{left: -1})
	m.devices[0].ask(m.gateway, true)
	m.tick(10 * time.Minute)
	for _, c := range m.clouds {
		c.mu.Lock()
		c.lossy = nil
		c.mu.Unlock()
	}
	m.tick(10 * time.Minute)
}

// check compares what upstreams took with what devices did.
func (m *model) check() {
	if n := m.spool.Stats().Events; n != 0 {
		m.t.Errorf("%d events left", n)
	}
	for _, c := range m.clouds {
		h := histories(c)
		for _, d := range m.devices {
			v, err := m.Device(dfu.Device{Application: "app", Name: d.name})
			told := h[d.name]
			if err != nil || len(told) == 0 || told[len(told)-1] != standOf(v) {
				m.t.Errorf("%s: %s ends as %v, want %v (%v)", c.name, d.name, told, v, err)
			}
			if missing, ok := within(m.stands[d.name], told); !ok {
				m.t.Errorf("%s: %s: %v never arrived in its place\nseen %v\ntold %v",
					c.name, d.name, missing, m.stands[d.name], told)
			}
		}
		for _, fault := range append(c.broken(), disorder(c)...) {
			m.t.Errorf("%s: %s", c.name, fault)
		}
	}
	m.t.Logf("%d kills, %d and %d events", m.kills, len(m.clouds[0].taken), len(m.clouds[1].taken))
}

// within reports whether part appears in whole in its order.
func within(part, whole []stand) (missing stand, ok bool) {
	for _, s := range part {
		i := 0
		for i < len(whole) && whole[i] != s {
			i++
		}
		if i == len(whole) {
			return s, false
		}
		whole = whole[i:]
	}
	return stand{}, true
}

// disorder returns the events that arrived for the first time after newer ones
// of the same device. Repetitions are allowed.
func disorder(c *cloud) (faults []string) {
	newest := map[dfu.Device]upstream.Event{}
	seen := map[string]bool{}
	for _, e := range c.taken {
		key := fmt.Sprint(e)
		if !seen[key] && e.Time.Before(newest[e.Device].Time) {
			faults = append(faults, fmt.Sprintf("%v came after %v", e, newest[e.Device]))
		}
		if seen[key] = true; e.Time.After(newest[e.Device].Time) {
			newest[e.Device] = e
		}
	}
	return faults
}
