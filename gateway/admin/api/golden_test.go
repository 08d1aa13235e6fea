package api

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"havn/dfu"
	"havn/firmware"
	"havn/status"
)

var update = flag.Bool("update", false, "write the golden files")

// site is an engine with a device in each state.
type site struct{ fake }

func (*site) Devices(string) []status.Status {
	eta := 12500 * time.Millisecond
	seen := time.Date(2026, 11, 27, 21, 42, 50, 123456789, time.UTC)
	return []status.Status{
		{Device: dfu.Device{Application: "plant", Name: "pump-1"}, Protocol: "lorawan", State: status.Updating,
			Current: "1.0", Target: "1.1", Offset: 512, Size: 4096, Progress: 0.125, LastSeen: seen, ETA: &eta,
			Digest: firmware.Digest{1}, Order: "7"},
		{Device: dfu.Device{Application: "plant", Name: "pump-2"}, Protocol: "coap", State: status.InSync,
			Current: "1.1", Target: "1.1", Offset: 4096, Size: 4096, Progress: 1, LastSeen: seen},
		{Device: dfu.Device{Application: "plant", Name: "tür & <tor>"}, Protocol: "http", State: status.Failed,
			Current: "0xff00", Target: "1.1", Size: 4096, Error: "it came back with \"1.0\"", LastSeen: seen},
		{Device: dfu.Device{Application: "plant", Name: "valve"}, State: status.Waiting, Target: "1.1", Size: 4096,
			Error: "fetching"},
		{Device: dfu.Device{Application: "plant", Name: "weir"}, State: status.Unknown, LastSeen: seen.Truncate(time.Hour)},
	}
}

func (s *site) Device(dev dfu.Device) (status.Status, error) {
	for _, v := range s.Devices("") {
		if v.Device == dev {
			return v, nil
		}
	}
	return s.fake.Device(dfu.Device{Name: "none"})
}

func images() []Image {
	return []Image{
		{Digest: firmware.Digest{0xab}.String(), Version: "1.1", Size: 4096, Pinned: true, Memory: true, Disk: true,
			References: []string{"registry.example/fw/pump:1.1", "file:pump"}},
		{Digest: firmware.Digest{0xcd}.String(), Size: 1, References: []string{}},
	}
}

func summary() Summary {
	return Summary{
		Devices: map[status.State]int{status.Updating: 1, status.InSync: 2, status.Failed: 0},
		Images:  2, Cache: Cache{MemoryBytes: 4096, DiskBytes: 4097, Hits: 3, Misses: 1},
		Upstream:        map[string]uint64{"waiting": 1, "delivered": 2, "rejected": 0},
		ChunksPerSecond: map[string]float64{"coap": 1.5, "http": 0, "lorawan": 0.2},
	}
}

// The bytes of the API are what scripts of operators read.
func TestGolden(t *testing.T) {
	mux := http.NewServeMux()
	API{Engine: &site{}, Kinds: kinds, Images: images, Summary: summary}.Register(mux)
	for name, request := range map[string]string{
		"devices":  "GET /api/v1/devices",
		"page":     "GET /api/v1/devices?limit=2&after=plant/pump-1",
		"device":   "GET /api/v1/devices/plant/pump-1",
		"escaped":  "GET /api/v1/devices/plant/t%C3%BCr%20&%20%3Ctor%3E",
		"images":   "GET /api/v1/images",
		"summary":  "GET /api/v1/summary",
		"unknown":  "GET /api/v1/devices/plant/none",
		"limit":    "GET /api/v1/devices?limit=1001",
		"no-spec":  "PUT /api/v1/devices/plant/pump-1/desired",
		"accepted": "POST /api/v1/refresh",
	} {
		method, path, _ := strings.Cut(request, " ")
		rec := httptest.NewRecorder()
		mux.ServeHTTP(rec, httptest.NewRequest(method, path, nil))
		golden(t, name, rec)
	}
}

func golden(t *testing.T, name string, rec *httptest.ResponseRecorder) {
	t.Helper()
	got := rec.Result().Status + "\n" + rec.Header().Get("Content-Type") + "\n" + rec.Body.String()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}
