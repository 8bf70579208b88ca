//go:build linux

package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/internal/need"
)

// whole is a shell function that complains about a file of text/ whose first
// and last line do not belong together.
const whole = `
whole() {
	[ "$(head -n 1 $1)" = "begin ${2:-$(head -n 1 $1 | cut -d" " -f2)}" ] &&
	[ "$(tail -n 1 $1)" = "end $(head -n 1 $1 | cut -d" " -f2)" ] &&
	[ -z "$(tail -c 1 $1 | tr -d '\n')" ] || echo "torn: $1: $(head -n 1 $1 | cut -c 1-30), $(tail -n 1 $1 | cut -c 1-30), $(wc -c < $1) bytes"
}
`

// TestExact holds the sizes and contents of files that do not change against
// each other, by whatever reads them.
func TestExact(t *testing.T) {
	t.Parallel()
	need.Tools(t, "busybox", "rsync", "tar")
	w := newWorld(t)
	p := w.start()
	w.serve()
	// What each reader stores of a file must be what read(2) gives of it.
	w.want(w.sh(p, `
		cd $P
		for f in static empty pid ctl level stream large/big many/n0007; do
			cat $f > $T/want
			size=$(stat -c %s $f)
			[ $size = $(stat -c %s $T/want) ] || echo "stat $f: $size"
			[ $(busybox wc -c < $f) = $size ] || echo "busybox wc $f"
			[ $(wc -c < $f) = $size ] || echo "wc $f"
			[ $(du -b $f | cut -f1) = $size ] || echo "du $f"
			busybox cat $f | cmp - $T/want
			busybox cat $f > $T/got; cmp $T/got $T/want
			busybox tail -c +1 $f | cmp - $T/want
			busybox tail -n 1 $f > $T/got; tail -n 1 $T/want | cmp - $T/got
			busybox head -c 1000000000 $f | cmp - $T/want
			busybox cp $f $T/got; cmp $T/got $T/want
			cp $f $T/got; cmp $T/got $T/want
			cp --sparse=always $f $T/got; cmp $T/got $T/want
			dd if=$f of=$T/got bs=777777 status=none; cmp $T/got $T/want
			tar cf - $f | tar xOf - | cmp - $T/want
			busybox tar cf - $f | busybox tar xOf - | cmp - $T/want
			rsync $f $T/got; cmp $T/got $T/want
			base64 < $f | base64 -d | cmp - $T/want
			rm -f $T/got
		done
		[ $(cat static) = hello ] && [ $(cat pid) = ${P##*/} ] || echo content
	`), "")
}

// TestExactWhileChanging is TestExact for a file that is other at each look,
// while somebody writes to the program all the time, so that no look shares the
// snapshot of another.
func TestExactWhileChanging(t *testing.T) {
	t.Parallel()
	need.Tools(t, "busybox", "rsync", "tar")
	w := newWorld(t)
	p := w.start()
	w.serve()
	w.want(w.sh(p, whole+`
		cd $P/text
		(while [ ! -e $T/stop ]; do echo log x > $P/ctl; done) &
		trap 'touch $T/stop; wait' EXIT
		for i in 1 2 3 4 5 6 7 8 9 10; do
			busybox cat changing > $T/got; whole $T/got
			cat changing > $T/got; whole $T/got
			busybox cat changing | busybox cat > $T/got; whole $T/got
			busybox cp changing $T/got; whole $T/got
			cp changing $T/got; whole $T/got
			tar cf $T/tar changing; tar xOf $T/tar > $T/got; whole $T/got
			rsync changing $T/got; whole $T/got
			rm $T/got
			busybox tail -n 2 changing | tail -n 1 | grep -qx 'end [0-9]*' || echo busybox tail
			tail -n 1 changing | grep -qx 'end [0-9]*' || echo tail
			# what stat says of an open file is what it holds
			exec 3< changing
			size=$(stat -L -c %s /dev/fd/3); [ $(wc -c <&3) = $size ] || echo open file
			exec 3<&-
		done
		touch $T/stop; wait
	`), "")
	// busybox tar writes what stat said of the name, and then reads the name:
	// that is one snapshot only as long as nobody writes to the program.
	w.want(w.sh(p, whole+`
		cd $P/text
		for i in 1 2 3 4 5; do
			echo log x > $P/ctl
			busybox tar cf $T/tar changing; busybox tar xOf $T/tar > $T/got; whole $T/got
		done
	`), "")
}

