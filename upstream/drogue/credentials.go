package drogue

import (
	"net/http"
	"strings"

	"havn/link"
)

// authorize puts the account of the registry on a request: exactly one form,
// as the server refuses several.
func (r RegistryConfig) authorize(req *http.Request) error {
	token, err := link.File{Key: "upstream.drogue.registry.token_file", Path: r.TokenFile}.Token()
	switch {
	case err != nil:
		return err
	case r.User != "":
		req.SetBasicAuth(r.User, token)
	case token != "":
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return nil
}

// account returns what to connect with. A bearer token stands as user name,
// the one place where both versions of MQTT accept it alone.
func (i IntegrationConfig) account() (user, password string, err error) {
	token, err := link.File{Key: "upstream.drogue.integration.token_file", Path: i.TokenFile}.Token()
	if i.User == "" {
		return token, "", err
	}
	return i.User, token, err
}

// account returns user name and password of the gateway device. The server
// splits at the first @ and decodes percent signs left of it.
func (e Endpoint) account() (user, password string, err error) {
	password, err = link.File{Key: "upstream.drogue.endpoints: password_file", Path: e.PasswordFile}.Password()
	return userEscaper.Replace(e.Device) + "@" + e.Application, password, err
}

// name is what operators know an endpoint by.
func (e Endpoint) name() string { return "gateway device " + e.Device + " of " + e.Application }

var userEscaper = strings.NewReplacer("%", "%25", "@", "%40")

// authorities returns the file that the server of an endpoint is checked with.
func (e Endpoint) authorities() link.File {
	return link.File{Key: "upstream.drogue.endpoints: ca", Path: e.CA}
}
