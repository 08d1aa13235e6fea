package config

import "havn/fault"

// maxDistance is the most typing mistakes after which a key is still guessed.
const maxDistance = 2

// hint tells what an unknown key may have been meant to be: the nearest known
// key if one is near, else all there are.
func hint(key string, known []string) string {
	best, nearest := maxDistance+1, ""
	for _, name := range known {
		if n := distance(key, name); n < best && n < len(name) {
			best, nearest = n, name
		}
	}
	if nearest != "" {
		return ": did you mean " + nearest + "?"
	}
	return ": want " + fault.OneOf(known)
}

// distance counts the characters to insert, delete or replace to make b of a
// (Levenshtein), row by row of the usual table.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
