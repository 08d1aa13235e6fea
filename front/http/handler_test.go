package http

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"havn/dfu"
	"havn/front"
	"havn/telemetry"
)

func TestStatusIsAnswered(t *testing.T) {
	w := newWorld(t, blinky, Chunks{}, telemetry.Upstream{})
	for _, url := range []string{
		"/v1/dfu?ct=30", "/v1/dfu", "/v1/dfu?ct=0", "/v1/dfu/what/ever?ct=30", "/v1/%64fu",
	} {
		resp := w.post(url, at(4), "Content-Type", "application/cbor")
		cmd := parse(t, read(t, resp))
		if resp.StatusCode != 200 || cmd.Op != dfu.OpWrite || cmd.Offset != 4 ||
			!bytes.Equal(cmd.Data, blinky.Data[4:][:len(cmd.Data)]) {
			t.Errorf("%s: %d, %v at %d", url, resp.StatusCode, cmd.Op, cmd.Offset)
		}
		want := http.Header{
			"command": {"dfu"}, "Content-Type": nil,
			"Content-Length": {fmt.Sprint(resp.ContentLength)},
		}
		if diff := cmp.Diff(want, resp.Header); diff != "" {
			t.Errorf("%s: headers (-want +got):\n%s", url, diff)
		}
	}
	if s := w.Counts(); s.Chunks.Load() != 5 || s.ChunkBytes.Load() == 0 {
		t.Errorf("%d chunks, %d bytes", s.Chunks.Load(), s.ChunkBytes.Load())
	}
	row, err := w.engine.Device(dfu.Device{Application: "edge", Name: "dev"})
	if err != nil || row.Protocol != "http" {
		t.Errorf("row %+v, %v", row, err)
	}
}

// TestStatusNeedsNoType: whatever a device says of its Status, it is CBOR.
func TestStatusNeedsNoType(t *testing.T) {
	w := newWorld(t, blinky, Chunks{}, telemetry.Upstream{})
	for contentType, want := range map[string]int{
		"": 200, "application/cbor": 200, "application/octet-stream": 200, "text/plain": 200,
		"application/json": 406, "application/json; charset=utf-8": 406, "application/senml+json": 406,
	} {
		resp := w.post("/v1/dfu", first, "Content-Type", contentType)
		if resp.StatusCode != want {
			t.Errorf("%q: %d, want %d", contentType, resp.StatusCode, want)
		}
	}
}

func TestChunks(t *testing.T) {
	tests := []struct {
		chunks Chunks
		mtu    uint32
		want   int
	}{
		{Chunks{}, 2048, 1916}, // as much as 2048 bytes hold, in words
		{Chunks{}, 0, 1916},
		{Chunks{}, 512, 512},
		{Chunks{WriteSize: 1000}, 2048, 1000},
		{Chunks{WriteSize: 1001}, 2048, 1000},
		{Chunks{Align: 256}, 2048, 1792},
		{Chunks{WriteSize: 3, Align: 1}, 2048, 3},
	}
	for _, tt := range tests {
		w := newWorld(t, blinky, tt.chunks, telemetry.Upstream{})
		st := dfu.Status{Version: []byte("1"), MTU: tt.mtu}
		cmd := parse(t, read(t, w.post("/v1/dfu", st.Append(nil))))
		if cmd.Op != dfu.OpWrite || len(cmd.Data) != tt.want {
			t.Errorf("%+v, mtu %d: %v of %d bytes, want %d",
				tt.chunks, tt.mtu, cmd.Op, len(cmd.Data), tt.want)
		}
	}
}

func TestSetChunks(t *testing.T) {
	w := newWorld(t, blinky, Chunks{}, telemetry.Upstream{})
	if err := w.SetChunks(Chunks{WriteSize: -1}); err == nil {
		t.Error("a negative write_size is taken")
	}
	if err := w.SetChunks(Chunks{WriteSize: 64}); err != nil {
		t.Fatal(err)
	}
	if cmd := parse(t, read(t, w.post("/v1/dfu", first))); len(cmd.Data) != 64 {
		t.Errorf("%d bytes", len(cmd.Data))
	}
}

