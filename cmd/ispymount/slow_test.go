//go:build linux

package main

import (
	"strings"
	"testing"

	"github.com/ispyd/ispyd/internal/need"
)

// TestTimed looks at names that take their time.
func TestTimed(t *testing.T) {
	t.Parallel()
	need.Tools(t, "busybox")
	w := newWorld(t)
	p := w.start()
	w.serve()
	// It is not listed, so that nothing starts it by accident.
	w.want(w.sh(p, `ls -l $P/timed; ls -lR $P > /dev/null; cat $P/captures`), "total 0\n0\n")
	// Each reader that comes alone has a capture of his own, whole and of the
	// size that its stat tells.
	w.want(w.sh(p, `busybox cat $P/timed/10ms | head -n 1; cat $P/timed/10ms | wc -c; busybox wc -c < $P/timed/10ms; busybox tail -n 1 $P/timed/10ms`),
		"capture 1\n140010\n210010\nsample\n")
	w.want(w.sh(p, `exec 3< $P/timed/10ms; stat -L -c %s /dev/fd/3; wc -c <&3`), "350010\n350010\n")
	// Those that look before the first has closed it share one. So do stat
	// and the first cat after it.
	w.want(w.sh(p, `
		for i in 1 2 3 4; do
			(exec 3< $P/timed/300ms; touch $T/$i; until [ $(ls $T | wc -l) = 4 ]; do :; done; head -n 1 <&3) &
		done
		wait
	`), strings.Repeat("capture 6\n", 4))
	w.want(w.sh(p, `stat -c %s $P/timed/10ms; cat $P/timed/10ms | wc -c; echo log x > $P/ctl; cat $P/timed/10ms | head -n 1`), "490010\n490010\ncapture 8\n")
	// A tar of one is exact.
	w.want(w.sh(p, `cd $P/timed; busybox tar cf - 10ms | tar xOf - | wc -c; cp 20ms $T/; wc -c < $T/20ms`), "630010\n700011\n")
	// Neither what is no duration, nor what is too long.
	w.wantIn(w.fails(p, `cat $P/timed/soon`), "Invalid argument")
	w.wantIn(w.fails(p, `cat $P/timed/99h`), "Invalid argument")
}

// TestTimedCancel interrupts a capture, as Ctrl-C does, and kills another.
func TestTimedCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start()
	w.serve()
	for i, signal := range []string{"INT", "KILL"} {
		n := string(rune('1' + i))
		// Nothing else waits meanwhile, not even in the same directory.
		w.want(w.sh(p, `
			set -m; exec 2> /dev/null # else a child in the background ignores Ctrl-C
			cat $P/timed/59s 2> $T/err &
			until [ "$(cat $P/captures)" = `+n+` ]; do [ ! -s $T/err ] || { cat $T/err; exit 1; }; done
			cat $P/static; ls $P $P/timed > /dev/null; [ ! -e $P/timed/x ] || echo x
			kill -`+signal+` %1; wait
			until [ "$(cat $P/cancelled)" = `+n+` ]; do :; done
			[ ! -s $T/err ] || cat $T/err
		`), "hello\n")
	}
	// One of two goes; the other still gets the capture.
	w.want(w.sh(p, `
		cat $P/timed/2s > /dev/null &
		until [ "$(cat $P/captures)" = 3 ]; do :; done
		cat $P/timed/2s | head -n 1 &
		kill %1; wait 2> /dev/null; cat $P/cancelled
	`), "capture 4\n3\n")
}

// TestSession talks to the program on one open file.
func TestSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start()
	w.serve()
	w.want(w.sh(p, `
		stat -c '%s %a' $P/session; cat $P/session
		exec 3<> $P/session
		echo hello >&3; cat <&3
		echo and >&3; echo again >&3; cat <&3
		head -c 200000 /dev/zero | tr '\0' y | dd bs=50000 status=none >&3; cat <&3 | tr -d Y | wc -c
		exec 4<> $P/session; echo four >&4; echo three >&3; cat <&4; cat <&3
	`), "0 600\nHELLO\nAND\nAGAIN\n0\nFOUR\nTHREE\n")
	// Ctrl-C while it answers ends the answer and not the mount.
	w.want(w.sh(p, `
		set -m; exec 2> /dev/null
		exec 3<> $P/session; echo hang >&3
		cat <&3 2> /dev/null &
		until [ "$(cat $P/asked)" = 1 ]; do :; done
		kill -INT %1; wait
		until [ "$(cat $P/cancelled)" = 1 ]; do :; done
		cat $P/static
	`), "hello\n")
}
