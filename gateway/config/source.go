package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// source is a configuration file as text: UTF-8 with \n as line end.
type source struct {
	name  string
	lines []string
}

// newSource accepts what editors of all systems save: a byte order mark and
// CRLF are taken off, so that positions count what the operator sees.
func newSource(name string, data []byte) source {
	text := strings.TrimPrefix(string(data), "\uFEFF")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	return source{name, strings.Split(text, "\n")}
}

// line returns the line of a position, nothing outside of the file.
func (s source) line(at position) string {
	if at.line < 1 || at.line > len(s.lines) {
		return ""
	}
	return s.lines[at.line-1]
}

// node parses the text and returns its one document, nil when it has none.
func (s source) node() (ast.Node, []mistake) {
	if f := s.unreadable(); f != nil {
		return nil, f
	}
	text := []byte(strings.Join(s.lines, "\n"))
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, []mistake{s.syntax(err)}
	}
	var documents []ast.Node
	for _, doc := range file.Docs {
		if _, directive := doc.Body.(*ast.DirectiveNode); doc.Body != nil && !directive {
			documents = append(documents, doc.Body)
		}
	}
	switch len(documents) {
	case 0:
		return nil, nil
	case 1:
		return documents[0], nil
	}
	return nil, []mistake{{at: start(documents[1]),
		message: "a second YAML document begins here: a configuration is one document"}}
}

// unreadable finds the first character that no YAML file can hold.
func (s source) unreadable() []mistake {
	for i, line := range s.lines {
		at := position{i + 1, 1}
		for k, r := range line {
			_, width := utf8.DecodeRuneInString(line[k:])
			switch {
			case r == '\t':
				continue
			case r == utf8.RuneError && width == 1:
				return []mistake{{at: at, message: "not UTF-8 text: save the file as UTF-8"}}
			case r < ' ', r == 0x7F, r == '\uFEFF':
				return []mistake{{at: at, message: fmt.Sprintf("invisible character %U: remove it", r)}}
			}
			at.column++
		}
	}
	return nil
}

// syntax places an error of the YAML parser.
func (s source) syntax(err error) mistake {
	f := mistake{at: position{1, 1}, message: "not YAML: " + err.Error()}
	var at *yaml.SyntaxError
	if !errors.As(err, &at) || at.Token == nil {
		return f
	}
	f.message = "not YAML: " + at.Message
	f.at = position{at.Token.Position.Line, at.Token.Position.Column}
	line := s.line(f.at)
	switch {
	case strings.HasPrefix(strings.TrimLeft(line, " "), "\t"):
		f.message = "not YAML: a tab cannot indent a line: use spaces"
	case strings.Contains(line, "${"):
		f.message += ` (inside { } and [ ] write "${NAME}" in quotes)`
	}
	return f
}

// start returns where a node's text begins. Block mappings name their first
// colon as their token, so their first key is asked instead.
func start(n ast.Node) position {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return start(m.Values[0].Key)
	}
	at := n.GetToken().Position
	return position{at.Line, at.Column}
}
