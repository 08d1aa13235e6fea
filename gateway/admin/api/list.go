package api

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"havn/firmware"
)

// Bounds of one page of a list.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// page is one page of a list. Next is the after of the next page, empty on the
// last one.
type page[T any] struct {
	Items []T    `json:"items"`
	Total int    `json:"total"`
	Next  string `json:"next"`
}

// list answers with the page of items that r asks for. Items are ordered by key.
func list[T any](w http.ResponseWriter, r *http.Request, items []T, key func(T) string) {
	limit := defaultLimit
	if text := r.FormValue("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			fail(w, fmt.Errorf("%w: limit %q: want 1 to %d", firmware.ErrInvalid, text, maxLimit))
			return
		}
		limit = n
	}
	answer(w, paginate(items, key, limit, r.FormValue("after")))
}

func paginate[T any](items []T, key func(T) string, limit int, after string) page[T] {
	slices.SortFunc(items, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	p := page[T]{Items: []T{}, Total: len(items)}
	for _, item := range items {
		if after != "" && key(item) <= after {
			continue
		}
		if len(p.Items) == limit {
			p.Next = key(p.Items[limit-1])
			break
		}
		p.Items = append(p.Items, item)
	}
	return p
}
