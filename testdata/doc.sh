#!/bin/sh
# make doc: the reference of the tree, as a running program gives it.
set -eu
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'kill $pid 2>/dev/null; wait; rm -rf "$dir"' EXIT
printf '[ispyd]\nlisten = "%s/%%(pid)s.sock"\n' "$dir" >"$dir/ispyd.toml"
bin/sample -config "$dir/ispyd.toml" -http localhost:0 >"$dir/log" & pid=$!
until [ -S "$dir/$pid.sock" ]; do kill -0 $pid; sleep 0.1; done
bin/ispy -c "cat /$pid/README" "$dir/ispyd.toml"
