package link

import (
	"strings"
	"testing"
)

func TestPassword(t *testing.T) {
	for _, test := range []struct{ name, content, want, err string }{
		{name: "line", content: "secret\n", want: "secret"},
		{name: "line of Windows", content: "secret\r\n", want: "secret"},
		{name: "spaces are part of it", content: " two words \n", want: " two words "},
		{name: "empty", content: "\n", err: "is empty"},
		{name: "too long", content: strings.Repeat("x", maxFile+1), err: "more than 1048576 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := File{"password_file", write(t, test.content)}.Password()
			checkFile(t, got, test.want, err, test.err, "password_file: ")
		})
	}
}

func TestToken(t *testing.T) {
	for _, test := range []struct{ name, content, want, err string }{
		{name: "line", content: "drg_012345\n", want: "drg_012345"},
		{name: "spaces around", content: " drg_012345 \n\n", want: "drg_012345"},
		{name: "empty", content: " \n", err: "want one word"},
		{name: "two lines", content: "one\ntwo\n", err: "want one word"},
		{name: "no ASCII", content: "schlüssel", err: "want one word"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := File{"token_file", write(t, test.content)}.Token()
			checkFile(t, got, test.want, err, test.err, "token_file: ")
		})
	}
}

func checkFile(t *testing.T, got, want string, err error, wantErr, key string) {
	t.Helper()
	switch {
	case wantErr == "" && (err != nil || got != want):
		t.Errorf("got %q, %v, want %q", got, err, want)
	case wantErr != "" && (err == nil || !strings.Contains(err.Error(), wantErr) ||
		!strings.HasPrefix(err.Error(), key)):
		t.Errorf("got %q, error %v, want an error with %q", got, err, wantErr)
	}
}

func TestNoFile(t *testing.T) {
	password, err1 := File{}.Password()
	token, err2 := File{}.Token()
	pool, err3 := File{}.Pool()
	if password != "" || token != "" || pool != nil || err1 != nil || err2 != nil || err3 != nil {
		t.Error(password, token, pool, err1, err2, err3)
	}
}

func TestFileThatIsMissing(t *testing.T) {
	f := File{"ca", t.TempDir() + "/none"}
	_, err1 := f.Password()
	_, err2 := f.Token()
	_, err3 := f.Pool()
	for _, err := range []error{err1, err2, err3} {
		if err == nil || !strings.HasPrefix(err.Error(), "ca: ") {
			t.Errorf("error %v, want one that begins with the key", err)
		}
	}
}

// TestReplacedSecret needs no restart.
func TestReplacedSecret(t *testing.T) {
	f := File{"password_file", write(t, "old\n")}
	if got, err := f.Password(); got != "old" || err != nil {
		t.Fatal(got, err)
	}
	replace(t, f.Path, "new\n")
	if got, err := f.Password(); got != "new" || err != nil {
		t.Errorf("got %q, %v after the file was replaced", got, err)
	}
}

func TestPool(t *testing.T) {
	a, b := newAuthority(t), newAuthority(t)
	if _, err := (File{"ca", write(t, a.pem+b.pem)}).Pool(); err != nil {
		t.Error(err)
	}
	_, err := File{"ca", write(t, "-----BEGIN NOTHING-----")}.Pool()
	if err == nil || !strings.HasPrefix(err.Error(), "ca: no PEM certificate in ") {
		t.Errorf("error %v", err)
	}
}
