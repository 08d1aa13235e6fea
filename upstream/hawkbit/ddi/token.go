package ddi

import (
	"fmt"
	"net/http"
	"net/url"

	"havn/link"
)

// The schemes of Token.
const (
	GatewayToken = "GatewayToken" // of the tenant: acts for all its controllers
	TargetToken  = "TargetToken"  // of one controller
)

// Token is what requests are authorized by.
type Token struct {
	Scheme string
	File   link.File // read at each request; no file = no token is sent
}

// authorize puts the token on a request to the server at base, and on no other:
// neither links nor redirects carry the token away.
func (t Token) authorize(req *http.Request, base *url.URL) error {
	if t.File.Path == "" || !sameOrigin(req.URL, base) {
		return nil
	}
	token, err := t.File.Token()
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", t.Scheme+" "+token)
	return nil
}

const maxRedirects = 5

// redirect is the policy of the client. A redirected POST would arrive as a
// GET, which servers answer with success.
func redirect(req *http.Request, via []*http.Request) error {
	switch {
	case via[0].Method != http.MethodGet:
		return fmt.Errorf("redirected to %s: set the url of the server to it", req.URL.Host)
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects, the last to %s", maxRedirects, req.URL.Host)
	}
	return nil
}
