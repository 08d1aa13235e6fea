package hawkbit

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"havn/firmware"
)

// goldenState is the state in testdata/controller-N.json.
func goldenState() state {
	m := firmware.Metadata{
		Version: "v3", Digest: firmware.Digest{1}, Size: 2500, Order: "5",
		Origin: firmware.Origin{Kind: "hawkbit", Repository: "dev1", Manifest: "5", Path: "http://h.test/fw.bin"},
	}
	return state{
		Action: &action{
			ID: "5", URL: "http://h.test/5?c=1", Metadata: m, Invalid: "why", Deferred: true, Skip: true, Window: true,
			Next: 45, Entries: 3, Said: "so", Written: true, Swapped: true, Closed: true,
		},
		Installed: &m, InstalledID: "4", Cancelled: firmware.Digest{9}, Current: "1",
		Outcomes: []outcome{{Action: "4", URL: "http://h.test/4", Execution: "closed", Finished: "success", Detail: "text"}},
	}
}

func golden(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The first file is of the gateway that wrote images with the names of Go fields.
func TestStoredStateIsRead(t *testing.T) {
	for _, name := range []string{"controller-1.json", "controller-2.json"} {
		got, err := parseState(golden(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(goldenState(), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestStateIsWritten(t *testing.T) {
	got, err := json.MarshalIndent(goldenState(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(golden(t, "controller-2.json")), string(got)+"\n"); diff != "" {
		t.Error(diff)
	}
}
