package apps

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// Identity is who a device is, once it is authenticated.
type Identity struct {
	App, Device string
}

// Login is what a device authenticates with.
type Login struct {
	App, Device    string // beside the credentials; may be empty
	User, Password string
}

// Authenticate finds the device that l is valid for.
func (c *Apps) Authenticate(l Login) (Identity, bool) {
	scoped, app := SplitUser(l.User)
	asDevice := Login{User: l.User, Password: l.Password}
	switch {
	case l.App == "" && l.Device == "": // dev@app
		l.App, l.Device, asDevice.User = app, scoped, ""
	case l.Device == "": // dev, whatever it contains
		l.Device, asDevice.User = l.User, ""
	case l.App == "": // user@app of a device
		l.App, asDevice.User = app, scoped
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.apps[l.App]
	if a == nil || disabled(&a.Resource) {
		return Identity{}, false
	}
	d := a.find(l.Device)
	if d == nil || !d.accepts(asDevice.User, l.Password) {
		return Identity{}, false
	}
	return Identity{l.App, d.Metadata.Name}, true
}

// SplitUser splits at the first @ and decodes what is left of it.
func SplitUser(user string) (name, app string) {
	name, app, _ = strings.Cut(user, "@")
	if decoded, err := url.PathUnescape(name); err == nil {
		name = decoded
	}
	return name, app
}

func disabled(r *Resource) bool {
	var core struct {
		Disabled bool `json:"disabled"`
	}
	return r.section("core", &core) && core.Disabled
}

// find returns the device of a name, an alias, or a unique user name.
func (a *application) find(name string) *Resource {
	if d := a.devices[name]; d != nil {
		return d
	}
	for _, d := range a.devices {
		var aliases []string
		if d.section("alias", &aliases) && slices.Contains(aliases, name) {
			return d
		}
		for _, c := range d.credentials() {
			if c.User != nil && c.User.Unique && c.User.Username == name {
				return d
			}
		}
	}
	return nil
}

// credential is one entry of spec.authentication.credentials.
type credential struct {
	Pass json.RawMessage `json:"pass"` // "text" or {"plain": "text"}
	User *struct {
		Username string `json:"username"`
		Password string `json:"password"`
		Unique   bool   `json:"unique"`
	} `json:"user"`
}

func (r *Resource) credentials() []credential {
	var section struct {
		Credentials []credential `json:"credentials"`
	}
	if !r.section("authentication", &section) {
		r.section("credentials", &section)
	}
	return section.Credentials
}

// accepts tests a password, of a user where one is given.
func (r *Resource) accepts(user, password string) bool {
	return slices.ContainsFunc(r.credentials(), func(c credential) bool {
		if c.User != nil && c.User.Password == password {
			return c.User.Username == user || (user == "" && c.User.Unique)
		}
		return c.Pass != nil && user == "" && plain(c.Pass) == password
	})
}

func plain(pass json.RawMessage) (text string) {
	var object struct {
		Plain string `json:"plain"`
	}
	if json.Unmarshal(pass, &text) != nil && json.Unmarshal(pass, &object) == nil {
		text = object.Plain
	}
	return text
}

// SpeaksFor returns the device that a gateway may publish as.
func (c *Apps) SpeaksFor(id Identity, as string) (device string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.apps[id.App]
	if a == nil {
		return "", false
	}
	d := a.find(as)
	if d == nil || d.Metadata.DeletionTimestamp != nil || !slices.Contains(d.gateways(), id.Device) {
		return "", false
	}
	return d.Metadata.Name, true
}

func (r *Resource) gateways() []string {
	var selector struct {
		MatchNames []string `json:"matchNames"`
	}
	r.section("gatewaySelector", &selector)
	return selector.MatchNames
}

// Member finds the account of credentials; nil = anonymous.
func (c *Apps) Member(name, token, bearer string) (u *User, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if name == "" && token == "" && bearer == "" {
		return nil, true
	}
	for _, user := range c.users {
		if (bearer != "" && user.Bearer == bearer) ||
			(bearer == "" && user.Name == name && token != "" && user.Token == token) {
			return &user, true
		}
	}
	return nil, false
}
