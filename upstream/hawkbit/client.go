package hawkbit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// maxDocument bounds a JSON answer, in bytes.
const maxDocument = 1 << 20

// pause is how long a server that is asked too often is left alone, where it
// does not say how long.
const pause = 10 * time.Second

// request is one call of the API.
type request struct {
	method string
	url    *url.URL
	etag   string // of the answer that is held, for If-None-Match
	body   any    // sent as JSON, nil: none
}

// answer is a successful one.
type answer struct {
	body      []byte
	etag      string
	unchanged bool // 304: what is held is still right
}

// exchange makes one call. Errors are *refusal where the server refuses.
func (s *Source) exchange(ctx context.Context, q request) (answer, error) {
	if until := time.Unix(0, s.paused.Load()); time.Now().Before(until) {
		return answer{}, fmt.Errorf("the server asked for a pause: not asked until %s",
			until.UTC().Format(time.RFC3339))
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := q.http(ctx)
	if err != nil {
		return answer{}, err
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(http.MaxBytesReader(nil, resp.Body, maxDocument))
	switch {
	case err != nil:
		return answer{}, fmt.Errorf("the server's answer broke off: %w", err)
	case q.etag != "" && resp.StatusCode == http.StatusNotModified:
		return answer{unchanged: true}, nil
	case resp.StatusCode/100 != 2:
		return answer{}, s.refused(newRefusal(resp, b))
	}
	return answer{body: b, etag: resp.Header.Get("ETag")}, nil
}

// refused pauses all requests where the server says that they are too many.
func (s *Source) refused(r *refusal) error {
	if r.throttled() {
		wait := r.after
		if wait == 0 {
			wait = pause
		}
		s.paused.Store(time.Now().Add(wait).UnixNano())
	}
	return r
}

func (q request) http(ctx context.Context) (*http.Request, error) {
	var body io.Reader
	if q.body != nil {
		b, err := json.Marshal(q.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, q.url.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/hal+json, application/json;q=0.9")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if q.etag != "" {
		req.Header.Set("If-None-Match", q.etag)
	}
	return req, nil
}

// get returns a linked JSON resource.
func get[T any](ctx context.Context, s *Source, u *url.URL) (T, error) {
	a, err := s.exchange(ctx, request{method: http.MethodGet, url: u})
	if err != nil {
		var none T
		return none, err
	}
	return parse[T](a.body)
}

// feedback is the body of feedback on a deployment or a cancellation. Old
// servers need the ID, new ones ignore it.
type feedback struct {
	ID        string         `json:"id"`
	Timestamp int64          `json:"timestamp"` // Unix milliseconds
	Status    feedbackStatus `json:"status"`
}

type feedbackStatus struct {
	Execution string         `json:"execution"`
	Result    feedbackResult `json:"result"`
	Details   []string       `json:"details,omitempty"`
}

type feedbackResult struct {
	Finished string    `json:"finished"`
	Progress *progress `json:"progress,omitempty"`
}

type progress struct {
	Count uint32 `json:"cnt"`
	Of    uint32 `json:"of"`
}

// Words of the API.
const (
	proceeding = "proceeding"
	closed     = "closed"
	rejected   = "rejected"
	downloaded = "downloaded"

	success = "success"
	failure = "failure"
	none    = "none"
)

// maxDetail is the longest message; the server splits longer ones into several.
const maxDetail = 512

// tell posts feedback on the action behind u.
func (s *Source) tell(ctx context.Context, u *url.URL, st feedbackStatus) error {
	for i := range st.Details {
		st.Details[i] = clip(st.Details[i], maxDetail)
	}
	f := feedback{ID: actionID(u), Timestamp: time.Now().UnixMilli(), Status: st}
	_, err := s.exchange(ctx, request{method: http.MethodPost, url: feedbackURL(u), body: f})
	s.stats.Feedback.Add(1)
	if err == nil {
		return nil
	}
	s.stats.FeedbackFailures.Add(1)
	return fmt.Errorf("feedback %s/%s: %w", st.Execution, st.Result.Finished, err)
}
