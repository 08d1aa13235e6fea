// Package reporttest checks the reports of benchmarks in their tests: that each
// can be written in all its forms, and has what others read.
package reporttest

import (
	"encoding/json"
	"strings"
	"testing"

	"havn/bench/report"
)

// Fields returns the report as JSON, read back.
func Fields(t *testing.T, r report.Report) map[string]any {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

// Render checks that a report can be written in all forms, and that the text
// has each of want.
func Render(t *testing.T, r report.Report, want ...string) {
	t.Helper()
	var text, page strings.Builder
	if err := r.Text(&text); err != nil {
		t.Error(err)
	}
	if err := r.Page().Write(&page); err != nil {
		t.Error(err)
	}
	if !strings.Contains(page.String(), "<svg") {
		t.Error("the page has no plot")
	}
	for _, w := range want {
		if !strings.Contains(text.String(), w) {
			t.Errorf("the text lacks %q:\n%s", w, text.String())
		}
	}
	machine, _ := Fields(t, r)["machine"].(map[string]any)
	if machine["cpus"] == 0.0 || machine["go"] == "" {
		t.Errorf("machine %v", machine)
	}
}
