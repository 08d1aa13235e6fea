package hawkbittest

import (
	"cmp"
	"maps"
	"slices"
	"sync"
)

// Limits of a default server.
const (
	DefaultTenant = "DEFAULT"
	DefaultSleep  = "00:05:00"
	DefaultQuota  = 1000

	maxController = 256
	maxMessages   = 50  // of an entry
	maxMessage    = 512 // characters; longer ones are split
	maxAttributes = 100 // of a target
)

// Config is what an operator configures, and how this server differs from
// others. The zero value is a fresh server: it refuses all callers.
type Config struct {
	Tenant       string            // DefaultTenant when empty
	GatewayToken string            // acts for all controllers; empty: refused
	TargetTokens map[string]string // by controller
	Sleep        string            // polling.sleep; DefaultSleep when empty
	Quota        int               // entries per action; DefaultQuota when 0
	MultiAssign  bool              // a new assignment does not cancel the ones before

	CheckID       bool   // as 0.2: feedback must carry the ID of its action
	OmitSHA256    bool   // as old servers
	Rel           string // relation of download links; "download-http" when empty
	Scheme        string // of absolute links; that of the request when empty
	Host          string // of absolute links; that of the request when empty
	RelativeLinks bool   // links without scheme and host
	NoWindowETag  bool   // as other servers: the c= of a link ignores the window
}

func (c Config) tenant() string { return cmp.Or(c.Tenant, DefaultTenant) }

// Server is the stand-in. Its methods may be called concurrently.
type Server struct {
	mu       sync.Mutex
	cfg      Config
	targets  map[string]*target
	actions  []*action // the ID of an action is its index + 1
	modules  []*module // likewise
	faults   []*Fault
	requests []string
}

// target is a controller.
type target struct {
	id          string
	attributes  map[string]string
	wanted      bool // attributes are asked for
	installed   int  // action; 0: none
	autoConfirm bool
}

// New returns a server without targets.
func New(cfg Config) *Server {
	return &Server{cfg: cfg, targets: map[string]*target{}}
}

// Configure changes the configuration.
func (s *Server) Configure(change func(*Config)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.cfg)
}

// Requests returns "METHOD PATH" of all requests so far, with the query where
// there is one.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Attributes returns what a controller told about itself.
func (s *Server) Attributes(controller string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.targets[controller]; t != nil {
		return maps.Clone(t.attributes)
	}
	return nil
}

// target returns a controller, registered if it is new. The caller holds mu.
func (s *Server) target(id string) *target {
	t := s.targets[id]
	if t == nil {
		t = &target{id: id, attributes: map[string]string{}, wanted: true}
		s.targets[id] = t
	}
	return t
}
