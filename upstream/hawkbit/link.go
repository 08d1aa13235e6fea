package hawkbit

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"havn/firmware"
)

// link is one entry of a _links object (HAL).
type link struct {
	Href string `json:"href"`
}

type links map[string]link

// resource returns where a linked DDI resource is: href, absolute or relative
// to from, at the host of from. Servers behind a proxy that does not tell them
// their name put another one in their links.
func resource(from *url.URL, href string) (*url.URL, error) {
	u, err := from.Parse(href)
	if err != nil || u.Path == "" {
		return nil, fmt.Errorf("the server gives a link that is no URL: %.100q", href)
	}
	u.Scheme, u.Host, u.User, u.Fragment = from.Scheme, from.Host, nil, ""
	return u, nil
}

// actionID returns the action a linked resource is about: the last segment.
func actionID(u *url.URL) string { return path.Base(u.Path) }

// feedbackURL returns where feedback on the resource u goes.
func feedbackURL(u *url.URL) *url.URL {
	to := u.JoinPath("feedback")
	to.RawQuery = ""
	return to
}

// download returns the artifact's link. Its relation is whatever the operator
// of the server configured; by default there is download-http alone.
func (l links) download() (href string, ok bool) {
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

// artifactURL returns where an artifact is downloaded from: href, absolute or
// relative to from. Servers behind a TLS proxy may offer their own host without
// TLS; that is asked as it is configured.
func artifactURL(from *url.URL, href string) (*url.URL, error) {
	u, err := from.Parse(href)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("%w: the download link is no HTTP URL: %.100q",
			firmware.ErrInvalid, href)
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
