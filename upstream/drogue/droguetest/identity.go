package droguetest

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// identity is who a device is, once it is authenticated.
type identity struct {
	app, device string
}

// login is what a device authenticates with.
type login struct {
	app, device    string // beside the credentials; may be empty
	user, password string
}

// authenticate finds the device that l is valid for.
func (c *Cloud) authenticate(l login) (identity, bool) {
	scoped, app := splitUser(l.user)
	asDevice := login{user: l.user, password: l.password}
	switch {
	case l.app == "" && l.device == "": // dev@app
		l.app, l.device, asDevice.user = app, scoped, ""
	case l.device == "": // dev, whatever it contains
		l.device, asDevice.user = l.user, ""
	case l.app == "": // user@app of a device
		l.app, asDevice.user = app, scoped
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.apps[l.app]
	if a == nil || disabled(&a.Resource) {
		return identity{}, false
	}
	d := a.find(l.device)
	if d == nil || !d.accepts(asDevice.user, l.password) {
		return identity{}, false
	}
	return identity{l.app, d.Metadata.Name}, true
}

// splitUser splits at the first @ and decodes what is left of it.
func splitUser(user string) (name, app string) {
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

// speaksFor returns the device that a gateway may publish as.
func (c *Cloud) speaksFor(id identity, as string) (device string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.apps[id.app]
	if a == nil {
		return "", false
	}
	d := a.find(as)
	if d == nil || d.Metadata.DeletionTimestamp != nil || !slices.Contains(d.gateways(), id.device) {
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

// member finds the account of credentials; nil = anonymous.
func (c *Cloud) member(name, token, bearer string) (u *User, ok bool) {
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
