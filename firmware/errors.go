package firmware

import "errors"

// One sentinel per reaction of a caller. They are wrapped with a noun phrase
// that names the image or device concerned.
var (
	// ErrNotFound: there is no such firmware, or none is desired.
	ErrNotFound = errors.New("no such firmware")
	// ErrPending: not known or not held yet, but being asked for; try again soon.
	ErrPending = errors.New("not available yet")
	// ErrDigest: the bytes are not those the digest or size promised.
	ErrDigest = errors.New("content does not match its digest")
	// ErrTooLarge: bigger than what the gateway, the cache or the protocol can hold.
	ErrTooLarge = errors.New("image too large")
	// ErrDenied: the configuration or the registry does not allow this image.
	ErrDenied = errors.New("not allowed")
	// ErrInvalid: what the source holds is not usable as firmware.
	ErrInvalid = errors.New("not usable as firmware")
	// ErrNoRoom: every image held is in use and the budget is full.
	ErrNoRoom = errors.New("no room: every image held is in use")
	// ErrVersionTaken: the version already names another digest in this application.
	ErrVersionTaken = errors.New("version already names another digest")
)
