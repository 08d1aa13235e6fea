package api

import (
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Bounds of one page of a list.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// list answers with the page of all that r asks for. The list is in the order of
// the keys.
func list[T, U any](w http.ResponseWriter, r *http.Request, all []T, key func(T) string, shown func(T) U) {
	limit := defaultLimit
	if text := r.FormValue("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			refuse(w, http.StatusUnprocessableEntity, fmt.Sprintf("limit %q: want 1 to %d", text, maxLimit))
			return
		}
		limit = n
	}
	slices.SortFunc(all, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	after := r.FormValue("after")
	from := sort.Search(len(all), func(i int) bool { return after == "" || key(all[i]) > after })
	to := min(from+limit, len(all))
	p := Page[U]{Items: make([]U, 0, to-from), Total: len(all)}
	for _, item := range all[from:to] {
		p.Items = append(p.Items, shown(item))
	}
	if to < len(all) {
		p.Next = key(all[to-1])
	}
	answer(w, p)
}
