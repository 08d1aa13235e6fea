package coap

import (
	"strconv"
	"strings"
	"testing"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
)

func TestLinks(t *testing.T) {
	w := newWorld(t, Chunks{})
	all := string(w.ask(t, get("/.well-known/core")).payload)
	if want := catalogue[0][2]; want.name != "sz" || want.value != strconv.Itoa(len(all)) {
		t.Errorf("sz is %q, the list has %d bytes", want.value, len(all))
	}
	tests := []struct{ query, want string }{
		{"", "/.well-known/core /v1/dfu /v1 /fw /blob"},
		{"href=/v1/dfu", "/v1/dfu"},
		{"href=/b*", "/blob"},
		{"href=/v1", "/v1"},
		{"rt=havn.dfu", "/v1/dfu"},
		{"rt=havn.*", "/v1/dfu /v1 /fw /blob"},
		{"rt=*", "/v1/dfu /v1 /fw /blob"},
		{"rt=havn", ""},
		{"if=havn.image", "/fw /blob"},
		{"if=havn.s*", "/v1/dfu"},
		{"ct=42", "/fw /blob"},
		{"ct=60", "/v1/dfu /fw"},
		{"ct=4", ""},
		{"ct=4*", "/.well-known/core /fw /blob"},
		{"sz=*", "/.well-known/core"},
		{"sz=1", ""},
		{"title=*", ""},
		{"rt=havn.*|ct=42", "/fw /blob"},
	}
	for _, tt := range tests {
		var filters []opt
		for q := range strings.SplitSeq(tt.query, "|") {
			if q != "" {
				filters = append(filters, query(q))
			}
		}
		m := w.ask(t, get("/.well-known/core", filters...))
		if got := hrefs(string(m.payload)); m.code != codes.Content || got != tt.want {
			t.Errorf("%q: %v %q, want %q", tt.query, m.code, got, tt.want)
		}
	}
	etag, _ := w.ask(t, get("/.well-known/core")).option(message.ETag)
	if got := string(w.fetch(t, "/.well-known/core", etag, 1)); got != all {
		t.Errorf("in blocks: %q, want %q", got, all)
	}
}

// hrefs lists the targets of links, separated by blanks.
func hrefs(list string) string {
	var all []string
	for _, l := range strings.Split(list, "<")[1:] {
		href, _, _ := strings.Cut(l, ">")
		all = append(all, href)
	}
	return strings.Join(all, " ")
}
