package apps

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

const (
	// Base is what all paths of the registry begin with.
	Base = "/api/registry/v1alpha1"

	maxBody = 64 << 10 // bytes
)

// failure is an error answer. Without a code it has no body.
type failure struct {
	status        int
	code, message string
}

var (
	failForbidden   = &failure{403, "Forbidden", "Forbidden"}
	failDenied      = &failure{403, "AuthenticationError", "Not authorized"}
	failNotFound    = &failure{404, "NotFound", "Not found"}
	failNoDevice    = &failure{status: 404}
	failNoReference = &failure{404, "ReferenceNotFound", "Referenced a non-existing entity"}
	failConflict    = &failure{409, "Conflict", "Conflict"}
	failMismatch    = &failure{status: 400}
	failTooLarge    = &failure{status: 413}
)

// badRequest is the answer to what cannot be read.
func badRequest(err error) *failure { return &failure{400, "BadRequest", err.Error()} }

// registryCall answers one request of the registry. Apps.mu is held.
type registryCall func(c *Apps, r *http.Request, body []byte) (answer any, fail *failure)

// Handler is the device registry.
func (c *Apps) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, route := range []struct {
		pattern string
		write   bool
		call    registryCall
	}{
		{"GET " + Base + "/apps", false, (*Apps).listApps},
		{"POST " + Base + "/apps", true, (*Apps).createApp},
		{"GET " + Base + "/apps/{app}", false, (*Apps).getApp},
		{"PUT " + Base + "/apps/{app}", true, (*Apps).putApp},
		{"DELETE " + Base + "/apps/{app}", true, (*Apps).deleteApp},
		{"GET " + Base + "/apps/{app}/devices", false, (*Apps).listDevices},
		{"POST " + Base + "/apps/{app}/devices", true, (*Apps).createDevice},
		{"GET " + Base + "/apps/{app}/devices/{device}", false, (*Apps).getDevice},
		{"PUT " + Base + "/apps/{app}/devices/{device}", true, (*Apps).putDevice},
		{"DELETE " + Base + "/apps/{app}/devices/{device}", true, (*Apps).deleteDevice},
	} {
		mux.HandleFunc(route.pattern, func(w http.ResponseWriter, r *http.Request) {
			c.callRegistry(w, r, route.write, route.call)
		})
	}
	return mux
}

func (c *Apps) callRegistry(
	w http.ResponseWriter, r *http.Request, write bool, call registryCall,
) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	user, ok := c.account(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	app, collection := r.PathValue("app"), strings.HasSuffix(r.URL.Path, "/devices")
	var answer any
	var fail *failure
	switch {
	case err != nil:
		fail = failTooLarge
	case !ok:
		fail = failForbidden
	case user == nil && app == "" && !write:
		answer = []any{} // nobody's applications
	case user == nil && (collection || r.PathValue("device") != "") && !write,
		app != "" && c.apps[app] == nil && r.Method != http.MethodPost:
		fail = failNotFound
	case user == nil, write && user.Reader:
		fail = failDenied
	default:
		answer, fail = call(c, r, body)
	}
	respond(w, r, answer, fail)
}

func respond(w http.ResponseWriter, r *http.Request, answer any, fail *failure) {
	switch {
	case fail != nil && fail.code == "":
		w.WriteHeader(fail.status)
	case fail != nil:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(fail.status)
		json.NewEncoder(w).Encode(map[string]string{"error": fail.code, "message": fail.message})
	case r.Method == http.MethodPost:
		w.Header().Set("Location", r.URL.Path+"/"+url.PathEscape(answer.(string)))
		w.WriteHeader(http.StatusCreated)
	case answer == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(answer)
	}
}

// account finds who asks: exactly one way to say so, or none.
func (c *Apps) account(r *http.Request) (*User, bool) {
	query := r.URL.Query()
	ways := 0
	header := r.Header.Get("Authorization")
	for _, way := range []string{header, query.Get("token"), query.Get("api_key")} {
		if way != "" {
			ways++
		}
	}
	if ways > 1 {
		return nil, false
	}
	bearer, isBearer := strings.CutPrefix(header, "Bearer ")
	name, token, isBasic := r.BasicAuth()
	switch {
	case isBearer:
		return c.Member("", "", bearer)
	case isBasic:
		return c.Member(name, token, "")
	case header != "":
		return nil, false
	}
	return c.Member(query.Get("username"), query.Get("api_key"), query.Get("token"))
}
