package gateway

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// floors is the architecture: the top-level rooms of the module, from the ground
// up. A package may import packages of lower floors. On its own floor it may
// import its own room alone, and there only the folders above and below it.
var floors = [][]string{
	{"fault", "metric"},
	{"dfu", "link"},
	{"firmware", "identity", "telemetry"},
	{"status"},
	{"update", "cache", "upstream"},
	{"front", "store"},
	{"coap", "lorawan"},
	{"gateway"},
	{"bench"},
	{"cmd"},
}

// besides lists imports within a room that lead neither up nor down a folder.
var besides = map[string][]string{
	"cmd/gateway/lab":                        {"cmd/gateway/cli"},
	"coap/message":                           {"coap/block"},
	"lorawan/chirpstack":                     {"lorawan/event", "lorawan/topic"},
	"lorawan/ttn":                            {"lorawan/event", "lorawan/topic", "lorawan/region"},
	"lorawan/plan":                           {"lorawan/event", "lorawan/region"},
	"lorawan/queue":                          {"lorawan/event"},
	"lorawan/chirpstack/chirpstacktest":      {"lorawan/event", "lorawan/region"},
	"lorawan/chirpstack/chirpstacktest/wire": {"lorawan/event", "lorawan/region"},
	"gateway/config":                         {"gateway/admin"},
	"update/updatetest":                      {"update/desired", "update/row"},
	"bench/load":                             {"bench/device"},
	"bench/coap":                             {"bench/report", "bench/load", "bench/device"},
	"bench/link":                             {"bench/report", "bench/load", "bench/device", "bench/lossy"},
	"bench/lorawan":                          {"bench/report", "bench/device"},
	"bench/cache":                            {"bench/report"},
	"bench/upstream":                         {"bench/report", "bench/device", "bench/backend"},
	"update/row":                             {"update/agenda", "update/guard", "update/intern", "update/release"},
}

// laboratory lists what the rooms of bench import of the house besides what all
// of them may: the vocabulary, and a gateway that is started from a
// configuration.
var laboratory = map[string][]string{
	"bench":        {"dfu", "firmware", "status", "telemetry", "gateway", "gateway/config"},
	"bench/cache":  {"cache"},                       // measured alone
	"bench/load":   {"coap/block", "coap/udp/mmsg"}, // the generator's protocol
	"bench/device": {"coap/block"},                  // the device's protocol
	"bench/link":   {"coap/block"},                  // sizes of blocks
	"bench/lorawan": { // the devices' network
		"lorawan", "lorawan/event", "lorawan/plan", "lorawan/region", "link/mqtt/mqtttest",
		"lorawan/chirpstack/chirpstacktest", "lorawan/chirpstack/chirpstacktest/clock",
	},
	"bench/backend": { // the servers
		"upstream", "upstream/oci", "upstream/drogue/droguetest", "upstream/drogue/droguetest/apps",
	},
	"bench/upstream": {"upstream", "upstream/drogue/droguetest"}, // what the servers were told
}

// never lists what a package may not reach, not even through others: who it is,
// what it may not reach.
var never = map[string][]string{
	"cache":    {"update", "upstream"},
	"upstream": {"cache", "update"},
	"update":   {"cache", "upstream"},
	"front":    {"cache", "upstream", "store"},
	"coap":     {"cache", "upstream", "store"},
	"lorawan":  {"cache", "upstream", "store", "coap"},
	"store":    {"cache", "upstream"},
}

// mayUse lists third-party modules that only some packages may import: each is
// wrapped in one place.
var mayUse = map[string][]string{
	"github.com/dgraph-io/ristretto":         {"cache"},
	"github.com/google/go-containerregistry": {"upstream/oci", "bench"},
	"github.com/plgd-dev/go-coap":            {"coap", "bench"},
	"go.etcd.io/bbolt":                       {"store", "upstream/spool"},
	"github.com/goccy/go-yaml":               {"gateway/config"},
	"github.com/prometheus/client_golang":    {"gateway"},
	"github.com/spf13/cobra":                 {"cmd"},
	"github.com/brocaar/lorawan":             {"lorawan/region"},
	"github.com/brocaar/chirpstack-api":      {"lorawan/chirpstack"},
	"github.com/eclipse/paho.":               {"link/mqtt", "lorawan/chirpstack/chirpstacktest"},
	"github.com/mochi-mqtt/server": {
		"front/mqtt", "link/mqtt/mqtttest", "upstream/drogue/droguetest", "bench/device",
	},
}

const module = "havn/"

// graph is what each package of the module imports, by path without the module.
type graph map[string][]string

