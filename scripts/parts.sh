#!/bin/sh
# Makes the parts named, one after the other. At the end it says how long each
# took.
set -eu
took="== took"
trap 'printf "%b\n" "$took"' EXIT
for part; do
	start=$(date +%s)
	"${MAKE:-make}" --no-print-directory "$part" || { took="$took\n$part failed"; exit 1; }
	took="$took\n$part $(($(date +%s) - start)) s"
done
