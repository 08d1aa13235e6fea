#!/bin/sh
# Measures this machine and keeps the figures in this folder, one JSON document
# and one HTML page per benchmark, named by date and host. Quiet machines only:
# nothing else should run. It takes about six and a half minutes.
#
#   bench/results/record.sh [DURATION [RUNS]]     default 2s and 5
set -eu
duration=${1:-2s}
runs=${2:-5}
results=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
server=
trap 'test -z "$server" || kill "$server"; rm -rf "$work"' EXIT
cd "$results/../.."
go build -trimpath -o "$work/gateway" ./cmd/gateway
name="$results/$(date -u +%Y-%m-%d)-$(uname -n)"

# record NAME COMMAND...
record() {
	out=$name-$1
	shift
	echo "== gateway bench $*" >&2
	(cd "$work" && PATH="$work:$PATH" gateway bench "$@" --json --html report.html >figures.json)
	mv "$work/report.html" "$out.html"
	mv "$work/figures.json" "$out.json"
}

# coap NAME FLAGS...
coap() {
	out=$1
	shift
	record "coap-$out" coap --duration "$duration" --runs "$runs" "$@"
}

for size in 16 64 256 512 1024; do
	coap "$size" --block-size "$size"
done
coap write-1024 --mode write
coap write-64 --mode write --block-size 64
coap one-device --devices 1 --in-flight 1
coap endpoints-100000 --endpoints 100000
coap devices-100000 --devices 100000

if command -v coap-server-notls >/dev/null; then
	# On the CPU that the gateway has, and a new one for each size: it slows
	# down with every session that is left behind.
	for size in 64 1024; do
		taskset -c 1 coap-server-notls -A 127.0.0.1 -p 5797 -d 10 &
		server=$!
		sleep 1
		coap "libcoap-$size" --block-size "$size" --url coap://127.0.0.1:5797/fw --pid "$server"
		kill "$server"
		wait "$server" || true
		server=
	done
fi

record link link
record cache cache
record lorawan lorawan
record upstream upstream --devices 100 --size 256KiB --chunk 512
ls -l "$name"-*
