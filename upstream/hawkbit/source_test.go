package hawkbit

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"havn/firmware"
	"havn/status"
	"havn/upstream/hawkbit/hawkbittest"
)

func TestResolveAndFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, data := newWorld(t, hawkbittest.Config{}), image(5000)
		id := w.assign("1.2.0", data)
		m := w.mustResolve()
		want := firmware.Metadata{
			Version: "1.2.0", Digest: sha256.Sum256(data), Size: 5000, Order: "1",
			Origin: firmware.Origin{Kind: Kind.Name, Repository: "dev1", Manifest: "1",
				Path: "http://hawkbit.test/DEFAULT/controller/v1/dev1/softwaremodules/1/artifacts/fw.bin"},
		}
		if diff := cmp.Diff(want, m); diff != "" {
			t.Error(diff)
		}
		if err := w.download(m); err != nil {
			t.Error(err)
		}
		if got := w.server.Attributes("dev1"); got["gateway"] != "havn" {
			t.Errorf("attributes %v", got)
		}
		var statuses []string
		for _, e := range w.server.Action(id).Entries {
			statuses = append(statuses, e.Status)
		}
		if !slices.Equal(statuses, []string{"RUNNING", "RETRIEVED", "DOWNLOAD"}) {
			t.Errorf("entries %v", statuses)
		}
	})
}

func TestNothingAssigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		if _, err := w.resolve("dev1"); !errors.Is(err, firmware.ErrNotFound) ||
			!strings.Contains(err.Error(), "controller dev1") {
			t.Error(err)
		}
	})
}

func TestSleepIsHonoured(t *testing.T) {
	for sleep, want := range map[string]time.Duration{
		"00:05:00": 5 * time.Minute, "PT36H": 36 * time.Hour, "00:00:30": 30 * time.Second,
		"": 5 * time.Minute, "nonsense": defaultSleep, "00:00:00": minSleep,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, hawkbittest.Config{Sleep: sleep})
			w.assign("1", image(10))
			w.mustResolve()
			polls := w.Stats().Polls.Load()
			time.Sleep(want - time.Millisecond)
			if w.mustResolve(); w.Stats().Polls.Load() != polls {
				t.Errorf("sleep %q: polled before it was over", sleep)
			}
			time.Sleep(time.Millisecond)
			if w.mustResolve(); w.Stats().Polls.Load() != polls+1 {
				t.Errorf("sleep %q: %d polls after it was over", sleep, w.Stats().Polls.Load()-polls)
			}
		})
	}
}

// TestUnchangedPolls requires that a deployment is read once, and that a poll
// that brings nothing new is answered with 304.
func TestUnchangedPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		w.assign("1", image(10))
		first := w.mustResolve()
		for range 5 {
			time.Sleep(time.Hour)
			if m := w.mustResolve(); m.Digest != first.Digest {
				t.Fatalf("%+v", m)
			}
		}
		w.restart()
		w.mustResolve()
		if n := w.asked("GET /DEFAULT/controller/v1/dev1/deploymentBase"); n != 1 {
			t.Errorf("deployment read %d times", n)
		}
	})
}

func TestConfirmation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		id := w.server.Assign(hawkbittest.Assignment{
			Controller: "dev1", Modules: hawkbittest.Firmware("1", "a.bin", image(10)), Confirm: true,
		})
		if m := w.mustResolve(); m.Version != "1" {
			t.Errorf("%+v", m)
		}
		if a := w.server.Action(id); a.Status != hawkbittest.Running {
			t.Errorf("%+v", a)
		}
	})
}

func TestSoftIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		w.server.Assign(hawkbittest.Assignment{
			Controller: "dev1", Modules: hawkbittest.Firmware("1", "a.bin", image(10)),
			Type: hawkbittest.Soft,
		})
		m := w.mustResolve()
		if err := w.maySwap(m.Digest); err != nil {
			t.Error(err)
		}
	})
}

