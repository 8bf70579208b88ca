#!/bin/sh
# make demo: two programs, looked into over 9P and through a mount. It leaves
# nothing behind and ends with 0 only if every step did what it says.
set -eu
cd "$(dirname "$0")/.."
bin=$PWD/bin
dir=$(mktemp -d)
mnt=$dir/mnt
pids=
mount=

tidy() {
	status=$?
	trap - EXIT
	[ -z "$mount" ] || { kill "$mount" 2>/dev/null && wait "$mount" || true; } 2>/dev/null
	for p in $pids; do kill "$p" 2>/dev/null || true; done
	wait
	rm -rf "$dir"
	exit $status
}
trap tidy EXIT
trap 'exit 130' INT TERM

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
show() {
	printf '$'
	for word; do
		case $word in
		*[!a-zA-Z0-9_./%@:=-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	echo
	"$@" </dev/null
}
fail() { echo "demo: $*" >&2; exit 1; }
# until CONDITION...: wait for it, half a minute at most.
until_true() {
	n=0
	until "$@" >/dev/null 2>&1; do
		n=$((n + 1))
		[ $n -lt 300 ] || fail "waited in vain for: $*"
		sleep 0.1
	done
}

cat >"$dir/ispyd.toml" <<EOF
[ispyd]
listen = "$dir/%(pid)s.sock"
EOF

say "Two programs that embed ispyd with one line each"
cat "$dir/ispyd.toml"
"$bin/sample" -config "$dir/ispyd.toml" -http localhost:0 >"$dir/one.log" 2>&1 & one=$!
pids="$one"
"$bin/sample" -config "$dir/ispyd.toml" -http localhost:0 >"$dir/two.log" 2>&1 & two=$!
pids="$one $two"
for p in $pids; do until_true test -S "$dir/$p.sock"; done
show "$bin/ispy" "$dir/ispyd.toml"

say "Look, over 9P"
show "$bin/ispy" -c "ls /$one; cat /$one/process/pid /$one/runtime/version" "$dir/ispyd.toml"

if [ -w /dev/fuse ] && { [ "$(id -u)" = 0 ] || command -v fusermount3 >/dev/null; }; then
	say "Look, through a mount: every tool works"
	"$bin/ispymount" "$dir/ispyd.toml" "$mnt" >"$dir/mount.log" 2>&1 & mount=$!
	until_true test -d "$mnt/$one/process"
	show ls "$mnt" "$mnt/$one" "$mnt/$one/process"
	show cat "$mnt/$one/process/pid"
	[ "$(cat "$mnt/$one/process/pid")" = "$one" ] || fail "process/pid is not $one"
	printf '$ head -12 %s\n' "$mnt/$one/runtime/stacks"
	head -12 "$mnt/$one/runtime/stacks"
	printf '$ grep -c "^goroutine " %s\n' "$mnt/$one/runtime/goroutines"
	grep -c '^goroutine ' "$mnt/$one/runtime/goroutines"

	say "What is it doing now: a request hangs on a mutex"
	url=$(sed -n 's/^listening on //p' "$dir/one.log")
	if command -v curl >/dev/null; then
		curl -s "$url/hold" >"$dir/held" & held=$!
		until_true grep -q 'Trap..hold' "$mnt/$one/runtime/stacks"
		curl -s "$url/stuck" >"$dir/stuck" & stuck=$!
		until_true grep -q '^1 goroutine .sync.Mutex.Lock' "$mnt/$one/runtime/stacks"
		show cat "$mnt/$one/http/active"
		id=$(awk -F '\t' '$9 == "/stuck" { print $1 }' "$mnt/$one/http/active")
		show grep -A 12 '^goroutine' "$mnt/$one/http/requests/$id"
		id=$(awk -F '\t' '$9 == "/hold" { print $1 }' "$mnt/$one/http/active")
		printf '$ echo cancel %s > %s\n' "$id" "$mnt/$one/http/ctl"
		echo "cancel $id" >"$mnt/$one/http/ctl"
		wait $held $stuck || fail "the requests were not answered"
		show cat "$dir/stuck"
		grep -q 'got the mutex' "$dir/stuck" || fail "the request did not go on"
	fi

	say "Act: a write is a command"
	show cat "$mnt/$one/runtime/ctl"
	printf '$ echo gc > %s\n' "$mnt/$one/runtime/ctl"
	echo gc >"$mnt/$one/runtime/ctl"

	say "What is refused says why"
	printf '$ echo gcc | tee %s\n' "$mnt/$one/runtime/ctl"
	if echo gcc | tee "$mnt/$one/runtime/ctl"; then fail "gcc is no verb, and was taken"; fi
	show cat "$mnt/$one/errors"
	grep -q 'unknown verb' "$mnt/$one/errors" || fail "errors does not tell of it"
else
	say "No FUSE here (/dev/fuse, root or fusermount3 is missing): on over 9P"
	show "$bin/ispy" -c "cat /$one/runtime/stacks; echo gc > /$one/runtime/ctl" "$dir/ispyd.toml"
	say "What is refused says why"
	show "$bin/ispy" -c "echo gcc > /$one/runtime/ctl" "$dir/ispyd.toml" && fail "gcc is no verb, and was taken"
	show "$bin/ispy" -c "cat /$one/errors" "$dir/ispyd.toml"
fi

say "A script for ispy"
show "$bin/ispy" -c "servers; connect $one; cd process; pwd; cat cwd uptime" "$dir/ispyd.toml"

say "One program dies (kill -9): its directory goes by itself"
printf '$ kill -9 %s\n' "$two"
kill -9 "$two"
wait "$two" 2>/dev/null || true
pids="$one"
if [ -n "$mount" ]; then
	until_true test ! -e "$mnt/$two"
	show ls "$mnt"
	kill "$mount"
	wait "$mount" || fail "ispymount ended with $?"
	mount=
	! grep -q " $mnt " /proc/mounts || fail "$mnt is still mounted"
fi
show "$bin/ispy" "$dir/ispyd.toml"

say "Done; the programs are stopped and nothing is left behind"
