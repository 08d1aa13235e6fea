package hawkbittest

import (
	"crypto/md5"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// call is one request below a controller.
type call struct {
	*http.Request
	controller string
	path       []string // segments below the controller
	body       []byte
}

// reply writes an answer. It runs without the server's lock, since clients may
// read slowly.
type reply func(w http.ResponseWriter, r *http.Request)

// handler decides on an answer; a is the action in the path, nil if the
// controller has none of that ID. It runs with the server's lock.
type handler func(s *Server, c call, a *action) reply

// routes are the resources below a controller, by method and path; * stands for
// an ID.
var routes = map[string]map[string]handler{
	"":                            {"GET": (*Server).poll},
	"configData":                  {"PUT": (*Server).configData},
	"deploymentBase/*":            {"GET": (*Server).deploymentBase},
	"deploymentBase/*/feedback":   {"POST": (*Server).deploymentFeedback},
	"cancelAction/*":              {"GET": (*Server).cancelAction},
	"cancelAction/*/feedback":     {"POST": (*Server).cancelFeedback},
	"installedBase/*":             {"GET": (*Server).installedBase},
	"confirmationBase":            {"GET": (*Server).autoConfirm},
	"confirmationBase/*":          {"GET": (*Server).confirmationBase},
	"confirmationBase/*/feedback": {"POST": (*Server).confirmationFeedback},
	"softwaremodules/*/artifacts": {"GET": (*Server).artifacts},

	"confirmationBase/activateAutoConfirm":   {"POST": (*Server).activate},
	"confirmationBase/deactivateAutoConfirm": {"POST": (*Server).deactivate},
	"softwaremodules/*/artifacts/*":          {"GET": (*Server).download},
}

// maxBody bounds what a client may send, in bytes.
const maxBody = 1 << 20

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := make([]byte, 0)
	if r.Body != nil {
		body = readAll(http.MaxBytesReader(w, r.Body, maxBody))
	}
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.RequestURI())
	fault := s.fault(r)
	s.mu.Unlock()
	if fault != nil && fault.instead(w, r) {
		return
	}
	s.mu.Lock()
	answer := s.answer(call{Request: r, body: body})
	s.mu.Unlock()
	answer(fault.cut(w), r)
}

// answer finds the controller and its resource.
func (s *Server) answer(c call) reply {
	segments := strings.Split(strings.TrimPrefix(c.URL.EscapedPath(), "/"), "/")
	for i := range segments {
		segments[i], _ = url.PathUnescape(segments[i])
	}
	if len(segments) < 4 || segments[1] != "controller" || segments[2] != "v1" || segments[3] == "" {
		return status(http.StatusNotFound)
	}
	c.controller, c.path = segments[3], segments[4:]
	switch {
	case segments[0] != s.cfg.tenant() || !s.authorized(c):
		return status(http.StatusUnauthorized)
	case len(c.controller) > maxController:
		return status(http.StatusBadRequest)
	}
	return s.route(c)
}

// authorized compares the token. Its scheme is case sensitive.
func (s *Server) authorized(c call) bool {
	scheme, token, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	switch scheme {
	case "GatewayToken":
		return token != "" && token == s.cfg.GatewayToken
	case "TargetToken":
		return token != "" && token == s.cfg.TargetTokens[c.controller]
	}
	return false
}

func (s *Server) route(c call) reply {
	methods := routes[strings.Join(c.path, "/")]
	if methods == nil {
		methods = routes[pattern(c.path)]
	}
	if methods == nil {
		return status(http.StatusNotFound)
	}
	serve := methods[c.Method]
	switch {
	case serve == nil:
		return status(http.StatusMethodNotAllowed)
	case !acceptable(c.Header.Get("Accept")):
		return status(http.StatusNotAcceptable)
	case len(c.body) > 0 && !strings.HasPrefix(c.Header.Get("Content-Type"), "application/json"):
		return status(http.StatusUnsupportedMediaType)
	}
	var a *action
	if len(c.path) > 1 {
		a = s.owned(c.controller, c.path[1])
	}
	return serve(s, c, a)
}

// pattern replaces the IDs in a path: they stand at every second place.
func pattern(path []string) string {
	path = slices.Clone(path)
	for i := 1; i < len(path); i += 2 {
		path[i] = "*"
	}
	return strings.Join(path, "/")
}

// owned returns the action of that ID if it is the controller's, else nil.
func (s *Server) owned(controller, id string) *action {
	n, err := strconv.Atoi(id)
	if err != nil || n < 1 || n > len(s.actions) || s.actions[n-1].target.id != controller {
		return nil
	}
	return s.actions[n-1]
}

// acceptable reports whether the client takes JSON.
func acceptable(accept string) bool {
	if accept == "" {
		return true
	}
	for _, mediaType := range []string{"application/hal+json", "application/json", "*/*"} {
		if strings.Contains(accept, mediaType) {
			return true
		}
	}
	return false
}

// status answers without a body.
func status(code int) reply {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// document answers JSON, or 304 to a client that has it.
func document(v any) reply {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("hawkbittest: answer cannot be encoded: %v", err))
	}
	return func(w http.ResponseWriter, r *http.Request) {
		etag := fmt.Sprintf(`"0%x"`, md5.Sum(b))
		w.Header().Set("ETag", etag)
		if r.Method == http.MethodGet && r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", "application/hal+json")
		_, _ = w.Write(b)
	}
}

// problem answers the body of an error, as ExceptionInfo.
func problem(code int, errorCode string) reply {
	b := fmt.Appendf(nil,
		`{"exceptionClass":"e","errorCode":"hawkbit.server.error.%s","message":"%s"}`,
		errorCode, http.StatusText(code))
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = w.Write(b)
	}
}

func unreadable() reply { return problem(http.StatusBadRequest, "rest.body.notReadable") }

func tooMany() reply { return problem(http.StatusTooManyRequests, "quota.tooManyEntries") }