func imports(t *testing.T) graph {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	g := graph{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return g
		} else if err != nil {
			t.Fatal(err)
		}
		pkg := strings.TrimPrefix(p.ImportPath, module)
		g[pkg] = nil
		for _, imp := range p.Imports {
			g[pkg] = append(g[pkg], strings.TrimPrefix(imp, module))
		}
	}
}

// TestImports prints the whole path of each import that breaks a rule: from the
// command, or from the package that may not reach the other.
func TestImports(t *testing.T) {
	g := imports(t)
	for pkg, imported := range g {
		if floorOf(pkg) < 0 {
			t.Errorf("%s is in no room of the table floors: decide on which floor it stands", pkg)
			continue
		}
		for _, imp := range imported {
			if why := g.refusal(pkg, imp); why != "" {
				t.Errorf("%s -> %s: %s", cmp.Or(g.path("cmd/gateway", pkg), pkg), imp, why)
			}
		}
		for _, barred := range never[room(pkg)] {
			if path := g.path(pkg, barred); path != "" {
				t.Errorf("%s: %s must not reach %s", path, pkg, barred)
			}
		}
	}
}

// refusal returns why pkg may not import imp, empty if it may.
func (g graph) refusal(pkg, imp string) string {
	for mod, users := range mayUse {
		if strings.HasPrefix(imp, mod) && !slices.ContainsFunc(users, within(pkg)) {
			return fmt.Sprintf("only %v may use it", users)
		}
	}
	if _, own := g[imp]; !own {
		return ""
	}
	switch {
	case room(pkg) == "bench" && room(imp) != "bench" &&
		!slices.Contains(laboratory["bench"], imp) && !slices.Contains(laboratory[pkg], imp):
		return "the laboratory starts a gateway from a configuration; see the table laboratory"
	case floorOf(imp) < floorOf(pkg), slices.Contains(besides[pkg], imp):
		return ""
	case floorOf(imp) > floorOf(pkg):
		return "the arrow runs upwards"
	case room(imp) != room(pkg):
		return "rooms of one floor do not import each other"
	case within(imp)(pkg), within(pkg)(imp):
		return ""
	}
	return "it leads neither up nor down a folder; see the table besides"
}

// path returns the shortest way along imports from one package to another, or to a
// package in the other's folder; empty if there is none.
func (g graph) path(from, to string) string {
	ways := [][]string{{from}}
	seen := map[string]bool{from: true}
	for len(ways) > 0 {
		way := ways[0]
		ways = ways[1:]
		last := way[len(way)-1]
		if within(last)(to) {
			return strings.Join(way, " -> ")
		}
		for _, next := range g[last] {
			if _, own := g[next]; own && !seen[next] {
				seen[next] = true
				ways = append(ways, append(slices.Clone(way), next))
			}
		}
	}
	return ""
}

// room returns the top-level folder of a package.
func room(pkg string) string {
	name, _, _ := strings.Cut(pkg, "/")
	return name
}

// floorOf returns the floor on which a package stands, -1 if none is known.
func floorOf(pkg string) int {
	return slices.IndexFunc(floors, func(rooms []string) bool { return slices.Contains(rooms, room(pkg)) })
}

// within returns whether pkg is a folder, or below it.
func within(pkg string) func(folder string) bool {
	return func(folder string) bool { return pkg == folder || strings.HasPrefix(pkg, folder+"/") }
}

// TestImportRules holds the rules against a house that breaks each of them.
func TestImportRules(t *testing.T) {
	g := graph{
		"cmd/gateway": {"gateway"}, "gateway": {"coap", "upstream"}, "coap": {"dfu", "coap/udp"},
		"coap/udp": nil, "coap/block": nil, "dfu": nil, "upstream": {"status"}, "status": nil, "cache": nil,
		"update": nil, "upstream/oci": nil, "bench/coap": nil,
	}
	for edge, want := range map[[2]string]string{
		{"coap", "dfu"}:              "",
		{"coap/udp", "coap"}:         "",
		{"coap", "coap/udp"}:         "",
		{"coap/udp", "coap/block"}:   "neither up nor down",
		{"dfu", "status"}:            "upwards",
		{"cache", "upstream"}:        "do not import each other",
		{"coap", "go.etcd.io/bbolt"}: "only [",
		{"bench/coap", "coap"}:       "starts a gateway",
		{"bench/coap", "dfu"}:        "",
		{"upstream/oci", "github.com/google/go-containerregistry/pkg/name"}: "",
	} {
		got := g.refusal(edge[0], edge[1])
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s -> %s: %q, want %q", edge[0], edge[1], got, want)
		}
	}
	if got := g.path("cmd/gateway", "status"); got != "cmd/gateway -> gateway -> upstream -> status" {
		t.Error(got)
	}
	if got := g.path("coap", "update"); got != "" {
		t.Error(got)
	}
}
