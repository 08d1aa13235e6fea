package lorawan_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"havn/dfu"
	"havn/lorawan"
	"havn/lorawan/event"
)

// chaos is how likely things go wrong, each in 0..1.
type chaos struct {
	upLoss, downLoss   float64
	late               float64 // the answer comes after its window
	commandLoss        float64
	eventLoss          float64 // of txack and error events
	duplicate          float64 // of uplink events
	starve             float64 // MAC commands take 15 bytes of the window
	fault              float64 // of the radio gateway: the item is kept
	rejoin             float64
	rateChange, reboot float64
}

// site is a model of a network server with one device, and of that device,
// window by window.
type site struct {
	*world
	rnd   *rand.Rand
	c     chaos
	named bool // events name the downlink, as those of ChirpStack v4
	queue []event.Downlink
	late  []event.Downlink
	dr    int

	version string
	offset  int
	wrong   int // Writes at another offset than the device's
	most    int // Writes in the queue at once
}

func (s *site) happens(p float64) bool { return s.rnd.Float64() < p }

func (s *site) tell(e event.Event) {
	if !s.happens(s.c.eventLoss) {
		s.handle(e)
	}
}

func (s *site) id(dl event.Downlink) (id event.DownlinkID) {
	if s.named {
		id = dl.ID
	}
	return id
}

func isWrite(dl event.Downlink) bool {
	cmd, err := dfu.ParseCommand(dl.Payload)
	return err == nil && cmd.Op == dfu.OpWrite
}

func (s *site) enqueue(dl event.Downlink) {
	if dl.Replace {
		s.queue = nil
	}
	s.queue = append(s.queue, dl)
	writes := 0
	for _, it := range s.queue {
		if isWrite(it) {
			writes++
		}
	}
	s.most = max(s.most, writes)
}

// window is one uplink and what comes of it.
func (s *site) window() {
	if s.happens(s.c.reboot) {
		s.offset = 0
	}
	if s.happens(s.c.rateChange) {
		s.dr = []int{0, 3, 5}[s.rnd.IntN(3)]
	}
	if s.happens(s.c.rejoin) {
		s.queue, s.late, s.fCnt = nil, nil, 0
		s.tell(event.Joined{Device: sensor})
	}
	for _, dl := range s.late {
		s.enqueue(dl)
	}
	s.late = nil
	st := at(s.offset)
	st.Version = []byte(s.version)
	up := s.uplink(s.dr, st)
	if s.happens(s.c.upLoss) {
		return
	}
	dl, answered := s.handle(up)
	if s.happens(s.c.duplicate) {
		if _, again := s.handle(up); again {
			s.t.Fatal("answered twice")
		}
	}
	switch {
	case !answered || s.happens(s.c.commandLoss):
	case s.happens(s.c.late):
		s.late = append(s.late, dl)
	default:
		s.enqueue(dl)
	}
	s.transmit()
}

var limits = map[int]int{0: 51, 3: 115, 5: 242}

// transmit uses the window as ChirpStack does.
func (s *site) transmit() {
	for len(s.queue) > 0 && len(s.queue[0].Payload) > limits[s.dr] {
		s.tell(event.Error{Device: sensor, Reason: event.ReasonOversize, ID: s.id(s.queue[0])})
		s.queue = s.queue[1:]
	}
	if len(s.queue) == 0 {
		return
	}
	head := s.queue[0]
	switch {
	case s.happens(s.c.starve) && len(head.Payload)+15 > limits[s.dr]:
		return
	case s.happens(s.c.fault):
		s.tell(event.Error{Device: sensor, Reason: event.ReasonGateway, ID: s.id(head), Queued: true})
		return
	}
	s.queue = s.queue[1:]
	s.tell(event.TxAck{Device: sensor, ID: s.id(head)})
	if !s.happens(s.c.downLoss) {
		s.receive(head.Payload)
	}
}

