package hawkbittest

import (
	"io"
	"maps"
	"net/http"
	"strings"
)

// Fault is something that goes wrong with some requests.
type Fault struct {
	Match string // part of "METHOD PATH?QUERY"; empty: all
	Times int    // how many requests it meets; 0: all

	Hang   bool        // no answer until the client gives up
	Status int         // answered instead, before anything is done
	Body   string      // of that answer
	Header http.Header // of that answer
	Lose   bool        // done, and the connection broken before the answer
	Cut    int64       // bytes of the answer's body after which the connection breaks
}

// Inject makes f happen. Of several that match, the first one injected happens.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// Heal ends all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// fault returns what goes wrong with r, nil if nothing does. The caller holds mu.
func (s *Server) fault(r *http.Request) *Fault {
	for i, f := range s.faults {
		if !strings.Contains(r.Method+" "+r.URL.RequestURI(), f.Match) {
			continue
		}
		if f.Times--; f.Times == 0 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		}
		return f
	}
	return nil
}

// instead answers in place of the server, if f does so.
func (f *Fault) instead(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case f.Hang:
		<-r.Context().Done()
	case f.Status != 0:
		maps.Copy(w.Header(), f.Header)
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, f.Body)
	default:
		return false
	}
	return true
}

// cut returns a writer that breaks where f says so.
func (f *Fault) cut(w http.ResponseWriter) http.ResponseWriter {
	switch {
	case f == nil || !f.Lose && f.Cut == 0:
		return w
	case f.Lose:
		return &broken{ResponseWriter: w}
	}
	return &broken{ResponseWriter: w, left: f.Cut, begun: true}
}

// broken is the answer on a connection that breaks after left bytes.
type broken struct {
	http.ResponseWriter
	left  int64
	begun bool // the header arrives
}

func (b *broken) WriteHeader(code int) {
	if !b.begun {
		panic(http.ErrAbortHandler)
	}
	b.ResponseWriter.WriteHeader(code)
}

func (b *broken) Write(p []byte) (int, error) {
	if !b.begun {
		panic(http.ErrAbortHandler)
	}
	if int64(len(p)) < b.left {
		b.left -= int64(len(p))
		return b.ResponseWriter.Write(p)
	}
	_, _ = b.ResponseWriter.Write(p[:b.left])
	_ = http.NewResponseController(b.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

// readAll returns what a client sends, as far as it comes.
func readAll(r io.Reader) []byte {
	b, _ := io.ReadAll(r)
	return b
}
