package coap

import (
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/message"
)

// resource is a kind of resource.
type resource uint8

const (
	other    resource = iota // there is none at that path
	status                   // /v1/dfu
	image                    // /fw/{application}/{device}
	manifest                 // /fw/{application}/{device}/manifest
	blob                     // /blob/sha256/{64 hex}, /blob/{16 hex}
	links                    // /.well-known/core
	channels                 // /v1/{channel}
	resources
)

// anyFormat is the format of a command: Drogue Cloud does not tell any.
const anyFormat = -1

// kinds tells how each kind of resource is used.
var kinds = [resources]struct {
	name   string // in metrics
	method codes.Code
	format int // Content-Format of its representation, or anyFormat
}{
	other:    {name: "other"},
	status:   {"dfu", codes.POST, message.FormatCBOR},
	image:    {"fw", codes.GET, message.FormatOctets},
	manifest: {"manifest", codes.GET, message.FormatCBOR},
	blob:     {"blob", codes.GET, message.FormatOctets},
	links:    {"core", codes.GET, message.FormatLinks},
	channels: {"telemetry", codes.POST, anyFormat},
}

// resourceOf returns what the path of r names.
func resourceOf(r *message.Request) resource {
	if r.Segments > message.MaxSegments {
		return other
	}
	switch path := r.Path[:r.Segments]; {
	case len(path) == 3 && string(path[0]) == "fw":
		return image
	case len(path) == 2 && string(path[0]) == "v1":
		if string(path[1]) == "dfu" {
			return status
		}
		return channels
	case len(path) == 4 && string(path[0]) == "fw" && string(path[3]) == "manifest":
		return manifest
	case len(path) == 2 && string(path[0]) == "blob":
		return blob
	case len(path) == 3 && string(path[0]) == "blob" && string(path[1]) == "sha256":
		return blob
	case len(path) == 2 && string(path[0]) == ".well-known" && string(path[1]) == "core":
		return links
	}
	return other
}
