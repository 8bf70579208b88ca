//go:build linux

package main

import (
	"strings"
	"testing"

	"github.com/ispyd/ispyd/internal/need"
)

// TestCtl writes to a ctl and a var as shells do.
func TestCtl(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start()
	w.serve()
	w.want(w.sh(p, `
		cat $P/level; echo hot > $P/level; cat $P/level; echo cold >> $P/level; cat $P/level
		printf 'mild' | tee $P/level; echo; cat $P/level; stat -c %s $P/level
		printf warm | dd of=$P/level status=none; cat $P/level
		echo hot > $T/x; cp $T/x $P/level; cat $P/level
	`), "warm\nhot\ncold\nmild\nmild\n5\nwarm\nhot\n")
	// A file that was open before keeps what it showed; the next look sees.
	w.want(w.sh(p, `exec 3< $P/level; echo cold > $P/level; cat <&3; cat $P/level`), "hot\ncold\n")
	// What fails gives the server's errno; nothing was done.
	w.wantIn(w.fails(p, `echo bad > $P/level`), "write error: Invalid argument")
	w.wantIn(w.fails(p, `echo nonsense > $P/ctl`), "write error: Invalid argument")
	w.wantIn(w.fails(p, `echo fail > $P/ctl`), "write error: File exists")
	w.want(w.sh(p, `cat $P/level`), "cold\n")
	// The text of the error is read on the same open file, wherever its
	// offset stands, until a write succeeds.
	w.want(w.sh(p, `exec 3<> $P/ctl; echo fail >&3 2> /dev/null; cat <&3`), "the text of the failure\n")
	w.want(w.sh(p, `exec 3<> $P/ctl; echo log a >&3; echo fail >&3 2> /dev/null; cat <&3`), "the text of the failure\n")
	w.want(w.sh(p, `exec 3<> $P/ctl; cat <&3 > /dev/null; echo fail >&3 2> /dev/null; cat <&3`), "the text of the failure\n")
	w.want(w.sh(p, `exec 3<> $P/level; read -u 3 level; echo bad >&3 2> /dev/null; cat <&3; echo good >&3; cat $P/level`), "level: bad is not good\ngood\n")
	// One write is one message, of several commands too.
	w.want(w.sh(p, `printf 'log one\nlog two\n' > $T/lines; cat $T/lines > $P/ctl; tail -n 2 $P/stream`), "one\ntwo\n")
	w.wantIn(w.fails(p, `printf 'log three\nfail\nlog four\n' > $T/lines; cat $T/lines > $P/ctl`), "File exists")
	w.want(w.sh(p, `tail -n 1 $P/stream`), "three\n")
	// What one message cannot hold is refused, and no part of it is done.
	w.want(w.sh(p, `(printf 'log '; head -c 120000 /dev/zero | tr '\0' x) > $T/fits; dd if=$T/fits of=$P/ctl bs=1M status=none; tail -c 10 $P/stream`), "xxxxxxxxx\n")
	for _, size := range []string{"140000", "600000", "2000000"} {
		w.wantIn(w.fails(p, `(echo log never; head -c `+size+` /dev/zero | tr '\0' '\n') > $T/big; dd if=$T/big of=$P/ctl bs=4M status=none`), "Message too long")
	}
	w.want(w.sh(p, `grep -c never $P/stream; true`), "0\n")
}

// TestFresh checks that a look shares the snapshot of another one, but never
// from before a write.
func TestFresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start()
	w.serve()
	w.want(w.sh(p, `for i in $(seq 100); do echo $i > $P/level; [ $(cat $P/level) = $i ] || echo stale at $i; done`), "")
	w.want(w.sh(p, `for i in $(seq 50); do echo come f$i > $P/ctl; cat $P/come/f$i; echo go f$i > $P/ctl; [ ! -e $P/come/f$i ] || echo there; done | sort | uniq -c | tr -s ' '`), " 50 here\n")
	// Two names of one moment: ls and cat agree.
	got := w.sh(p, `stat -c %s $P/text/changing; cat $P/text/changing | wc -c`)
	if a, b, _ := strings.Cut(strings.TrimSpace(got), "\n"); a != b {
		t.Logf("stat and cat more than a second apart: %s, %s", a, b)
	}
	// A write to one program says nothing about another.
	q := w.start()
	w.want(w.sh(q, `echo hot > $P/level; cat $P/level`), "hot\n")
	w.want(w.sh(p, `cat $P/level`), "100\n")
}

// TestStream reads what grows.
func TestStream(t *testing.T) {
	t.Parallel()
	need.Tools(t, "busybox")
	w := newWorld(t)
	p := w.start()
	w.serve()
	w.want(w.sh(p, `cat $P/stream; busybox cat $P/stream; stat -c %s $P/stream; tail -n 1 $P/stream`), "first\nsecond\nfirst\nsecond\n13\nsecond\n")
	w.want(w.sh(p, `echo log third > $P/ctl; busybox cat $P/stream; stat -c %s $P/stream; busybox tail -n 1 $P/stream; busybox wc -c < $P/stream`), "first\nsecond\nthird\n19\nthird\n19\n")
	// An open file sees what comes, and its size grows.
	w.want(w.sh(p, `exec 3< $P/stream; cat <&3 > /dev/null; stat -L -c %s /dev/fd/3; echo log fourth > $P/ctl; stat -L -c %s /dev/fd/3; cat <&3`), "19\n26\nfourth\n")
	for _, tail := range []string{"tail -n 1 -f", "busybox tail -n 1 -f"} {
		// Tail shows record after record as they come, and ends when told to.
		w.want(w.sh(p, `
			coproc `+tail+` $P/stream
			read -r line <&${COPROC[0]}; [ "$line" = fourth ] || echo "first: $line"
			for i in 1 2 3; do
				echo log record $i > $P/ctl
				read -r line <&${COPROC[0]}; echo "$line"
			done
			kill %1; wait 2> /dev/null
			echo log fourth > $P/ctl
		`), "record 1\nrecord 2\nrecord 3\n")
	}
	// Records that fall out while somebody reads are counted, one reader at a
	// time: the other stands elsewhere.
	w.want(w.sh(p, `
		exec 3< $P/stream 4< $P/stream
		read -r -u 3 line; head -c 6 <&4 > /dev/null
		for i in $(seq 20); do (printf 'log '; head -c 5000 /dev/zero | tr '\0' $((i % 10))) | dd of=$P/ctl bs=10k iflag=fullblock status=none; done
		cat <&3 | tail -n 1 | cut -c 1-5; cat <&4 | grep -c dropped
		cat $P/stream | wc -l
	`), "00000\n1\n13\n")
}