// TestTorn has four loops of busybox cat read one changing file, 1,000 times in
// all.
func TestTorn(t *testing.T) {
	t.Parallel()
	need.Tools(t, "busybox")
	w := newWorld(t)
	p := w.start()
	w.serve()
	const check = `
		check() {
			for i in $(seq %d); do
				busybox cat $P/text/changing > $T/$1
				read -r _ begin < $T/$1
				[ "$(tail -n 1 $T/$1)" = "end $begin" ] || echo torn
			done
		}
		for loop in 1 2 3 4; do check $loop & done
		wait`
	n := 250
	if testing.Short() {
		n = 25
	}
	w.want(w.sh(p, fmt.Sprintf(check, n)), "")
	// And with a write all the time, which makes each look a new one.
	w.want(w.sh(p, `
		(while [ ! -e $T/stop ]; do echo log x > $P/ctl; done) & writer=$!
		`+strings.Replace(fmt.Sprintf(check, n/5), "wait", "wait $(jobs -p | grep -v $writer)", 1)+`
		touch $T/stop; wait
	`), "")
}

// TestWalks runs what walks over whole trees.
func TestWalks(t *testing.T) {
	t.Parallel()
	need.Tools(t, "busybox", "rsync", "tar", "find")
	w := newWorld(t)
	p := w.start()
	w.serve()
	// A plain ls, find or completion renders and captures nothing.
	w.want(w.sh(p, `ls $M $P $P/text $P/timed; ls -a $P/text; find $P -name 'x*'; echo $P/*/* > $T/glob; cat $P/renders $P/captures | tr '\n' ' '`),
		w.sh(p, `ls $M $P $P/text $P/timed; ls -a $P/text`)+"0 0 ")
	w.want(w.sh(p, `ls -lR $M > $T/list; find $M > $T/found; du -s $M > $T/du; cat $P/captures; wc -l < $T/found`),
		"0\n"+w.sh(p, `busybox find $M | wc -l`))
	w.want(w.sh(p, `ls -i $P/text/changing | cut -d' ' -f1; stat -c %i $P/text/changing; find $P/text -name changing -printf '%i\n'; ls -i $P/text | sed -n 's/ changing//p' | tr -d ' '`),
		strings.Repeat(w.sh(p, `stat -c %i $P/text/changing`), 4))
	w.want(w.sh(p, `cd $P; df . > $T/df; df -i . >> $T/df; stat -f -c %T . ; busybox df . | tail -n 1 | grep -c ispyd`), "fuseblk\n1\n")
	// Reading everything: what fails says so, the rest is complete.
	w.want(w.sh(p, `grep -rc hello $P/static $P/many $P/text $P/level | grep -v ':0$' | sed "s|$P/||"`), "static:1\n")
	w.wantIn(w.fails(p, `grep -r 'no such text' $P`), "broken: Input/output error")
	w.want(w.sh(p, `cp -r $P/many $P/static $T; ls $T/many | wc -l; cat $T/static; cat $T/many/n0049`), "50\nhello\n49\n")
	w.want(w.sh(p, `rsync -a --exclude broken $P/ $T/r/; cmp $T/r/large/big $P/large/big; cd $P; tar cf - --exclude broken . | tar xf - -C $T/r; cat $T/r/static $T/r/pid`), "hello\n"+w.sh(p, `cat $P/pid`))
}

// TestMany lists a directory of 2,000 files.
func TestMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.many = 2000
	p := w.start()
	w.serve()
	w.want(w.sh(p, `
		cd $P/many
		ls | wc -l; ls -l | wc -l; ls -f | wc -l; find . -type f -size -2 | wc -l
		cp -r . $T/many; cat $T/many/* | sort -n | uniq | wc -l
		exec 3< .; ls /dev/fd/3/ | wc -l
	`), "2000\n2001\n2002\n2000\n2000\n2000\n")
}
