package gateway

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"havn/cache"
	"havn/front"
	linkmqtt "havn/link/mqtt"
	"havn/lorawan"
	"havn/lorawan/region"
	"havn/metric"
	"havn/telemetry"
	"havn/update/release"
	"havn/update/row"
	"havn/upstream"
	"havn/upstream/drogue/endpoint"
	"havn/upstream/drogue/registry"
	"havn/upstream/hawkbit"
	"havn/upstream/spool"
)

// counted makes every struct of counters, and what describes it.
var counted = map[string]func(*testing.T) (stats any, metrics func() []metric.Metric){
	"cache.Stats": func(*testing.T) (any, func() []metric.Metric) {
		s := &cache.Stats{Fetches: map[cache.Fetch]uint64{}}
		return s, func() []metric.Metric { return s.Metrics() }
	},
	"front.Counts": func(*testing.T) (any, func() []metric.Metric) {
		c := front.NewCounts(front.NewComplaints(nil, front.Malformed), func(int) string { return "" }, "")
		return c, func() []metric.Metric { return c.Metrics("") }
	},
	"link/mqtt.Stats": func(*testing.T) (any, func() []metric.Metric) {
		s := &linkmqtt.Stats{}
		return s, func() []metric.Metric { return s.Metrics("") }
	},
	"lorawan.Stats": func(t *testing.T) (any, func() []metric.Metric) {
		h, err := lorawan.NewHandler(lorawan.Setup{Config: lorawan.Config{
			Name: "n", Server: lorawan.ChirpStackV4, Application: "a", Radio: region.Config{Region: "EU868"},
			MQTT: linkmqtt.Config{URL: "mqtt://localhost"},
		}}, front.Parts{})
		if err != nil {
			t.Fatal(err)
		}
		return h.Stats(), h.Stats().Extra
	},
	"telemetry.Stats": func(*testing.T) (any, func() []metric.Metric) {
		s := &telemetry.Stats{}
		return s, s.Metrics
	},
	"update/row.Stats": func(*testing.T) (any, func() []metric.Metric) {
		s := &row.Stats{}
		return s, s.Metrics
	},
	"update/release.Stats": func(*testing.T) (any, func() []metric.Metric) {
		s := &release.Stats{}
		return s, s.Metrics
	},
	"upstream.Stats": func(*testing.T) (any, func() []metric.Metric) {
		s := &upstream.Stats{}
		return s, s.Metrics
	},
	"upstream/drogue/endpoint.Stats": func(*testing.T) (any, func() []metric.Metric) {
		s := &endpoint.Stats{}
		return s, func() []metric.Metric { return s.Metrics("") }
	},
	"upstream/drogue/registry.Stats": func(*testing.T) (any, func() []metric.Metric) {
		s := &registry.Stats{}
		return s, s.Metrics
	},
	"upstream/hawkbit.Stats": func(*testing.T) (any, func() []metric.Metric) {
		s := &hawkbit.Stats{}
		return s, s.Metrics
	},
	"upstream/spool.Stats": func(*testing.T) (any, func() []metric.Metric) {
		s := &spool.Stats{}
		return s, func() []metric.Metric { return s.Metrics() }
	},
}

// What is counted is shown: no counter that nobody can see.
func TestEveryCounterIsAMetric(t *testing.T) {
	if diff := cmp.Diff(slices.Sorted(maps.Keys(counted)), structsOfCounters(t)); diff != "" {
		t.Errorf("structs of counters that the table counted does not have (+), or that are gone (-): %s", diff)
	}
	for name, make := range counted {
		stats, metrics := make(t)
		checkHelp(t, name, metrics())
		eachCounter(reflect.ValueOf(stats).Elem(), name, func(path string, count func()) {
			before := fmt.Sprint(metrics())
			count()
			if fmt.Sprint(metrics()) == before {
				t.Errorf("%s is counted and changes no metric", path)
			}
		})
	}
}