func TestRefused(t *testing.T) {
	taken := telemetry.Upstream{Telemetry: func(_, _, _, _ string, _ []byte) error { return nil }}
	failing := telemetry.Upstream{Telemetry: func(_, _, _, _ string, _ []byte) error { return errFull }}
	type headers = []string
	tests := []struct {
		name    string
		up      telemetry.Upstream
		method  string
		url     string
		headers headers
		body    string
		code    int
		error   string // in the body; empty = no body
		reason  front.Reason
	}{
		{"root", telemetry.Upstream{}, "GET", "/", nil, "", 200, "", front.None},
		{"post to root", telemetry.Upstream{}, "POST", "/", nil, "", 405, "MethodNotAllowed", front.None},
		{"get", telemetry.Upstream{}, "GET", "/v1/dfu", nil, "", 405, "MethodNotAllowed", front.None},
		{"put", telemetry.Upstream{}, "PUT", "/v1/dfu", nil, "", 405, "MethodNotAllowed", front.None},
		{"path", telemetry.Upstream{}, "POST", "/v2/dfu", nil, "", 404, "NotFound", front.None},
		{"no channel", taken, "POST", "/v1/", nil, "", 404, "NotFound", front.None},
		{"no channel, no slash", taken, "POST", "/v1", nil, "", 404, "NotFound", front.None},
		{"empty channel", taken, "POST", "/v1//dfu", nil, "", 404, "NotFound", front.None},
		{"channel with a wildcard", taken, "POST", "/v1/a%2B", nil, "", 404, "NotFound", front.None},
		{"channel with a slash", taken, "POST", "/v1/a%2Fb", nil, "", 404, "NotFound", front.None},
		{"channel that is no text", taken, "POST", "/v1/%ff", nil, "", 404, "NotFound", front.None},
		{"no upstream", telemetry.Upstream{}, "POST", "/v1/temp", nil, "", 404, "NotFound", front.None},
		{"query", telemetry.Upstream{}, "POST", "/v1/dfu?ct=soon", nil, "", 400, "InvalidRequest", BadQuery},
		{"no credentials", telemetry.Upstream{}, "POST", "/v1/dfu", headers{"Authorization", ""}, string(first),
			403, `AuthenticationError","message":"authentication failed: ` +
				`want Authorization: Basic base64(DEVICE@APPLICATION:PASSWORD)`, front.BadIdentity},
		{"no credentials, names in the query", telemetry.Upstream{}, "POST", "/v1/dfu?application=edge&device=d",
			headers{"Authorization", ""}, string(first), 403, "AuthenticationError", front.BadIdentity},
		{"no application", telemetry.Upstream{}, "POST", "/v1/dfu", headers{"Authorization", basicAuth("dev")}, string(first),
			403, "AuthenticationError", front.BadIdentity},
		{"empty status", telemetry.Upstream{}, "POST", "/v1/dfu", nil, "", 400, "InvalidFormat", front.BadStatus},
		{"JSON status", telemetry.Upstream{}, "POST", "/v1/dfu", nil, `{"version":"1"}`, 400, "InvalidFormat", front.BadStatus},
		{"too large", taken, "POST", "/v1/temp", nil, strings.Repeat("x", maxBody+1), 413, "InvalidRequest", front.Oversized},
		{"largest", taken, "POST", "/v1/temp", nil, strings.Repeat("x", maxBody), 202, "", front.None},
		{"not JSON", taken, "POST", "/v1/temp", headers{"Content-Type", "application/json"}, "{", 406, "", front.BadPayload},
		{"not taken", failing, "POST", "/v1/temp", nil, "1", 503, "", front.Untaken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, blinky, Chunks{}, tt.up)
			r := httptest.NewRequest(tt.method, tt.url, strings.NewReader(tt.body))
			r.Header.Set("Authorization", basicAuth("dev@edge"))
			for i := 0; i < len(tt.headers); i += 2 {
				r.Header.Set(tt.headers[i], tt.headers[i+1])
			}
			resp := w.ask(r)
			body := string(read(t, resp))
			if resp.StatusCode != tt.code || (body == "") != (tt.error == "") {
				t.Errorf("%d %s, want %d", resp.StatusCode, body, tt.code)
			}
			start := fmt.Sprintf(`{"code":%d,"error":"%s"`, tt.code, tt.error)
			if tt.error != "" && !strings.HasPrefix(body, start) {
				t.Errorf("%s, want %s...", body, start)
			}
			w.Counts().Complaints.Each(func(why front.Reason, n uint64) {
				if (n == 1) != (why == tt.reason) {
					t.Errorf("%d rejected for %v", n, why)
				}
			})
			if (tt.reason == front.None) != !strings.Contains(w.log.String(), "reason="+string(tt.reason)) {
				t.Errorf("log: %s", w.log)
			}
			counted := 0
			w.Counts().Requests.Each(func(r front.Request, n uint64) {
				if counted++; r.Code != fmt.Sprint(tt.code) || n != 1 {
					t.Errorf("%d of %+v", n, r)
				}
			})
			if counted != 1 {
				t.Errorf("%d requests are counted", counted)
			}
		})
	}
}

func TestEveryPrefixOfAStatusFails(t *testing.T) {
	w := newWorld(t, blinky, Chunks{}, telemetry.Upstream{})
	whole := at(4)
	for i := range whole {
		if resp := w.post("/v1/dfu?ct=30", whole[:i]); resp.StatusCode != 400 {
			t.Errorf("%d bytes: %d", i, resp.StatusCode)
		}
	}
	if n := w.Counts().Rejected(front.BadStatus); n != uint64(len(whole)) {
		t.Errorf("%d rejected", n)
	}
	if n := strings.Count(w.log.String(), "\n"); n != 1 {
		t.Errorf("%d lines are logged, want 1:\n%s", n, w.log)
	}
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name  string
		cfg   Config
		c     Chunks
		error string // empty = valid
	}{
		{"zero", Config{}, Chunks{}, ""},
		{"all set", Config{Listen: ":8088", Certificate: "c", Key: "k"}, Chunks{WriteSize: 2016, Align: 8}, ""},
		{"no key", Config{Certificate: "c"}, Chunks{}, "certificate: "},
		{"no certificate", Config{Key: "k"}, Chunks{}, "key: "},
		{"write_size", Config{}, Chunks{WriteSize: 2017}, "chunks.write_size: "},
		{"write_size negative", Config{}, Chunks{WriteSize: -1}, "chunks.write_size: "},
		{"align", Config{}, Chunks{WriteSize: 4, Align: 8}, "chunks.write_size: "},
		{"align, default", Config{}, Chunks{WriteSize: 3}, "chunks.write_size: "},
		{"flash word", Config{}, Chunks{Align: 3}, "chunks.align: "},
		{"align negative", Config{}, Chunks{Align: -4}, "chunks.align: "},
	}
	for _, tt := range tests {
		faults := tt.cfg.Validate()
		faults.Below("chunks", tt.c.WithDefaults().Validate())
		err := faults.Err()
		if (err == nil) != (tt.error == "") || (err != nil && !strings.HasPrefix(err.Error(), tt.error)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.error)
		}
	}
}
