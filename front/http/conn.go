package http

import (
	"context"
	"crypto/tls"
	"net"
)

// conn is a connection with what is known of it. It is used by the goroutine
// of the connection only.
type conn struct {
	net.Conn
	asking bool // bytes came, and no request yet
}

// listener accepts connections as *conn.
type listener struct{ net.Listener }

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c}, nil
}

// unwrap returns the connection under TLS, if there is any.
func unwrap(c net.Conn) *conn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return c.(*conn)
}

type connKey struct{}

// connContext puts the connection into the context of its requests.
func connContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, unwrap(c))
}

func connOf(ctx context.Context) *conn { return ctx.Value(connKey{}).(*conn) }
