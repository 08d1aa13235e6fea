package coap

import (
	"fmt"

	"github.com/HdrHistogram/hdrhistogram-go"

	"havn/bench/load"
	"havn/bench/report"
	"havn/firmware"
)

// Sample is one measurement of one server.
type Sample struct {
	Blocks         uint64   `json:"blocks"` // answers checked
	BlocksPerS     float64  `json:"blocks_per_s"`
	MiBPerS        float64  `json:"mib_per_s"`        // of firmware
	CPUUsPerBlock  *float64 `json:"cpu_us_per_block"` // of the server, user and system
	CPUUtilization *float64 `json:"cpu_utilization"`  // cores that the server used
	P50Us          float64  `json:"p50_us"`           // latency, as the generator sees it
	P99Us          float64  `json:"p99_us"`           //
	P999Us         float64  `json:"p999_us"`          //
	Lost           uint64   `json:"lost"`             // requests unanswered in time
	Late           uint64   `json:"late"`             // answers that came after their request was lost
	AllocsPerBlock *float64 `json:"allocs_per_block"` // objects on the server's heap
	answered       uint64   // in the whole run
}

// Pair is one run: the server, then its limit.
type Pair struct {
	Server Sample `json:"server"`
	Limit  Sample `json:"limit"`
}

// String is the line that is shown while the benchmark runs.
func (p Pair) String() string {
	return fmt.Sprintf("%.0f blocks/s at %s us CPU each, the limit %.0f at %s",
		p.Server.BlocksPerS, report.Figure(p.Server.CPUUsPerBlock, 2),
		p.Limit.BlocksPerS, report.Figure(p.Limit.CPUUsPerBlock, 2))
}

// Report is what a Benchmark measured: medians over the runs, but for the counts
// of losses, which are sums.
type Report struct {
	report.Header
	Server    string  `json:"server"` // the URL, or "gateway"
	Mode      string  `json:"mode"`
	BlockSize int     `json:"block_size"`
	Devices   int     `json:"devices"`
	Endpoints int     `json:"endpoints"`
	InFlight  int     `json:"in_flight"`
	DurationS float64 `json:"duration_s"`
	Firmware  int     `json:"firmware_bytes"`
	Separate  bool    `json:"separate_cpus"` // generator and server had a core each

	BlocksPerS     float64  `json:"blocks_per_s"`
	MiBPerS        float64  `json:"mib_per_s"`
	CPUUsPerBlock  *float64 `json:"cpu_us_per_block"`
	P50Us          float64  `json:"p50_us"`
	P99Us          float64  `json:"p99_us"`
	P999Us         float64  `json:"p999_us"`
	Lost           uint64   `json:"lost"`
	Late           uint64   `json:"late"`
	AllocsPerBlock *float64 `json:"allocs_per_block"`

	LimitBlocksPerS    float64  `json:"limit_blocks_per_s"`
	LimitMiBPerS       float64  `json:"limit_mib_per_s"`
	LimitCPUUsPerBlock *float64 `json:"limit_cpu_us_per_block"`
	LimitP50Us         float64  `json:"limit_p50_us"`
	LimitP99Us         float64  `json:"limit_p99_us"`
	LimitP999Us        float64  `json:"limit_p999_us"`
	LimitLost          uint64   `json:"limit_lost"`

	// The medians of the ratios of each run, which drift less than the ratio of
	// the medians.
	RatioCPU        *float64 `json:"ratio_cpu_to_limit"`
	RatioThroughput *float64 `json:"ratio_blocks_to_limit"`

	RSSBytes         *uint64  `json:"rss_bytes"`              // of the server, after the last run
	RSSGrowthBytes   *int64   `json:"rss_growth_bytes"`       // since before the first request
	RSSPerEndpoint   *float64 `json:"rss_bytes_per_endpoint"` // growth over the endpoints that asked
	HeapPerDevice    *float64 `json:"heap_bytes_per_device"`  // growth of the heap in use over the devices
	EndpointsReached int      `json:"endpoints_reached"`

	Runs []Pair `json:"runs"`

	latency, limitLatency *hdrhistogram.Histogram // of all runs, in nanoseconds
}

