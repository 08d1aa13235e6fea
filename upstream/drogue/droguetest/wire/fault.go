package wire

import (
	"bytes"
	"cmp"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Fault spoils single answers of an interface.
type Fault struct {
	Times  int           // how many answers; 0 = all until Heal
	Method string        // of HTTP requests, or PUBLISH; empty = any
	Delay  time.Duration // before anything else
	// Status is answered in place of the request's own answer, and nothing is
	// done: an HTTP status, or the reason code of a PUBACK.
	Status     int
	RetryAfter time.Duration // in whole seconds; with Status, HTTP only
	RetryDate  bool          // RetryAfter is answered as a date
	// Half does what is asked, and ends the connection in the middle of the
	// answer; over MQTT, before it.
	Half bool
}

// Inject spoils the next answers. Faults act in the order in which they were
// injected, one for each answer.
func (f *Front) Inject(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, &fault)
}

// Heal takes all faults back.
func (f *Front) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = nil
}

// Fault takes the fault for one answer; the zero Fault is none.
func (f *Front) Fault(method string) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, fault := range f.faults {
		if fault.Method != "" && fault.Method != method {
			continue
		}
		if fault.Times == 1 {
			f.faults = append(f.faults[:i:i], f.faults[i+1:]...)
		}
		fault.Times = max(0, fault.Times-1)
		return *fault
	}
	return Fault{}
}

// Spoil applies the faults to a handler, and counts its requests by route, without
// what all patterns begin with.
func (f *Front) Spoil(base string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault := f.Fault(r.Method)
		Sleep(r.Context().Done(), fault.Delay)
		if fault.Status != 0 {
			f.Count(r.Method + " spoiled")
			fault.answer(w)
			return
		}
		whole := &recorder{header: http.Header{}}
		h.ServeHTTP(whole, r)
		f.Count(strings.Replace(r.Pattern, base, "", 1))
		whole.send(w, fault.Half)
	})
}

// answer answers in place of the handler.
func (f Fault) answer(w http.ResponseWriter) {
	now := time.Now().UTC()
	switch {
	case f.RetryDate:
		w.Header().Set("Date", now.Format(http.TimeFormat))
		w.Header().Set("Retry-After", now.Add(f.RetryAfter).Format(http.TimeFormat))
	case f.RetryAfter > 0:
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
	}
	w.WriteHeader(f.Status)
}

// Sleep waits for d, or until done.
func Sleep(done <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// recorder keeps an answer before any of it is sent.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

// send passes the answer on, or half of it.
func (r *recorder) send(w http.ResponseWriter, half bool) {
	maps.Copy(w.Header(), r.header)
	if half {
		if r.body.Len() > 0 {
			w.Header().Set("Content-Length", strconv.Itoa(r.body.Len()))
			w.WriteHeader(r.status)
			w.Write(r.body.Bytes()[:r.body.Len()/2])
			http.NewResponseController(w).Flush()
		}
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(cmp.Or(r.status, http.StatusOK))
	w.Write(r.body.Bytes())
}
