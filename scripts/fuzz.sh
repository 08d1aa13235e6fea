#!/bin/sh
# Runs every fuzz target of the module for the time given, two at a time. They
# start from the seeds in the tests and the findings in testdata.
#
#   scripts/fuzz.sh [TIME]
#   scripts/fuzz.sh TIME PACKAGE TARGET
set -eu
time=${1:-5s}

# fuzz runs one target, and once more where it ended without a finding but with the
# error of its own timer, as before Go 1.27 it does at times on a busy machine
# (https://go.dev/issue/75804).
fuzz() {
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
	for try in 1 2; do
		if go test -run '^$' -fuzz "^$2\$" -fuzztime "$time" -parallel 1 "$1" >"$log" 2>&1; then
			echo "ok $1 $2: $(grep '^fuzz: elapsed' "$log" | tail -n 1)"
			return
		fi
		cat "$log"
		grep -q '^    context deadline exceeded$' "$log" || exit 1
		grep -q 'Failing input' "$log" && exit 1
		echo "== $2: the timer of go test, not a finding; run $try of 2"
	done
	exit 1
}

if [ $# = 3 ]; then
	fuzz "$2" "$3"
	exit
fi
grep -rl '^func Fuzz' --include='*_test.go' . | sort | while read -r file; do
	package=$(dirname "$file")
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$file"); do
		echo "$package $target"
	done
done | xargs -P 2 -L 1 sh "$0" "$time"
