package admin

import (
	"crypto/subtle"
	"io"
	"net/http"
	"strings"

	"havn/link"
)

const needToken = `{"error":"the token of admin.token_file is needed: Authorization: Bearer TOKEN"}` + "\n"

// authorized lets requests through that carry the token of admin.token_file.
// The file is read each time, so that a new token needs no restart.
func (s *Server) authorized(next http.Handler) http.Handler {
	file := link.File{Key: "admin.token_file", Path: s.cfg.TokenFile}
	if file.Path == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := file.Token()
		same := subtle.ConstantTimeCompare([]byte(bearer(r)), []byte(token)) == 1
		if err != nil || !same {
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, needToken)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// bearer returns the token that a request carries, empty if it has none.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}
