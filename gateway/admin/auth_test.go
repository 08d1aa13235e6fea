package admin

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"havn/gateway/admin/api"
)

func TestAuthorized(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	let := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	ask := func(path, authorization string) *httptest.ResponseRecorder {
		s := &Server{cfg: Config{TokenFile: path}}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", authorization)
		rec := httptest.NewRecorder()
		s.authorized(let).ServeHTTP(rec, r)
		return rec
	}
	for _, tt := range []struct {
		content, authorization string
		want                   int
	}{
		{"secret\n", "Bearer secret", 200},
		{" secret ", "bearer secret", 200}, // RFC 9110 section 11.1: the scheme is case-insensitive
		{"secret", "Bearer secre", 401},
		{"secret", "Bearer secrets", 401},
		{"secret", "Basic secret", 401},
		{"secret", "secret", 401},
		{"secret", "Bearer ", 401},
		{"secret", "", 401},
		{"", "Bearer ", 401},
		{"\n", "", 401},
		{"two words", "Bearer two words", 401},
	} {
		if err := os.WriteFile(token, []byte(tt.content), 0o600); err != nil {
			t.Fatal(err)
		}
		rec := ask(token, tt.authorization)
		if rec.Code != tt.want {
			t.Errorf("file %q, %q: %d, want %d", tt.content, tt.authorization, rec.Code, tt.want)
		}
		var refusal api.Refusal
		if rec.Code == 401 && (json.Unmarshal(rec.Body.Bytes(), &refusal) != nil || refusal.Error == "" ||
			rec.Header().Get("WWW-Authenticate") != "Bearer") {
			t.Errorf("refused with %v %s", rec.Header(), rec.Body)
		}
	}
	if code := ask(token+".missing", "Bearer ").Code; code != 401 {
		t.Errorf("no file: %d", code)
	}
	if code := ask("", "").Code; code != 200 {
		t.Errorf("no token configured: %d", code)
	}
}
