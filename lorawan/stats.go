package lorawan

import (
	"log/slog"
	"sync/atomic"
	"time"

	"havn/dfu"
	"havn/front"
	"havn/lorawan/event"
	"havn/metric"
)

// Protocol is the name of the front.
const Protocol = "lorawan"

// The reasons of gateway_rejected_total that only this front has.
const (
	Encrypted     front.Reason = "encrypted"     // the network server holds no key for the payload
	BadTag        front.Reason = "tag"           // a tag of the device cannot be used
	BadDataRate   front.Reason = "data_rate"     // the region has no such data rate
	Duplicate     front.Reason = "duplicate"     // the uplink was taken already
	Replayed      front.Reason = "replayed"      // the uplink is older than the last one
	OtherOrigin   front.Reason = "application"   // the application is not in application_ids
	Undeliverable front.Reason = "undeliverable" // a downlink could not be published
	Overflow      front.Reason = "overflow"      // too many events waited for their answers
)

// The resources of gateway_requests_total. The code of a Status is the Command that
// answers it.
const (
	statuses = iota
	channels
)

// unanswered is the code of all telemetry.
const unanswered = int(dfu.OpSwap) + 1

func codeText(code int) string {
	if code == unanswered {
		return "unanswered"
	}
	return dfu.Op(code).String()
}

// Stats counts what the front of one network did, since its start.
type Stats struct {
	*front.Counts
	Uplinks   atomic.Uint64 // of the devices that this gateway answers
	Elsewhere atomic.Uint64 // events of devices that another gateway answers
	Airtime   atomic.Int64  // of the downlinks, nanoseconds
	Silent    atomic.Uint64 // Statuses without an answer, as there is nothing to do
	Held      atomic.Uint64 // Statuses without an answer, as an earlier downlink may be queued
	Deferred  atomic.Uint64 // Statuses that may not start an update, as the airtime budget is used up
	Probes    atomic.Uint64 // Waits sent to find out whether a downlink is queued
	Widened   atomic.Uint64 // times that the downlinks of a device began to leave room for MAC commands
	Evicted   atomic.Uint64 // devices forgotten because the table was full

	network  metric.Label
	failures *front.Complaints // downlinks that the network server did not send
}

func (s *Stats) init(network string, log *slog.Logger) {
	var reasons, failures []front.Reason
	for why := range advice {
		reasons = append(reasons, why)
	}
	for _, r := range event.Reasons() {
		failures = append(failures, label(r))
	}
	s.Counts = front.NewCounts(front.NewComplaints(log, reasons...), codeText, "dfu", "telemetry")
	s.failures = front.NewComplaints(log, failures...)
	s.network = metric.Label{Name: "network", Value: network}
	s.Extra = s.extra
}

// extra returns the metrics of one network.
func (s *Stats) extra() []metric.Metric {
	count := func(name, help string, n *atomic.Uint64) metric.Metric {
		return metric.Counter("lorawan_"+name, help, n.Load(), s.network)
	}
	all := []metric.Metric{
		count("uplinks_total", "Uplinks of the devices that this gateway answers.", &s.Uplinks),
		count("elsewhere_total", "Events of devices that another gateway answers.", &s.Elsewhere),
		count("silent_total", "Statuses left unanswered because there is nothing to do.", &s.Silent),
		count("held_total", "Statuses left unanswered because an answer may be queued.", &s.Held),
		count("deferred_total", "Statuses that found the airtime budget used up.", &s.Deferred),
		count("probes_total", "Waits sent to find out whether a downlink is queued.", &s.Probes),
		count("widened_total", "Times that room was left for MAC commands of a device.", &s.Widened),
		count("evicted_total", "Devices forgotten because the table was full.", &s.Evicted),
		{Name: "lorawan_airtime_seconds_total", Help: "Time on the air of the downlinks sent.",
			Labels: []metric.Label{s.network}, Value: time.Duration(s.Airtime.Load()).Seconds()},
	}
	s.failures.Each(func(why front.Reason, n uint64) {
		all = append(all, metric.Counter("lorawan_unsent_total",
			"Downlinks that the network server did not send, by reason.", n, s.network,
			metric.Label{Name: "reason", Value: string(why)}))
	})
	return all
}

// label returns the value of the metric's label.
func label(r event.Reason) front.Reason { return front.Reason(r.String()) }

// Failures returns how many error events of a reason the network server has sent.
func (s *Stats) Failures(r event.Reason) uint64 { return s.failures.Rejected(label(r)) }
