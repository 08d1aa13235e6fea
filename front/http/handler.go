package http

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"havn/dfu"
	"havn/front"
	"havn/telemetry"
	"havn/update"
)

// maxBody is how long a body may be, bytes: as at Drogue Cloud's endpoint.
const maxBody = 65536

// Handler answers requests. It may be used by many goroutines at once.
type Handler struct {
	engine      *update.Engine
	upstream    telemetry.Upstream
	chunks      atomic.Pointer[Chunks]
	commands    sync.Pool // of *[maxCommand]byte
	counts      *front.Counts
	connections atomic.Int64 // open now
}

// NewHandler returns a handler with the neighbours p. It fails if c does not
// validate.
func NewHandler(c Chunks, p front.Parts) (*Handler, error) {
	h := &Handler{engine: p.Engine, upstream: p.Upstream}
	h.commands.New = func() any { return new([maxCommand]byte) }
	h.counts = h.newCounts(p.Log)
	return h, h.SetChunks(c)
}

// SetChunks replaces the chunk sizes. Transfers under way go on: a device
// keeps its offset, whatever the size of the next Write.
func (h *Handler) SetChunks(c Chunks) error {
	c = c.WithDefaults()
	if err := c.Validate().Err(); err != nil {
		return fmt.Errorf("http: chunks: %w", err)
	}
	h.chunks.Store(&c)
	return nil
}

// Counts returns what the front counts.
func (h *Handler) Counts() *front.Counts { return h.counts }

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := exchange{h: h, w: w, r: r, received: time.Now()}
	if err := x.serve(); err != nil {
		x.refuse(err)
	}
	h.counts.Answers.Observe(time.Since(x.received), 1)
}

// exchange is one request being answered.
type exchange struct {
	h        *Handler
	w        http.ResponseWriter
	r        *http.Request
	resource resource
	received time.Time // with its body, as soon as that is there
}

// serve answers, or does not and returns why.
func (x *exchange) serve() error {
	channel, err := x.route()
	if err != nil {
		return err
	}
	if x.resource == root {
		x.answer(http.StatusOK, nil)
		return nil
	}
	id, awaits, err := x.identify()
	if err != nil {
		return err
	}
	body, err := x.body()
	if err != nil {
		return err
	}
	if x.resource == status {
		return x.postStatus(id, body)
	}
	return x.postTelemetry(id, channel, awaits, body)
}

// route finds the resource and its channel.
func (x *exchange) route() (channel string, err error) {
	path := x.r.URL.EscapedPath()
	if path == "/" {
		x.resource = root
		return "", x.allow(http.MethodGet)
	}
	rest, ok := strings.CutPrefix(path, "/v1/")
	segment, _, _ := strings.Cut(rest, "/") // what follows is dropped, as Drogue Cloud does
	channel, err = url.PathUnescape(segment)
	switch {
	case !ok || err != nil || !telemetry.ValidChannel(channel):
		return "", errPath
	case channel == "dfu":
		x.resource = status
	case x.h.upstream.Telemetry == nil:
		return "", errChannel
	default:
		x.resource = channels
	}
	return channel, x.allow(http.MethodPost)
}

func (x *exchange) allow(method string) error {
	if x.r.Method != method {
		return errMethod
	}
	return nil
}

// body reads the whole body. If a body is not read to its end, the connection is
// closed after the answer.
func (x *exchange) body() ([]byte, error) {
	var body []byte
	var err error = &http.MaxBytesError{Limit: maxBody}
	if x.r.ContentLength <= maxBody {
		body, err = io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, maxBody))
	}
	x.received = time.Now()
	if err == nil {
		return body, nil
	}
	x.w.Header().Set("Connection", "close")
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, errTooLarge
	}
	return nil, errBody
}

// commandHeader names the command in the body. It is spelled as Drogue Cloud
// does, for clients that do not fold case.
const commandHeader = "command"

// statusCommand is the command of every answer to a Status.
var statusCommand = []string{"dfu"}

// postStatus answers a Status with a Command.
func (x *exchange) postStatus(id dfu.Device, body []byte) error {
	if _, err := telemetry.MediaType(x.r.Header.Get("Content-Type"), body); err != nil {
		return err
	}
	st, err := dfu.ParseStatus(body)
	if err != nil {
		return err
	}
	h := x.h
	row := h.engine.Lookup(Protocol, []byte(id.Application), []byte(id.Name), x.received)
	cmd := h.engine.Request(row, &st, front.Chunks(*h.chunks.Load()).Limits(maxCommand), x.received)
	buf := h.commands.Get().(*[maxCommand]byte)
	defer h.commands.Put(buf)
	x.w.Header()[commandHeader] = statusCommand
	x.answer(http.StatusOK, cmd.Append(buf[:0]))
	if cmd.Op == dfu.OpWrite {
		h.counts.Chunk(len(cmd.Data))
	}
	return nil
}

// answer writes the response and counts it. Without a Content-Type that was set, the
// response has none: package net/http would guess one from the body.
func (x *exchange) answer(code int, body []byte) {
	header := x.w.Header()
	if header.Get("Content-Type") == "" {
		header["Content-Type"] = nil
	}
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.w.WriteHeader(code)
	_, _ = x.w.Write(body) // into a buffer; a device that is gone asks again
	x.h.counts.Requests.Count(int(x.resource), code)
}
