package update_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/firmware/firmwaretest"
	"havn/status"
	"havn/update"
)

// hanging is a source that answers when its caller gives up.
type hanging struct{ firmware.Source }

func (hanging) Resolve(ctx context.Context, _ dfu.Device, _ firmware.Spec) (firmware.Metadata, error) {
	<-ctx.Done()
	return firmware.Metadata{}, context.Cause(ctx)
}

// stuck returns an engine, not running, whose source hangs.
func (w *world) stuck() *update.Engine {
	w.t.Helper()
	e, err := update.New(w.cfg, update.Parts{
		Desired: w.desired, Source: hanging{w.src}, Images: w.images, Store: w.store, Clock: time.Now,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w *world) assignments() int {
	w.t.Helper()
	all, err := w.store.LoadAssignments()
	if err != nil {
		w.t.Fatal(err)
	}
	return len(all)
}

// A registry that hangs is away: the assignment is made, before the operator
// loses patience.
func TestAssignWhileTheSourceHangs(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		dev := dfu.Device{Application: "app", Name: "x"}
		if err := w.stuck().Assign(ctx, dev, container("fw")); err != nil {
			t.Error(err)
		}
		if n := w.assignments(); n != 1 {
			t.Errorf("%d assignments are stored", n)
		}
	})
}

// An operator who was told that it failed must find nothing assigned.
func TestAssignGivenUp(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(t.Context())
		refused := make(chan error)
		go func() {
			dev := dfu.Device{Application: "app", Name: "x"}
			refused <- w.stuck().Assign(ctx, dev, container("fw"))
		}()
		synctest.Wait()
		cancel()
		if err := <-refused; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if n := w.assignments(); n != 0 {
			t.Errorf("%d assignments are stored", n)
		}
	})
}

// What an older gateway assigned, or a newer one, this one may have no source for:
// the row says so, and the assignment is kept as it came.
func TestUnknownKindIsKept(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		const text = `{"tekton":{"pipeline":"p"}}`
		dev := dfu.Device{Application: "app", Name: "d"}
		spec, err := firmware.Kinds{firmwaretest.Kind}.Parse([]byte(text))
		if err == nil {
			err = w.store.SaveAssignment(dev, &spec)
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			w.restart()
			if cmd := w.ask("d", running("v1")); cmd.Op != dfu.OpWait {
				t.Errorf("the answer is %v", cmd.Op)
			}
			v := w.view("d")
			if v.State != status.Waiting || !strings.Contains(v.Error, `no source of kind "tekton": name test`) {
				t.Errorf("the row is %s: %s", v.State, v.Error)
			}
		}
		all, err := w.store.LoadAssignments()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(all[dev]); err != nil || string(got) != text {
			t.Errorf("kept as %s, %v", got, err)
		}
	})
}

func TestAssign(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		dev := dfu.Device{Application: "app", Name: "d"}
		w.publish("special", "s1", 100)
		w.ask("d", running("v1"))
		if err := w.Assign(context.Background(), dev, container("special")); err != nil {
			t.Fatal(err)
		}
		w.restart()
		w.expect(w.ask("d", running("v1")), dfu.OpWrite, "s1", 0)
		w.expect(w.ask("e", running("v1")), dfu.OpWrite, "v2", 0)
		if err := w.Unassign(dev); err != nil {
			t.Fatal(err)
		}
		w.expect(w.ask("d", running("v1")), dfu.OpWrite, "v2", 0)
		if err := w.Unassign(dev); !errors.Is(err, firmware.ErrNotFound) {
			t.Errorf("second unassign: %v", err)
		}
		if err := w.Assign(context.Background(), dev, container("missing")); !errors.Is(err, firmware.ErrNotFound) {
			t.Errorf("assignment of a missing image: %v", err)
		}
		if err := w.Assign(context.Background(), dev, firmware.Spec{}); !errors.Is(err, firmware.ErrInvalid) {
			t.Errorf("empty assignment: %v", err)
		}
	})
}

func TestForget(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		dev := dfu.Device{Application: "app", Name: "d"}
		w.ask("d", running("v1"))
		w.tick(2 * time.Second)
		if err := w.Forget(dev); err != nil {
			t.Fatal(err)
		}
		w.restart()
		if _, err := w.Device(dev); !errors.Is(err, firmware.ErrNotFound) {
			t.Errorf("forgotten device: %v", err)
		}
	})
}
