package gateway

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestFloorsOnPaper: the page that explains the floors has them as they are.
func TestFloorsOnPaper(t *testing.T) {
	page, err := os.ReadFile("../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for i, rooms := range slices.Backward(floors) {
		fmt.Fprintf(&want, "| %d | `%s` |\n", i+1, strings.Join(rooms, "`, `"))
	}
	if !strings.Contains(string(page), want.String()) {
		t.Errorf("ARCHITECTURE.md does not have the floors of imports_test.go:\n%s", want.String())
	}
	for _, rooms := range floors {
		for _, room := range rooms {
			if _, err := os.Stat(filepath.Join("..", room)); err != nil {
				t.Errorf("there is no room %s", room)
			}
		}
	}
}

// link is a link of Markdown to a file of the project.
var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

// TestLinks: no page points to a file that is not there.
func TestLinks(t *testing.T) {
	err := fs.WalkDir(os.DirFS(".."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".md") {
			return err
		}
		text, err := os.ReadFile(filepath.Join("..", path))
		for _, m := range link.FindAllSubmatch(text, -1) {
			target := filepath.Join("..", filepath.Dir(path), string(m[1]))
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s is not there", path, m[1])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
