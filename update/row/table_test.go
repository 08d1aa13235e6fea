package row

import (
	"fmt"
	"testing"

	"havn/dfu"
)

// Rows of one hash are told apart by their names.
func TestTwins(t *testing.T) {
	table := &Table{index: newIndex()}
	rows := map[string]*Row{}
	for _, name := range []string{"a", "b", "c"} {
		rows[name] = table.newRow(dfu.Device{Application: "app", Name: name})
	}
	h := table.index.hash([]byte("app"), []byte("b"))
	s := &table.index.parts[h%shards]
	rows["a"].twin, rows["b"].twin = rows["b"], rows["c"]
	s.rows[h] = rows["a"]
	for name, row := range rows {
		if got := s.find(h, []byte("app"), []byte(name)); got != row {
			t.Errorf("%s: found %v", name, got)
		}
	}
	if got := s.find(h, []byte("other"), []byte("b")); got != nil {
		t.Errorf("found %v in another application", got.Device())
	}
	if !table.index.remove(rows["b"]) || table.index.remove(rows["b"]) {
		t.Error("not removed once")
	}
	if got := len(s.all()); got != 2 || table.index.row(dfu.Device{Application: "app", Name: "b"}) != nil {
		t.Errorf("%d rows are left", got)
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
