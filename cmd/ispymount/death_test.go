//go:build linux

package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestKilled kills a program with -9 under open files.
func TestKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, q := w.start(), w.start()
	w.serve()
	cmd := w.script(p, `
		exec 3< $P/static 4< $P/large/big 5<> $P/ctl 6< $P/stream 7<> $P/session
		cd $P/text
		read -r -u 4 line
		(cat $P/timed/59s > /dev/null; echo "timed $?") 2> /dev/null &
		until [ "$(cat $P/captures)" = 1 ]; do :; done
		echo open
		read -r go
		wait
		for fd in 3 4 6; do cat <&$fd && echo "$fd can be read"; done
		echo log x >&5 && echo "5 can be written"
		echo x >&7 && echo "7 can be written"
		ls . && echo "directory can be listed"
		cat changing && echo "file can be read"
		[ ! -e $P ] || echo still there
		ls $M
		cat `+q.dir+`/static
	`)
	stdin := must(cmd.StdinPipe())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout := must(cmd.StdoutPipe())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 5)
	if _, err := stdout.Read(line); err != nil || string(line) != "open\n" {
		t.Fatalf("%q, %v\n%s", line, err, &stderr)
	}
	p.kill()
	fmt.Fprintln(stdin, "go")
	out := readAllString(stdout)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &stderr)
	}
	w.want(out, fmt.Sprintf("timed 1\n%s\nhello\n", filepath.Base(q.dir)))
	if n := strings.Count(stderr.String(), "Transport endpoint is not connected"); n != 7 {
		t.Errorf("%d of 7 complain that the transport endpoint is not connected:\n%s", n, &stderr)
	}

	// Another one appears by itself, and has other inodes.
	r := w.start()
	w.want(w.sh(r, `cat $P/static; ls $M | wc -l`), "hello\n2\n")
	if a, b := w.sh(q, `stat -c %i $P/static $P/text`), w.sh(r, `stat -c %i $P/static $P/text`); a == b {
		t.Errorf("two programs have the same inode numbers: %q", a)
	}
}

// TestStopped stops a program with SIGSTOP.
func TestStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, q := w.start(), w.start()
	w.serve("-timeout", "300ms")
	w.want(w.sh(p, `cat $P/static; cat `+q.dir+`/static`), "hello\nhello\n")
	p.signal(syscall.SIGSTOP)
	// It stays listed, also by a long list, and its files time out; each of
	// the others' answers.
	w.want(w.sh(q, `ls $M | wc -l; ls -l $M | wc -l; cat $P/static; echo hot > $P/level; cat $P/level`), "2\n3\nhello\nhot\n")
	for _, command := range []string{`ls $P`, `cat $P/pid`, `stat $P/empty`, `echo x > $P/ctl`, `cat $P/timed/1s`, `ls -lR $P`} {
		w.wantIn(w.fails(p, command), "Connection timed out")
	}
	w.wantIn(w.fails(nil, `grep -r hello $M | wc -l; exit 1`), filepath.Base(p.dir)+": Connection timed out")
	// One that was never asked for anything before is no different.
	s := w.start()
	s.signal(syscall.SIGSTOP)
	w.want(w.sh(q, `ls $M | wc -l; ls -l $M | wc -l; cat $P/static`), "3\n4\nhello\n")
	w.wantIn(w.fails(s, `ls $P`), "Connection timed out")
	// They go on, and all is well.
	p.signal(syscall.SIGCONT)
	s.signal(syscall.SIGCONT)
	w.want(w.sh(p, `until cat $P/static 2> /dev/null; do :; done; ls $P | wc -l`), w.sh(s, `until cat $P/static 2> /dev/null; do :; done; ls $P | wc -l`))
	// A stopped one that is killed is gone.
	p.signal(syscall.SIGSTOP)
	w.wantIn(w.fails(p, `cat $P/pid`), "Connection timed out")
	p.kill()
	w.want(w.sh(p, `while [ -e $P ]; do :; done; ls $M | wc -l`), "2\n")
}

// TestStoppedInterrupt ends commands that wait for a stopped program, long before
// the time-out.
func TestStoppedInterrupt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, q := w.start(), w.start()
	w.serve("-timeout", "1h")
	w.want(w.sh(p, `cat $P/static; cat $P/pid > /dev/null`), "hello\n")
	p.signal(syscall.SIGSTOP)
	w.want(w.sh(p, `
		set -m; exec 2> /dev/null # bash tells how its jobs end
		for sig in INT TERM KILL; do
			cat $P/empty 2> /dev/null & a=$!
			ls $P/many 2> /dev/null & b=$!
			tee $P/level 2> /dev/null <<< cold & c=$!
			ls -l $M | wc -l
			cat `+q.dir+`/static
			# A signal that comes before exec is lost.
			for pid in $a $b $c; do while [ "$(< /proc/$pid/comm)" = bash ]; do :; done; done
			kill -$sig $a $b $c
			wait
		done
	`), strings.Repeat("3\nhello\n", 3))
	p.signal(syscall.SIGCONT)
	w.want(w.sh(p, `until cat $P/static 2> /dev/null; do :; done`), "hello\n")
}

// TestMissing asks for programs that are not there, all at once.
func TestMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve()
	w.want(w.sh(nil, `ls $M; for i in $(seq 200); do [ ! -e $M/$i/x ] || echo $i & done; wait`), "")
	p := w.start()
	w.want(w.sh(p, `ls $M; for i in $(seq 100); do cat $P/static & done | sort | uniq -c | tr -s ' '`), filepath.Base(p.dir)+"\n 100 hello\n")
	// A socket that a killed program left is no program.
	p.kill()
	w.want(w.sh(p, `ls $M; [ ! -e $P ] || echo there; [ -S `+w.dir+`/s/${P##*/}.sock ] || echo no socket`), "")
	// Neither is what only looks like one.
	w.write(filepath.Join(w.dir, "s", "7.sock"), "")
	w.want(w.sh(p, `ls $M; [ ! -e $M/7 ] || echo there`), "")
}
