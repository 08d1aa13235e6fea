package main

import (
	"os"
	"path/filepath"
	"testing"

	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/droguetest/wire"
)

// TestDamagedSpool: a gateway whose spool is damaged begins a new one, says so,
// and reports every device again, also those that are not heard any more.
func TestDamagedSpool(t *testing.T) {
	t.Parallel()
	c, u := newCloud(t, droguetest.Options{}), newUnreliable(t)
	s := newSite(t, u.host, c.section())
	c.desire(u.host + "/app/fw:stable")
	c.add("a", "b")
	first := u.publish(s, "app/fw:stable", "v1", 5002)
	s.start()
	s.updates("write", "app/a", "v0", "v1", first)
	s.updates("block", "app/b", "v0", "v1", first)
	c.knows("v1", "a", "b")
	c.reach(wire.Away)
	second := u.publish(s, "app/fw:stable", "v2", 6002)
	s.updates("block", "app/a", "v1", "v2", second)
	s.updates("write", "app/b", "v1", "v2", second)
	s.stop()
	before := c.count()

	spool := filepath.Join(s.dir, "data", "spool.db")
	info, err := os.Stat(spool)
	if err != nil {
		t.Fatal(err)
	}
	s.write("data/spool.db", random(t, int(info.Size())))
	s.start()
	s.logsAll("the spool is damaged", "every device is reported again", "spool.damaged.db")
	if _, err := os.Stat(filepath.Join(s.dir, "data", "spool.damaged.db")); err != nil {
		t.Error(err)
	}
	c.reach(wire.Up)
	c.knows("v2", "a", "b")
	s.drains()
	if n := c.count() - before; n != 2 {
		t.Errorf("%d events for two devices", n)
	}
	s.stop()
}