// receive is the device.
func (s *site) receive(payload []byte) {
	cmd, err := dfu.ParseCommand(payload)
	switch {
	case err != nil:
		s.t.Fatal(err)
	case cmd.Op == dfu.OpWrite && int(cmd.Offset) != s.offset:
		s.wrong++
	case cmd.Op == dfu.OpWrite:
		if !bytes.Equal(cmd.Data, s.image[s.offset:s.offset+len(cmd.Data)]) {
			s.t.Fatalf("wrong bytes at %d", s.offset)
		}
		s.offset += len(cmd.Data)
	case cmd.Op == dfu.OpSwap && s.offset == len(s.image):
		s.version, s.offset = string(cmd.Version), 0
	}
}

// run lets windows go by in chaos, then in peace, until the device is updated.
func (s *site) run(windows int) error {
	for range windows {
		s.window()
	}
	s.c = chaos{}
	for range 400 {
		if s.version == wanted {
			return nil
		}
		s.window()
	}
	return fmt.Errorf("stuck at %d of %d bytes; queue of %d", s.offset, len(s.image), len(s.queue))
}

func newSite(t testing.TB, kind lorawan.Server, c chaos, seed uint64) *site {
	return &site{
		world: newWorld(t, server(kind), func(s *settings) { s.shelf = newShelf(wanted, 2048) }),
		rnd:   rand.New(rand.NewPCG(seed, 1)), c: c, named: kind != lorawan.ChirpStackV3,
		version: running,
	}
}

// TestSchedules: whatever goes wrong, and in whatever order, never are two
// Writes queued, no Write comes a second time, and in the end the device is
// updated.
func TestSchedules(t *testing.T) {
	schedules := map[string]chaos{
		"radio":    {upLoss: 0.2, downLoss: 0.3, duplicate: 0.2},
		"late":     {downLoss: 0.1, late: 0.4, rateChange: 0.1},
		"too late": {late: 1},
		"starved":  {downLoss: 0.1, starve: 0.8, late: 0.1},
		"faults":   {downLoss: 0.1, fault: 0.5, late: 0.1, rateChange: 0.2},
		"joins":    {downLoss: 0.1, late: 0.2, rejoin: 0.1, starve: 0.2},
		"lost":     {commandLoss: 0.5, downLoss: 0.1, upLoss: 0.1},
		"deaf":     {commandLoss: 1},
		"all": {upLoss: 0.1, downLoss: 0.1, late: 0.1, commandLoss: 0.1, duplicate: 0.1, starve: 0.1,
			fault: 0.1, rejoin: 0.03, rateChange: 0.1},
	}
	for name, c := range schedules {
		for _, kind := range []lorawan.Server{
			lorawan.ChirpStackV3, lorawan.ChirpStackV4, lorawan.TheThingsStack,
		} {
			for seed := range uint64(40) {
				s := newSite(t, kind, c, seed)
				if err := s.run(100); err != nil {
					t.Errorf("%s, %s, seed %d: %v", name, kind, seed, err)
				}
				if s.most > 1 {
					t.Errorf("%s, %s, seed %d: %d Writes queued at once", name, kind, seed, s.most)
				}
				if s.wrong > 0 {
					t.Errorf("%s, %s, seed %d: %d stale Writes delivered", name, kind, seed, s.wrong)
				}
			}
		}
	}
}

// TestSchedulesWithReboots: a device that forgets its offset is served on, and
// a broker that loses events does no harm where downlinks have names.
func TestSchedulesWithReboots(t *testing.T) {
	for _, kind := range []lorawan.Server{lorawan.ChirpStackV3, lorawan.ChirpStackV4} {
		c := chaos{downLoss: 0.1, late: 0.2, reboot: 0.05, duplicate: 0.1}
		if kind == lorawan.ChirpStackV4 {
			c.eventLoss = 0.2
		}
		for seed := range uint64(60) {
			s := newSite(t, kind, c, seed)
			if err := s.run(100); err != nil || s.most > 1 {
				t.Errorf("%s, seed %d: %d Writes queued at once, %v", kind, seed, s.most, err)
			}
		}
	}
}
