//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestAddresses mounts by each way to name a program.
func TestAddresses(t *testing.T) {
	t.Parallel()
	t.Run("socket", func(t *testing.T) {
		w := newWorld(t)
		p, q := w.start(), w.start()
		w.config = p.addr
		w.serve()
		w.want(w.sh(nil, `ls $M`), filepath.Base(p.dir)+"\n")
		w.want(w.sh(p, `cat $P/static; [ ! -e `+q.dir+` ] || echo other`), "hello\n")
	})
	t.Run("socket without a pid", func(t *testing.T) {
		w := newWorld(t)
		w.listen = filepath.Join(w.dir, "s", "x.sock")
		w.configure(w.listen)
		p := w.start()
		w.serve()
		w.want(w.sh(p, `ls $M; cat $P/static; echo cold > $P/level; cat $P/level`), filepath.Base(p.dir)+"\nhello\ncold\n")
		// Another one takes its place.
		p.kill()
		w.want(w.sh(p, `ls $M; [ ! -e $P ] || echo there`), "")
		q := w.start()
		w.want(w.sh(q, `ls $M; cat $P/level`), filepath.Base(q.dir)+"\nwarm\n")
	})
	t.Run("host name", func(t *testing.T) {
		w := newWorld(t)
		w.listen = filepath.Join(w.dir, "s", "%(hostname)s", "%(pid)s.sock")
		w.configure(w.listen)
		if err := os.Mkdir(filepath.Join(w.dir, "s"), 0o700); err != nil {
			t.Fatal(err)
		}
		p := w.start()
		w.serve()
		name := "host." + filepath.Base(p.dir)
		w.want(w.sh(p, `ls $M; cat $M/`+name+`/static; [ ! -e $P ] || echo pid`), name+"\nhello\n")
	})
	t.Run("host and port", func(t *testing.T) {
		w := newWorld(t)
		w.listen = "localhost:0"
		p := w.start()
		w.config = p.addr
		w.serve()
		w.want(w.sh(p, `ls $M; cat $P/static; busybox cat $P/large/big | wc -c`), filepath.Base(p.dir)+"\nhello\n3145728\n")
		w.wantIn(w.fails(p, `echo cold > $P/level`), "Permission denied")
		p.kill()
		w.want(w.sh(p, `while [ -e $P ]; do :; done; ls $M`), "")
	})
	t.Run("root", func(t *testing.T) {
		w := newWorld(t)
		if err := os.Mkdir(filepath.Join(w.dir, "root"), 0o755); err != nil {
			t.Fatal(err)
		}
		w.listen = filepath.Join(w.dir, "root", "s", "%(pid)s.sock")
		w.configure("/s/%(pid)s.sock")
		p := w.start()
		w.serve("-root", filepath.Join(w.dir, "root"))
		w.want(w.sh(p, `ls $M; cat $P/static $P/level; cat $P/timed/1ms | wc -c`), filepath.Base(p.dir)+"\nhello\nwarm\n70010\n")
	})
}

// TestPidReused has another program at the address of one that is gone.
func TestPidReused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start()
	w.serve()
	inode := w.sh(p, `stat -c %i $P/static $P/text`)
	// The address of the second is that of the first.
	p.kill()
	w.listen = p.addr
	q := w.start()
	q.dir = p.dir
	w.want(w.sh(q, `cat $P/static $P/level; cat $P/pid`), fmt.Sprintf("hello\nwarm\n%d\n", q.cmd.Process.Pid))
	if again := w.sh(q, `stat -c %i $P/static $P/text`); again == inode {
		t.Errorf("the inodes of another program are the same: %q", inode)
	}
}

// TestGrowth looks a file up many times, each time anew, and checks that
// ispymount forgets what it has been asked.
func TestGrowth(t *testing.T) {
	b := newWorldShare(t, "0s")
	p := b.start()
	b.serve()
	const n = 6000
	look := func(name string, n int) {
		t.Helper()
		if out, err := b.child("looks", filepath.Join(p.dir, name), strconv.Itoa(n)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	heap := func() int {
		t.Helper()
		before := b.complaints()
		b.mount.Process.Signal(unix.SIGUSR1)
		for start := time.Now(); time.Since(start) < patience; {
			if rest := strings.TrimPrefix(b.complaints(), before); strings.HasSuffix(rest, "\n") {
				var n int
				fmt.Sscanf(rest, "heap %d", &n)
				return n
			}
		}
		t.Fatal(errors.New("no answer"))
		return 0
	}
	look("static", 500)
	base := heap()
	look("static", n)
	b.sh(p, `ls -l $P/many > /dev/null; ls -l $P/large/huge > /dev/null`)
	// What is dropped is dropped within seconds.
	const most = 2 << 20
	for start := time.Now(); ; {
		grown := heap() - base
		if grown < most {
			break
		}
		if time.Since(start) > patience {
			t.Fatalf("%d bytes more on the heap after %d looks", grown, n)
		}
	}
}

// newWorldShare is newWorld with another time for which looks share a snapshot.
func newWorldShare(t *testing.T, share string) *world {
	t.Setenv(shareEnv, share)
	return newWorld(t)
}
