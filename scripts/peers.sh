#!/bin/sh
# Installs the Debian packages named, as root; otherwise says what is missing.
# Tests that need a missing one skip, and say so.
set -eu
missing=
for package in "$@"; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "SKIP tests against real peers: not installed:$missing (as root, make test installs them)"
	exit 0
fi
echo "== installing$missing"
# A policy that answers 101 keeps the daemons from starting (invoke-rc.d).
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
	trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
if ! { apt-get update -q && apt-get install -q -y --no-install-recommends $missing; } >/tmp/havn-peers.log 2>&1; then
	echo "SKIP tests against real peers: could not install$missing, see /tmp/havn-peers.log"
fi
