package row

import (
	"slices"
	"time"
	"unique"

	"havn/dfu"
	"havn/firmware"
	"havn/status"
	"havn/update/guard"
	"havn/update/intern"
)

// Store keeps rows over restarts.
type Store interface {
	LoadRows(each func(Record)) error
	// SaveRows writes some rows and removes others, in one transaction.
	SaveRows(save []Record, drop []dfu.Device) error
}

// Record is a row as it is stored: what cannot be derived from the device's
// next report. Its keys are never given another meaning.
type Record struct {
	Device   dfu.Device         `cbor:"1,keyasint"`
	Protocol string             `cbor:"2,keyasint,omitempty"` // name of the front it was last heard on
	Current  string             `cbor:"3,keyasint,omitempty"`
	Offset   uint32             `cbor:"4,keyasint,omitempty"`
	InFlight *firmware.Metadata `cbor:"5,keyasint,omitempty"`
	Sent     Delivery           `cbor:"6,keyasint,omitzero"`
	Reason   string             `cbor:"7,keyasint,omitempty"` // name of a Reason
	Seen     int64              `cbor:"8,keyasint,omitempty"` // Unix nanoseconds
	Reported Reported           `cbor:"9,keyasint,omitzero"`
	Owed     bool               `cbor:"10,keyasint,omitempty"` // a newer report than Reported was begun
}

// Delivery is the last image a device got to its end.
type Delivery struct {
	Digest firmware.Digest `cbor:"1,keyasint,omitzero"`  // zero: none since the last retry
	From   string          `cbor:"2,keyasint,omitempty"` // what the device ran before
	At     int64           `cbor:"3,keyasint,omitempty"` // Unix nanoseconds of the last Swap or final block
	Booted bool            `cbor:"4,keyasint,omitempty"` // the device was seen running it
	Order  string          `cbor:"5,keyasint,omitempty"` // of the image, when it was delivered or found running
}

// delivery is a Delivery as rows keep it.
type delivery struct {
	image  unique.Handle[image] // zero: none since the last retry
	from   intern.Text
	at     int64
	booted bool
}

// image is a firmware image under an order.
type image struct {
	digest firmware.Digest
	order  string
}

func imageOf(t *firmware.Target) unique.Handle[image] {
	return unique.Make(image{t.Digest, t.Order})
}

func (d *delivery) none() bool { return d.image == unique.Handle[image]{} }

// is reports whether d was of the image of t.
func (d *delivery) is(t *firmware.Target) bool {
	return !d.none() && d.image.Value().digest == t.Digest
}

// of reports whether d was of t, and under the same order: a new one is a retry.
func (d *delivery) of(t *firmware.Target) bool {
	return d.is(t) && d.image.Value().order == t.Order
}

func (d *delivery) record() Delivery {
	if d.none() {
		return Delivery{From: d.from.String(), At: d.at, Booted: d.booted}
	}
	of := d.image.Value()
	return Delivery{Digest: of.digest, From: d.from.String(), At: d.at, Booted: d.booted, Order: of.order}
}

func restoreDelivery(rec *Delivery) delivery {
	d := delivery{from: intern.Of(rec.From), at: rec.At, booted: rec.Booted}
	if !rec.Digest.IsZero() {
		d.image = unique.Make(image{rec.Digest, rec.Order})
	}
	return d
}

// told is a Reported as rows keep it.
type told struct {
	current, target, err, order intern.Text
	at                          int64
	offset                      uint32
	state                       uint8 // in status.States, counted from 1; 0: nothing yet
}

// stateNumber returns the number of a state in told, 0 for none.
func stateNumber(s status.State) uint8 { return uint8(slices.Index(status.States[:], s) + 1) }

func (t *told) record() Reported {
	rec := Reported{
		Current: t.current.String(), Target: t.target.String(), Error: t.err.String(),
		Offset: t.offset, At: t.at, Order: t.order.String(),
	}
	if t.state > 0 {
		rec.State = status.States[t.state-1]
	}
	return rec
}

func restoreTold(rec *Reported) told {
	return told{
		current: intern.Of(rec.Current), target: intern.Of(rec.Target), err: intern.Of(rec.Error),
		order: intern.Of(rec.Order), at: rec.At, offset: rec.Offset, state: stateNumber(rec.State),
	}
}

// record returns the row's durable form. The caller holds mu.
func (r *Row) record() Record {
	rec := Record{
		Device: r.Device(), Protocol: r.table.protocols.Name(r.protocol.Load()), Current: r.current.String(), Offset: r.offset,
		Sent: r.sent.record(), Reason: r.reason.String(), Seen: r.seen, Reported: r.told.record(), Owed: r.owed || r.asked,
	}
	if r.inFlight != nil {
		rec.InFlight = &r.inFlight.Metadata
	}
	return rec
}

// restoreRow returns the row of a durable form.
func (t *Table) restoreRow(rec *Record) *Row {
	r := t.newRow(rec.Device)
	r.protocol.Store(t.protocols.Number(rec.Protocol))
	r.current, r.offset, r.seen = intern.Of(rec.Current), rec.Offset, rec.Seen
	r.sent, r.reason = restoreDelivery(&rec.Sent), guard.ReasonOf(rec.Reason)
	r.told, r.owed = restoreTold(&rec.Reported), rec.Owed
	r.stored.seen, r.stored.offset = max(rec.Seen, 1), rec.Offset
	if rec.InFlight != nil {
		r.inFlight, r.restored = t.releases.Known(*rec.InFlight), true
	}
	return r
}

// abandoned returns until when the image in flight of a row is kept.
func (t *Table) abandoned(seen int64) time.Time { return time.Unix(0, seen).Add(t.cfg.Abandon) }