// newSample returns the figures that need no knowledge of the server's process.
func newSample(r load.Result) Sample {
	seconds := max(r.Elapsed.Seconds(), 1e-9)
	at := func(percentile float64) float64 {
		return float64(r.Latency.ValueAtPercentile(percentile)) / 1e3
	}
	return Sample{
		Blocks: r.Blocks, BlocksPerS: float64(r.Blocks) / seconds,
		MiBPerS: float64(r.Bytes) / seconds / float64(firmware.MiB),
		P50Us:   at(50), P99Us: at(99), P999Us: at(99.9),
		Lost: r.Lost, Late: r.Late, answered: r.Answered,
	}
}

// setCPU adds what the server's CPU time tells.
func (s *Sample) setCPU(r load.Result) {
	s.CPUUsPerBlock = perBlock(float64(r.CPU.Nanoseconds())/1e3, r.Blocks)
	cores := r.CPU.Seconds() / max(r.Elapsed.Seconds(), 1e-9)
	s.CPUUtilization = &cores
}

// perBlock returns v/blocks, nil where there were none.
func perBlock(v float64, blocks uint64) *float64 {
	if blocks == 0 {
		return nil
	}
	v /= float64(blocks)
	return &v
}

// newReport takes over what is measured.
func (c Benchmark) newReport() *Report {
	server := c.URL
	if server == "" {
		server = "gateway"
	}
	return &Report{
		Header: report.NewHeader(), Server: server, Mode: c.Mode, BlockSize: c.BlockSize,
		Devices: c.Devices, Endpoints: c.endpoints(), InFlight: c.InFlight,
		DurationS: c.Duration.Seconds(), Runs: []Pair{},
		latency: load.NewHistogram(), limitLatency: load.NewHistogram(),
	}
}

// summarize fills in the medians and sums of the runs. contacted is the number
// of answers before the first run.
func (r *Report) summarize(contacted uint64) {
	of := func(get func(*Pair) *float64) *float64 {
		var values []*float64
		for i := range r.Runs {
			values = append(values, get(&r.Runs[i]))
		}
		return report.Median(values)
	}
	r.BlocksPerS = *of(func(p *Pair) *float64 { return &p.Server.BlocksPerS })
	r.MiBPerS = *of(func(p *Pair) *float64 { return &p.Server.MiBPerS })
	r.CPUUsPerBlock = of(func(p *Pair) *float64 { return p.Server.CPUUsPerBlock })
	r.P50Us = *of(func(p *Pair) *float64 { return &p.Server.P50Us })
	r.P99Us = *of(func(p *Pair) *float64 { return &p.Server.P99Us })
	r.P999Us = *of(func(p *Pair) *float64 { return &p.Server.P999Us })
	r.AllocsPerBlock = of(func(p *Pair) *float64 { return p.Server.AllocsPerBlock })
	r.LimitBlocksPerS = *of(func(p *Pair) *float64 { return &p.Limit.BlocksPerS })
	r.LimitMiBPerS = *of(func(p *Pair) *float64 { return &p.Limit.MiBPerS })
	r.LimitCPUUsPerBlock = of(func(p *Pair) *float64 { return p.Limit.CPUUsPerBlock })
	r.LimitP50Us = *of(func(p *Pair) *float64 { return &p.Limit.P50Us })
	r.LimitP99Us = *of(func(p *Pair) *float64 { return &p.Limit.P99Us })
	r.LimitP999Us = *of(func(p *Pair) *float64 { return &p.Limit.P999Us })
	r.RatioCPU = of(func(p *Pair) *float64 {
		return report.Ratio(p.Server.CPUUsPerBlock, p.Limit.CPUUsPerBlock)
	})
	r.RatioThroughput = of(func(p *Pair) *float64 {
		return report.Ratio(&p.Server.BlocksPerS, &p.Limit.BlocksPerS)
	})
	r.count(contacted)
}

// count adds up losses and the endpoints that have asked. Endpoints take turns:
// the first answers are of one endpoint each.
func (r *Report) count(answered uint64) {
	for _, p := range r.Runs {
		r.Lost += p.Server.Lost
		r.Late += p.Server.Late
		r.LimitLost += p.Limit.Lost
		answered += p.Server.answered
	}
	r.EndpointsReached = int(min(uint64(r.Endpoints), answered))
}
