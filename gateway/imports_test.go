package gateway

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport is the architecture: which packages of the module each package may
// import. A name that ends in /... stands for a folder with all below it. The
// first entry that matches a package counts.
//
// vocabulary <- engine <- adapters <- gateway <- cmd, bench; adapters never
// import each other.
var mayImport = []struct {
	pkg     string
	imports []string
}{
	{"dfu", nil},
	{"coap/block", nil},
	{"link/mqtt", nil},
	{"firmware", []string{"dfu"}},
	{"status", []string{"dfu", "firmware"}},
	{"update", []string{"dfu", "firmware", "status"}},
	{"telemetry", []string{"dfu"}},
	{"cache", []string{"dfu", "firmware"}},
	{"coap", []string{
		"dfu", "firmware", "telemetry", "update", "coap/block",
	}},
	{"lorawan/region", nil},
	{"lorawan/topic", nil},
	{"lorawan", []string{
		"dfu", "firmware", "telemetry", "update", "link/mqtt", "lorawan/region",
	}},
	{"lorawan/chirpstack", []string{"dfu", "lorawan", "lorawan/topic"}},
	{"lorawan/ttn", []string{"dfu", "lorawan", "lorawan/topic", "lorawan/region"}},
	{"lorawan/plan", []string{"dfu", "lorawan", "lorawan/region"}},
	{"lorawan/chirpstack/chirpstacktest", []string{"dfu", "lorawan", "lorawan/region"}},
	{"front/http", []string{"dfu", "firmware", "telemetry", "update"}},
	{"upstream", []string{"dfu", "status"}},
	{"upstream/spool", []string{"dfu", "firmware", "status", "upstream"}},
	{"upstream/drogue", []string{"dfu", "firmware", "status", "link/mqtt"}},
	{"upstream/drogue/droguetest", nil},
	{"upstream/hawkbit", []string{"dfu", "firmware", "status"}},
	{"upstream/hawkbit/hawkbittest", nil},
	{"upstream/oci", []string{"dfu", "firmware"}},
	{"upstream/file", []string{"dfu", "firmware"}},
	{"store", []string{"dfu", "firmware", "update"}},
	{"gateway/admin/api", []string{"dfu", "firmware", "status"}},
	{"gateway/config", []string{
		"cache", "coap", "front/http", "firmware", "update", "lorawan",
		"upstream/drogue", "upstream/file", "upstream/hawkbit", "upstream/oci", "upstream/spool",
	}},
	{"gateway", []string{"dfu", "firmware", "telemetry", "status", "update", "store", "link/...", "front/...", "gateway/...", "cache", "coap", "lorawan/...", "upstream/..."}},
	{"bench/link", nil},
	{"bench/device", []string{"dfu", "firmware", "coap/block"}},
	{"bench/chart", nil},
	{"bench/load", []string{"dfu", "coap/block", "bench/device"}},
	{"bench/backend", []string{
		"gateway/config", "firmware", "status", "update", "upstream",
		"upstream/drogue", "upstream/drogue/droguetest", "upstream/oci",
	}},
	{"bench", []string{
		"dfu", "firmware", "telemetry", "status", "update", "store", "link/...", "front/...", "gateway/...", "cache", "coap", "coap/block", "lorawan/...", "upstream/...", "bench/...",
	}},
	{"cmd/gateway", []string{"dfu", "firmware", "telemetry", "status", "update", "store", "link/...", "front/...", "gateway/...", "cache", "coap", "lorawan/...", "upstream/...", "bench/..."}},
}

// mayUse lists third-party modules that only some packages may import: each is
// wrapped in one place.
var mayUse = map[string][]string{
	"github.com/dgraph-io/ristretto":         {"cache"},
	"github.com/google/go-containerregistry": {"upstream/oci", "bench/backend"},
	"github.com/plgd-dev/go-coap":            {"coap", "bench/device", "bench/load"},
	"go.etcd.io/bbolt":                       {"store", "upstream/spool"},
	"github.com/goccy/go-yaml":               {"gateway/config"},
	"github.com/prometheus/client_golang":    {"gateway"},
	"github.com/spf13/cobra":                 {"cmd/gateway"},
	"github.com/brocaar/lorawan":             {"lorawan/region"},
	"github.com/brocaar/chirpstack-api":      {"lorawan/chirpstack", "lorawan/chirpstack/chirpstacktest"},
	"github.com/eclipse/paho.":               {"link/mqtt", "lorawan/chirpstack/chirpstacktest", "bench"},
	"github.com/mochi-mqtt/server":           {"lorawan/chirpstack/chirpstacktest", "upstream/drogue/droguetest"},
}

const module = "havn/"

type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		pkg := strings.TrimPrefix(p.ImportPath, module)
		allowed, known := allowedImports(pkg)
		if !known {
			t.Errorf("package %s is not in the table mayImport: decide who it may import", pkg)
			continue
		}
		for _, imp := range p.Imports {
			if own, ok := strings.CutPrefix(imp, module); ok && !matchesAny(allowed, own) {
				t.Errorf("package %s imports %s, which the architecture does not allow", pkg, own)
			}
			for mod, users := range mayUse {
				if strings.HasPrefix(imp, mod) && !slices.Contains(users, pkg) {
					t.Errorf("package %s imports %s, which only %v may", pkg, imp, users)
				}
			}
		}
	}
}

func allowedImports(pkg string) (imports []string, known bool) {
	for _, rule := range mayImport {
		if rule.pkg == pkg {
			return rule.imports, true
		}
	}
	return nil, false
}

func matchesAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		folder, ok := strings.CutSuffix(p, "/...")
		return p == pkg || (ok && (pkg == folder || strings.HasPrefix(pkg, folder+"/")))
	})
}
