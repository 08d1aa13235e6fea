#!/bin/sh
# Runs every fuzz target of the module for the time given.
set -eu
time=${1:-10s}
grep -rl '^func Fuzz' --include='*_test.go' . | sort | while read -r file; do
	package=$(dirname "$file")
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$file"); do
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package"
	done
done
