package gateway

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Sizes of the house, in lines. A test file is held to maxFile alone.
const (
	maxFunction = 40
	maxFile     = 300
	maxPackage  = 1500
)

// TestHouse holds the sizes of functions, files and packages, and wants a
// comment on every exported symbol.
func TestHouse(t *testing.T) {
	packages := map[string]int{}
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		lines := bytes.Count(text, []byte("\n"))
		if lines > maxFile {
			t.Errorf("%s has %d lines, at most %d are wanted", path, lines, maxFile)
		}
		if strings.HasSuffix(path, "_test.go") {
			return nil
		}
		packages[filepath.Dir(path)] += lines
		for _, complaint := range complaints(t, path, text) {
			t.Error(complaint)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, lines := range packages {
		if lines > maxPackage {
			t.Errorf("package %s has %d lines, at most %d are wanted", path, lines, maxPackage)
		}
	}
}

// complaints returns what is wrong with the functions and the comments of a file.
func complaints(t *testing.T, path string, text []byte) (all []string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	at := func(n ast.Node) string { return files.Position(n.Pos()).String() }
	line := func(p token.Pos) int { return files.Position(p).Line }
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if n := line(d.End()) - line(d.Pos()) + 1; n > maxFunction {
				all = append(all, at(d)+": "+d.Name.Name+" is too long: split it")
			}
			if exportedFunc(d) && d.Doc == nil {
				all = append(all, at(d)+": "+d.Name.Name+" has no comment")
			}
		case *ast.GenDecl:
			for _, name := range uncommented(d) {
				all = append(all, at(name)+": "+name.Name+" has no comment")
			}
		}
	}
	return all
}

// exportedFunc reports whether others see a function, or a method of a type
// that they see.
func exportedFunc(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return f.Name.IsExported()
	}
	receiver := f.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	if generic, ok := receiver.(*ast.IndexExpr); ok {
		receiver = generic.X
	}
	name, ok := receiver.(*ast.Ident)
	return f.Name.IsExported() && ok && name.IsExported()
}

// uncommented returns the exported names of a declaration that no comment is
// about: neither one of their own nor that of their group.
func uncommented(d *ast.GenDecl) (names []*ast.Ident) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
				names = append(names, s.Name)
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// TestHouseNotices holds the rules against a file that breaks each of them.
func TestHouseNotices(t *testing.T) {
	long := strings.Repeat("\t_ = 1\n", maxFunction)
	text := "package p\n\nfunc F() {\n" + long + "}\n\n// G is short.\nfunc G() {}\n\n" +
		"type T struct{}\n\nfunc (T) M() {}\n\ntype u struct{}\n\nfunc (u) M() {}\n\n" +
		"// Of a group.\nconst (\n\tA = 1\n)\n\nvar B = 1\n"
	got := strings.Join(complaints(t, "p.go", []byte(text)), "\n")
	want := "p.go:3:1: F is too long: split it\np.go:3:1: F has no comment\n" +
		"p.go:49:6: T has no comment\np.go:51:1: M has no comment\np.go:62:5: B has no comment"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
