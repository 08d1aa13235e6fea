package row

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"havn/dfu"
)

// Rows of one hash are told apart by their names.
func TestOneHash(t *testing.T) {
	table := &Table{index: newIndex()}
	h, s := table.index.hash([]byte("app"), []byte("b"))
	rows := map[string]*Row{}
	for _, name := range []string{"a", "b", "c"} {
		rows[name] = table.newRow(dfu.Device{Application: "app", Name: name})
		s.put(slot{h, rows[name]})
	}
	find := func(application, name string) *Row {
		return s.slots[s.find(h, []byte(application), []byte(name))].row
	}
	for name, row := range rows {
		if got := find("app", name); got != row {
			t.Errorf("%s: found %v", name, got)
		}
	}
	if got := find("other", "b"); got != nil {
		t.Errorf("found %v in another application", got.Device())
	}
	if !table.index.remove(rows["b"]) || table.index.remove(rows["b"]) {
		t.Error("not removed once")
	}
	if find("app", "a") != rows["a"] || find("app", "b") != nil || find("app", "c") != rows["c"] {
		t.Error("the others are not where they were")
	}
}

// The index holds what a map would hold, whatever came and went.
func TestIndexIsAMap(t *testing.T) {
	table := &Table{index: newIndex()}
	model := map[string]*Row{}
	for range 200_000 {
		dev := dfu.Device{Application: "app", Name: fmt.Sprint(rand.IntN(5000))}
		if row := table.index.row(dev); row != model[dev.Name] {
			t.Fatalf("%s: %v, want %v", dev.Name, row, model[dev.Name])
		} else if row != nil && rand.IntN(3) > 0 {
			delete(model, dev.Name)
			table.index.remove(row)
		} else if row == nil {
			model[dev.Name] = table.index.add(table.newRow(dev))
		}
	}
	n := 0
	for range table.index.all() {
		n++
	}
	if n != len(model) || table.index.count.Load() != int64(n) {
		t.Errorf("%d rows, want %d", n, len(model))
	}
}

// Each row is found, walked over once, and removed.
func TestTable(t *testing.T) {
	table := &Table{index: newIndex()}
	const n = 1000
	for i := range n {
		row := table.newRow(dfu.Device{Application: "app", Name: fmt.Sprint(i)})
		if again := table.newRow(row.Device()); table.index.add(row) != row || table.index.add(again) != row {
			t.Fatalf("row %d is not the only one of its device", i)
		}
	}
	seen := map[string]bool{}
	for row := range table.index.all() {
		seen[row.name] = true
	}
	if len(seen) != n || table.index.count.Load() != n || len(table.index.sample(16)) != 16 {
		t.Errorf("%d rows seen, %d counted", len(seen), table.index.count.Load())
	}
	for row := range table.index.all() {
		if !table.index.remove(row) {
			t.Errorf("%s was gone", row.name)
		}
	}
	if table.index.count.Load() != 0 || len(table.index.sample(16)) != 0 {
		t.Error("some rows are left")
	}
}
