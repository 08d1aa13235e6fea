package coap

import (
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/block"
	"havn/coap/message"
	"havn/dfu"
	"havn/firmware"
	"havn/front"
	"havn/identity"
	"havn/telemetry"
)

// What is wrong with a request. The texts travel to the device, for the person
// who reads its log. The option, size or limit that some of them are about follows as a number.
var (
	errMethod      = errors.New("method not allowed here")
	errPath        = errors.New("no such resource; see /.well-known/core")
	errBlobPath    = errors.New("want /blob/sha256/(64 hex digits) or /blob/(16)")
	errAccept      = errors.New("no such representation; leave out Accept")
	errFormat      = errors.New("a status is CBOR: Content-Format 60")
	errSplit       = errors.New("a body must fit one datagram")
	errPastEnd     = errors.New("block past the end")
	errManyBlocks  = errors.New("too many blocks; smallest block size")
	errTooLarge    = errors.New("larger than 2^20 blocks of 1024 bytes")
	errTruncated   = errors.New("datagram too long; most bytes")
	errFilter      = errors.New("want a filter like ?rt=NAME or ?href=/PATH*")
	errCredentials = fmt.Errorf("option 4209: %w", identity.ErrCredentials)
	errChannel     = errors.New("want a channel of 1 to 255 bytes, UTF-8, without / + #")
	errNotTaken    = errors.New("telemetry not taken: no upstream for it; try later")
)

// reactions is how errors are answered. The first match counts, since one error can
// be two of them: an image is pending because its source does not find it.
var reactions = [...]struct {
	err    error
	code   codes.Code
	reason front.Reason
}{
	{message.ErrOption, codes.BadOption, BadOption},
	{message.ErrProxy, codes.ProxyingNotSupported, BadOption},
	{errMethod, codes.MethodNotAllowed, front.None},
	{errPath, codes.NotFound, front.None},
	{errBlobPath, codes.NotFound, front.None},
	{errAccept, codes.NotAcceptable, front.None},
	{errFormat, codes.UnsupportedMediaType, front.BadStatus},
	{errSplit, codes.RequestEntityTooLarge, BadBlock},
	{dfu.ErrMalformed, codes.BadRequest, front.BadStatus},
	{block.ErrReserved, codes.BadRequest, BadBlock},
	{errPastEnd, codes.BadRequest, BadBlock},
	{errManyBlocks, codes.RequestEntityTooLarge, BadBlock},
	{errTooLarge, codes.RequestEntityTooLarge, BadBlock},
	{errTruncated, codes.RequestEntityTooLarge, front.Oversized},
	{errFilter, codes.BadRequest, front.None},
	{identity.ErrNoDevice, codes.BadRequest, front.BadIdentity},
	{identity.ErrName, codes.BadRequest, front.BadIdentity},
	{identity.ErrCredentials, codes.Unauthorized, front.BadIdentity},
	{errChannel, codes.BadRequest, front.BadChannel},
	{telemetry.ErrNotJSON, codes.NotAcceptable, front.BadPayload},
	{errNotTaken, codes.ServiceUnavailable, front.None},
	{firmware.ErrPending, codes.ServiceUnavailable, front.None},
	{firmware.ErrNotFound, codes.NotFound, front.None},
}

// reactionTo returns how err is answered. An error that is not in the table is the
// engine's: it cannot serve now, and the device's row says why. The answer is 5.03.
func reactionTo(err error) (codes.Code, front.Reason) {
	for i := range reactions {
		if errors.Is(err, reactions[i].err) {
			return reactions[i].code, reactions[i].reason
		}
	}
	return codes.ServiceUnavailable, front.None
}

// maxDiagnostic bounds the text of an error, so that it fits the smallest
// buffers and never amplifies (RFC 7252 section 5.5.2).
const maxDiagnostic = 64

// refuse answers with an error: code, text, and Max-Age where it is known when
// to ask again.
func (x *exchange) refuse(err error) {
	code, reason := reactionTo(err)
	x.begin(code)
	switch {
	case errors.Is(err, firmware.ErrPending):
		x.reply.MaxAge(seconds(x.h.engine.Retry()))
	case errors.Is(err, errNotTaken):
		x.reply.MaxAge(notTakenAge)
	}
	x.reply.Marker()
	x.reply.B = x.appendDiagnostic(x.reply.B, err)
	x.h.reject(reason, x.peer.Addr, err, x.number)
}

func (x *exchange) appendDiagnostic(b []byte, err error) []byte {
	b = append(b, shorten(err.Error(), maxDiagnostic)...)
	if x.number != 0 {
		b = strconv.AppendUint(append(b, ' '), uint64(x.number), 10)
	}
	return b
}

// shorten cuts s to n bytes, between characters.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// seconds rounds up, since a Max-Age of 0 asks for the next attempt at once.
func seconds(d time.Duration) uint32 { return uint32((d + time.Second - 1) / time.Second) }
