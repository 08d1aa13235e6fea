package droguetest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"havn/upstream/drogue/droguetest/apps"
)

// maxBody is the largest body of a request, in bytes.
const maxBody = 64 << 10

// endpointHandler is the HTTP endpoint of devices.
func (c *Cloud) endpointHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /v1/{channel}", c.publishHTTP)
	mux.HandleFunc("POST /v1/{channel}/{suffix...}", c.publishHTTP) // the suffix is dropped
	return mux
}

func (c *Cloud) publishHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	query := r.URL.Query()
	wait, err := commandTimeout(query)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	id, device, ok := c.authorizeHTTP(r, query)
	if !ok {
		w.WriteHeader(http.StatusForbidden)
		json.NewEncoder(w).Encode(map[string]any{
			"code": 403, "error": "AuthenticationError", "message": "Authentication failed",
		})
		return
	}
	poll := c.newPoll(id, device)
	if c.opts.FairPoll && wait > 0 {
		poll.begin()
	}
	defer poll.end()
	accepted := c.publish(apps.Event{
		Subject: r.PathValue("channel"), ContentType: r.Header.Get("Content-Type"),
		DataSchema: query.Get("data_schema"), Data: body,
		Application: id.App, Device: device, Sender: id.Device,
	})
	if !accepted {
		w.WriteHeader(http.StatusNotAcceptable)
		return
	}
	poll.answer(w, r, wait)
}

func commandTimeout(query url.Values) (time.Duration, error) {
	text := query.Get("ct")
	if text == "" {
		text = query.Get("commandTimeout")
	}
	if text == "" {
		return 0, nil
	}
	seconds, err := strconv.ParseUint(text, 10, 32)
	return time.Duration(seconds) * time.Second, err
}

// authorizeHTTP returns who asks, and for which device.
func (c *Cloud) authorizeHTTP(
	r *http.Request, query url.Values,
) (id apps.Identity, device string, ok bool) {
	user, password, basic := r.BasicAuth()
	if !basic || !strings.HasPrefix(r.Header.Get("Authorization"), "Basic ") {
		return id, "", false
	}
	id, ok = c.Authenticate(apps.Login{
		App: query.Get("application"), Device: query.Get("device"), User: user, Password: password,
	})
	as := query.Get("as")
	if name, _ := apps.SplitUser(user); !ok || as == "" || as == name || as == id.Device {
		return id, id.Device, ok
	}
	device, ok = c.SpeaksFor(id, as)
	return id, device, ok
}

// poll waits for one command.
type poll struct {
	cloud    *Cloud
	inbox    *inbox
	commands chan command
	stop     func() // nil before begin
}

// newPoll listens for device; a gateway that polls for itself gets the
// commands of all devices it speaks for.
func (c *Cloud) newPoll(id apps.Identity, device string) *poll {
	p := &poll{cloud: c, commands: make(chan command, 1)}
	p.inbox = &inbox{gateway: id, deliver: func(cmd command) {
		select {
		case p.commands <- cmd:
		default: // one answer holds one command
		}
	}}
	if device != id.Device {
		p.inbox.device = device
	}
	return p
}

func (p *poll) begin() {
	if p.stop == nil {
		p.stop = p.cloud.listen(p.inbox)
	}
}

func (p *poll) end() {
	if p.stop != nil {
		p.stop()
	}
}

func (p *poll) answer(w http.ResponseWriter, r *http.Request, wait time.Duration) {
	if wait == 0 {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	p.begin()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case cmd := <-p.commands:
		w.Header().Set("command", cmd.name)
		w.Write(cmd.payload)
	case <-timer.C:
		w.WriteHeader(http.StatusAccepted)
	case <-r.Context().Done():
	case <-p.cloud.ctx.Done():
	}
}
