package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Problem is one mistake in a configuration file.
type Problem struct {
	File    string // as it was given to Load or Parse
	Line    int    // from 1
	Column  int    // from 1, in characters
	Message string // begins with the path of the key, like coap.listen
	Source  string // the offending line
}

// excerptWidth is the most characters of an offending line that are shown.
const excerptWidth = 100

// String returns FILE:LINE:COLUMN: MESSAGE, and below it the line with a caret
// under the column.
func (p Problem) String() string {
	number := fmt.Sprintf("%4d", p.Line)
	source, before := p.excerpt()
	return fmt.Sprintf("%s:%d:%d: %s\n%s | %s\n%s | %s^",
		p.File, p.Line, p.Column, p.Message,
		number, source,
		strings.Repeat(" ", len(number)), before)
}

// excerpt cuts a very long line around the column and returns it with the
// blanks that align the caret: tabs stay tabs.
func (p Problem) excerpt() (line, before string) {
	runes := []rune(p.Source)
	at := min(max(p.Column-1, 0), len(runes))
	from := max(0, min(at-excerptWidth/2, len(runes)-excerptWidth))
	to := min(len(runes), from+excerptWidth)
	blanks := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(runes[from:at]))
	return strings.Map(visible, string(runes[from:to])), blanks
}

// visible replaces characters with which a file could steer the terminal.
func visible(r rune) rune {
	if r == '\t' || unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}

// Problems is the error of a configuration that is not accepted: all of its
// mistakes in the order of the file. It is never empty.
type Problems []Problem

// Error returns all problems, each beginning on a line of its own.
func (p Problems) Error() string {
	texts := make([]string, len(p))
	for i, problem := range p {
		texts[i] = problem.String()
	}
	return strings.Join(texts, "\n")
}

// position is a place in the file, both numbers from 1. As for the YAML parser,
// tabs do not count as columns.
type position struct{ line, column int }

// in returns the column as an editor counts it, one for each tab.
func (p position) in(line string) int {
	column, left := 1, p.column
	for _, r := range line {
		if r != '\t' {
			left--
		}
		if left == 0 {
			break
		}
		column++
	}
	return column
}

// mistake is a problem that has its path already, not yet its file.
type mistake struct {
	at      position
	path    string
	message string
}

// problems orders faults as the file has them and adds what the report shows.
func (s source) problems(faults []mistake) Problems {
	slices.SortStableFunc(faults, func(a, b mistake) int {
		return cmp.Or(cmp.Compare(a.at.line, b.at.line), cmp.Compare(a.at.column, b.at.column))
	})
	all := make(Problems, len(faults))
	for i, f := range faults {
		line := s.line(f.at)
		if f.path != "" {
			f.message = f.path + ": " + f.message
		}
		all[i] = Problem{s.name, f.at.line, f.at.in(line), f.message, line}
	}
	return all
}

// within reports whether path is section or a key beneath it.
func within(path, section string) bool {
	rest, ok := strings.CutPrefix(path, section)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
