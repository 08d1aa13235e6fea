package ddi

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Links are the _links of a resource (HAL), by relation.
type Links map[string]Link

// Link is one entry of Links.
type Link struct {
	Href string `json:"href"`
}

// Base returns where the controllers of a tenant are on the server.
func Base(server *url.URL, tenant string) *url.URL {
	return server.JoinPath(url.PathEscape(tenant), "controller", "v1")
}

// Resource returns where a linked DDI resource is: href, absolute or relative
// to from, at the host of from. Servers behind a proxy that does not tell them
// their name put another one in their links.
func Resource(from *url.URL, href string) (*url.URL, error) {
	u, err := from.Parse(href)
	if err != nil || u.Path == "" {
		return nil, fmt.Errorf("the server gives a link that is no URL: %.100q", href)
	}
	u.Scheme, u.Host, u.User, u.Fragment = from.Scheme, from.Host, nil, ""
	return u, nil
}

// ActionID returns the action that a linked resource is about: the last segment.
func ActionID(resource *url.URL) string { return path.Base(resource.Path) }

// feedbackURL returns where feedback on a resource goes.
func feedbackURL(resource *url.URL) *url.URL {
	to := resource.JoinPath("feedback")
	to.RawQuery = ""
	return to
}

// Download returns the link to the artifact. Its relation is whatever the operator
// of the server configured; by default there is download-http alone.
func (l Links) Download() (href string, ok bool) {
	for _, rel := range append([]string{"download", "download-http"}, slices.Sorted(maps.Keys(l))...) {
		if strings.HasPrefix(rel, "download") && l[rel].Href != "" {
			return l[rel].Href, true
		}
	}
	for _, rel := range []string{"md5sum", "md5sum-http"} {
		if href, ok := strings.CutSuffix(l[rel].Href, ".MD5SUM"); ok {
			return href, true
		}
	}
	return "", false
}

// URL returns where the artifact is downloaded from, whose deployment was read
// at from. Servers behind a TLS proxy may offer their own host without TLS; that
// host is asked as from is.
func (a Artifact) URL(from *url.URL) (*url.URL, error) {
	href, ok := a.Links.Download()
	if !ok {
		return nil, errors.New("the server gives no download link")
	}
	u, err := from.Parse(href)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("the download link is no HTTP URL: %.100q", href)
	}
	same := strings.EqualFold(u.Hostname(), from.Hostname())
	if same && u.Scheme == "http" && from.Scheme == "https" {
		u.Scheme, u.Host = from.Scheme, from.Host
	}
	u.User, u.Fragment = nil, ""
	return u, nil
}

// sameOrigin reports whether two URLs have scheme, host and port in common.
func sameOrigin(a, b *url.URL) bool { return origin(a) == origin(b) }

func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}
