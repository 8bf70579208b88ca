//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/ispyd/ispyd/internal/need"
)

// TestSample reads every listed file of a real program, testdata/sample, by
// whatever goes by sizes, while the program's state changes with each look.
func TestSample(t *testing.T) {
	t.Parallel()
	need.Tools(t, "go", "busybox", "rsync", "tar")
	w := newWorld(t)
	exe := filepath.Join(w.dir, "sample")
	if out, err := exec.Command("go", "build", "-o", exe, "../../testdata/sample").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.Command(exe, "-config", w.config, "-http", "localhost:0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	// It prints where it listens, for ispyd and then for HTTP.
	line := make([]byte, 4096)
	for n := 0; !strings.Contains(string(line[:n]), "listening on "); {
		m, err := stdout.Read(line[n:])
		if n += m; err != nil {
			t.Fatalf("the sample: %v\n%s%s", err, line[:n], &stderr)
		}
	}
	w.serve()
	p := &prog{w: w, cmd: cmd, dir: filepath.Join(w.mnt, strconv.Itoa(cmd.Process.Pid))}
	w.want(w.sh(p, `cat $P/process/pid`), fmt.Sprintln(cmd.Process.Pid))
	// Looks within a second share a snapshot, so that the readers can be held
	// against each other; one that takes longer is compared with itself.
	out := w.sh(p, `
		cd $P
		n=0
		for f in $(find . -type f); do
			n=$((n + 1))
			exec 3< $f
			size=$(stat -L -c %s /dev/fd/3)
			[ $(wc -c <&3) = $size ] || echo "$f: $size in stat"
			exec 3<&-
			busybox cat $f > $T/cat; cp $f $T/cp; busybox tail -c +1 $f > $T/tail
			tar cf - $f | tar xOf - > $T/tar
			rsync $f $T/rsync
			for by in cat cp tail tar rsync; do
				[ $size = 0 ] || [ -s $T/$by ] || echo "$f: nothing by $by"
				case $f in
				./profile/allocs|./profile/block|./profile/goroutine|./profile/heap|./profile/mutex|./profile/threadcreate)
					gzip -t < $T/$by || echo "$f: no profile by $by"
					continue ;;
				esac
				[ -z "$(tail -c 1 $T/$by | tr -d '\n')" ] || case $f in *README) ;; *) echo "$f: cut by $by" ;; esac
				! grep -q -a -P '\x00' $T/$by || echo "$f: padded by $by"
			done
			rm -f $T/*
		done
		busybox tar cf $T/tar runtime process; tar tf $T/tar > $T/list
		echo $n files
	`)
	if n, _ := strconv.Atoi(strings.TrimSuffix(out, " files\n")); n < 100 {
		t.Errorf("of every file there should be all by everything, and more than 100 of them:\n%s", clip(out))
	}
}