func checkHelp(t *testing.T, name string, all []metric.Metric) {
	t.Helper()
	for _, m := range all {
		if m.Help == "" || m.Gauge == strings.HasSuffix(m.Name, "_total") {
			t.Errorf("%s: help %q of %s, a gauge: %v", name, m.Help, m.Name, m.Gauge)
		}
	}
}

// eachCounter visits the counters in v with a function that counts one more.
func eachCounter(v reflect.Value, path string, visit func(path string, count func())) {
	if !v.CanInterface() {
		return // what the package keeps to itself is no counter
	}
	switch n := v.Addr().Interface().(type) {
	case *atomic.Uint64:
		visit(path, func() { n.Add(1) })
		return
	case *atomic.Int64:
		visit(path, func() { n.Add(1) })
		return
	case *atomic.Bool:
		visit(path, func() { n.Store(!n.Load()) })
		return
	case *map[cache.Fetch]uint64:
		visit(path, func() { (*n)[cache.Fetch{}]++ })
		return
	case *front.Requests:
		visit(path, func() { n.Count(0, 0) })
		return
	case **front.Complaints:
		visit(path, func() { (*n).Reject(front.Malformed) })
		return
	case *front.Histogram: // a metric of its own, gateway_answer_seconds
		return
	}
	switch {
	case v.CanInt():
		visit(path, func() { v.SetInt(v.Int() + 1) })
	case v.CanUint():
		visit(path, func() { v.SetUint(v.Uint() + 1) })
	case v.Kind() == reflect.Array:
		for i := range v.Len() {
			eachCounter(v.Index(i), fmt.Sprintf("%s[%d]", path, i), visit)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			eachCounter(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
	}
}

// structsOfCounters returns the structs of the module that hold counters.
func structsOfCounters(t *testing.T) (names []string) {
	t.Helper()
	eachNode(t, func(pkg string, n ast.Node) {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return
		}
		_, isStruct := spec.Type.(*ast.StructType)
		if isStruct && (strings.HasSuffix(spec.Name.Name, "Stats") || strings.HasSuffix(spec.Name.Name, "Counts")) {
			names = append(names, pkg+"."+spec.Name.Name)
		}
	})
	slices.Sort(names)
	return names
}

// Every part of the gateway that counts is asked for its metrics.
func TestEveryMeterIsAsked(t *testing.T) {
	g := everything(t)
	var asked []string
	for _, m := range g.meters {
		of := reflect.TypeOf(m).Elem()
		asked = append(asked, strings.TrimPrefix(of.PkgPath(), module)+"."+of.Name())
	}
	slices.Sort(asked)
	if diff := cmp.Diff(meters(t), asked); diff != "" {
		t.Errorf("parts that count and are not asked (-): %s", diff)
	}
}

// meters returns the types of the module with a method Metrics, but for the
// structs of counters themselves.
func meters(t *testing.T) (names []string) {
	t.Helper()
	eachNode(t, func(pkg string, n ast.Node) {
		f, ok := n.(*ast.FuncDecl)
		if !ok || f.Recv == nil || f.Name.Name != "Metrics" || len(f.Type.Params.List) > 0 {
			return
		}
		if of, ok := f.Recv.List[0].Type.(*ast.StarExpr); ok && fmt.Sprint(of.X) != "Stats" {
			names = append(names, pkg+"."+fmt.Sprint(of.X))
		}
	})
	slices.Sort(names)
	return names
}

// eachNode visits the source of the module, but for tests, test doubles and the
// laboratory.
func eachNode(t *testing.T, visit func(pkg string, n ast.Node)) {
	t.Helper()
	root := ".."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		folder, _ := filepath.Rel(root, filepath.Dir(path))
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "bench" || strings.HasSuffix(d.Name(), "test") || d.Name() == "testdata"):
			return fs.SkipDir
		case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			visit(filepath.ToSlash(folder), n)
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