func TestUnusableDeployment(t *testing.T) {
	for name, test := range map[string]struct {
		cfg  hawkbittest.Config
		file string
		size int
		want string
	}{
		"no sha256": {hawkbittest.Config{OmitSHA256: true}, "a.bin", 10, "no sha256"},
		"no match":  {hawkbittest.Config{}, "a.hex", 10, "os/a.hex"},
		"empty":     {hawkbittest.Config{}, "a.bin", 0, "size"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, test.cfg)
			id := w.server.Assign(hawkbittest.Assignment{
				Controller: "dev1", Modules: hawkbittest.Firmware("1", test.file, image(test.size)),
			})
			for range 3 {
				_, err := w.resolve("dev1")
				if !errors.Is(err, firmware.ErrInvalid) || !strings.Contains(err.Error(), test.want) ||
					!strings.Contains(err.Error(), "action 1") {
					t.Errorf("%s: %v", name, err)
				}
				time.Sleep(time.Hour)
			}
			if n := w.count(id, hawkbittest.Warning); n != 1 {
				t.Errorf("%s: said %d times", name, n)
			}
			if !w.server.Action(id).Active {
				t.Errorf("%s: the action was ended", name)
			}
		})
	}
}

func TestInstalledBeforeUs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		w.assign("1", image(10))
		m := w.mustResolve()
		w.mustReport(status.Status{State: status.InSync, Digest: m.Digest, Current: "1"})
		w.store.m = map[string][]byte{} // a new box
		w.restart()
		again := w.mustResolve()
		if again.Digest != m.Digest || again.Version != "1" {
			t.Errorf("%+v", again)
		}
		time.Sleep(time.Hour)
		w.mustResolve()
		if n := w.asked("GET /DEFAULT/controller/v1/dev1/installedBase"); n != 1 {
			t.Errorf("installedBase read %d times", n)
		}
		if err := w.download(again); !errors.Is(err, firmware.ErrNotFound) {
			t.Errorf("closed action: %v", err)
		}
	})
}

func TestLinks(t *testing.T) {
	for name, cfg := range map[string]hawkbittest.Config{
		"relative":       {RelativeLinks: true},
		"internal name":  {Host: "10.0.0.1:8080", Rel: "download"},
		"only download":  {Rel: "download"},
		"download-https": {Rel: "download-https"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, cfg)
			w.net.serve(t, "10.0.0.1:8080", w.server)
			w.assign("1", image(10))
			m := w.mustResolve()
			err := w.download(m)
			if name == "internal name" { // the artifact's link is as given, without credentials
				if !errors.Is(err, firmware.ErrDenied) {
					t.Errorf("%s: %v", name, err)
				}
				return
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestWrongSpec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		for _, id := range []string{"", "..", strings.Repeat("x", 257)} {
			if _, err := w.resolve(id); !errors.Is(err, firmware.ErrInvalid) {
				t.Errorf("%.5q: %v", id, err)
			}
		}
		if n := len(w.server.Requests()); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestControllerIsEscaped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		const id = "a/b c%?#ü"
		w.server.Assign(hawkbittest.Assignment{
			Controller: id, Modules: hawkbittest.Firmware("1", "a b.bin", image(10)),
		})
		m, err := w.resolve(id)
		if err == nil {
			err = w.download(m)
		}
		if err != nil {
			t.Error(err)
		}
	})
}

// TestOneOrigin requires that controllers with one image share its origin, and
// that another open action steps in for one that was closed.
func TestOneOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		for _, id := range []string{"dev1", "dev2"} {
			w.server.Assign(hawkbittest.Assignment{
				Controller: id, Modules: hawkbittest.Firmware("1", "a.bin", image(10)),
			})
		}
		m := w.mustResolve()
		other, err := w.resolve("dev2")
		if err != nil || other.Origin != m.Origin {
			t.Errorf("%+v, %v", other, err)
		}
		w.mustReport(status.Status{State: status.InSync, Digest: m.Digest, Current: "1"})
		if other, err = w.resolve("dev2"); err != nil || other.Origin.Repository != "dev2" {
			t.Errorf("%+v, %v", other, err)
		}
		if err := w.download(m); err != nil {
			t.Errorf("through the origin of a closed action: %v", err)
		}
	})
}
