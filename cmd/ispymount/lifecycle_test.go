//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func readAllString(r io.Reader) string {
	b, _ := io.ReadAll(r)
	return string(b)
}

// TestEnd ends ispymount by each signal.
func TestEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		w.serve()
		w.want(w.sh(p, `cat $P/static`), "hello\n")
		w.want(fmt.Sprint(w.end(sig), w.complaints()), "0")
		if _, err := os.Stat(w.mnt); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: %s: %v, want it removed: ispymount made it", sig, w.mnt, err)
		}
	}
	// A directory that was there stays.
	if err := os.Mkdir(w.mnt, 0o755); err != nil {
		t.Fatal(err)
	}
	w.serve()
	w.end(syscall.SIGTERM)
	if _, err := os.Stat(w.mnt); err != nil {
		t.Error(err)
	}
	// Who unmounts from elsewhere ends it, too.
	w.serve()
	if err := unix.Unmount(w.mnt, 0); err != nil {
		t.Skipf("NOT TESTED: %v", err)
	}
	out := readAllString(w.stdout)
	w.mount.Wait()
	w.want(fmt.Sprint(w.mount.ProcessState.ExitCode(), out), fmt.Sprintf("0ispymount: %s was unmounted\n", w.mnt))
}

// TestEndInUse ends ispymount while a file is open.
func TestEndInUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start()
	w.serve()
	cmd := w.script(p, `exec 3< $P/large/big; read -r -u 3 line; cd $P; echo open; read -r go; cat <&3`)
	stdin, stdout := must(cmd.StdinPipe()), must(cmd.StdoutPipe())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	w.want(fmt.Sprint(w.end(syscall.SIGINT)), "0")
	w.wantIn(w.complaints(), w.mnt+" was in use: it is detached")
	fmt.Fprintln(stdin, "go")
	io.Copy(io.Discard, stdout)
	cmd.Wait()
	w.wantIn(stderr.String(), "Transport endpoint is not connected")
	w.want(mountedType(w.mnt), "")
}

// TestMountKilled kills ispymount with -9, and starts it again.
func TestMountKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start()
	w.serve()
	w.want(w.sh(p, `cat $P/static`), "hello\n")
	w.end(syscall.SIGKILL)
	w.wantIn(w.fails(p, `ls $M`), "Transport endpoint is not connected")
	w.serve()
	w.wantIn(w.complaints(), "detached what an ispymount that was killed had left at "+w.mnt)
	w.want(w.sh(p, `cat $P/static; grep -c " $M " /proc/mounts`), "hello\n1\n")
}

// TestInTheWay has the mountpoint occupied.
func TestInTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve()
	try := func(want string, args ...string) {
		t.Helper()
		cmd := w.child("ispymount", args...)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != exitError {
			t.Errorf("%v: exit code %d, want %d", args, code, exitError)
		}
		w.wantIn(string(out), want)
	}
	try("an ispymount serves "+w.mnt+" already; to end it: ", w.config, w.mnt)
	link := filepath.Join(w.dir, "link")
	if err := os.Symlink(w.mnt, link); err != nil {
		t.Fatal(err)
	}
	try("an ispymount serves "+w.mnt+" already", w.config, link)
	try("is not empty", w.config, w.dir)
	try("is not a directory", w.config, w.config)
	try("its parent directory: no such file or directory", w.config, filepath.Join(w.dir, "a", "b"))
	if os.Geteuid() == 0 {
		return
	}
	try("cannot be created", w.config, "/proc/x")
}

func TestMountinfo(t *testing.T) {
	const lines = `22 27 0:21 / /proc rw,relatime - proc proc rw
36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
40 27 0:40 / /mnt/a\040b\134 rw,nosuid - fuse.ispyd ispyd rw,user_id=0
41 27 0:41 / /mnt2 rw - tmpfs - rw
42 broken
`
	for path, want := range map[string]string{
		"/proc": "proc", "/mnt2": "tmpfs", `/mnt/a b\`: "fuse.ispyd", "/": "", "/mnt": "",
	} {
		if got := mountedIn(strings.NewReader(lines), path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// TestEndCopied ends ispymount while a mount namespace that was made meanwhile, as
// that of a container is, has a copy of the mount. The kernel keeps the
// connection for it.
func TestEndCopied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start()
	w.serve()
	copied := exec.Command("unshare", "--mount", "sh", "-c", "echo ready; read end")
	stdin, err := copied.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := copied.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := copied.Start(); err != nil {
		t.Skipf("NOT TESTED: %v", err)
	}
	t.Cleanup(func() {
		stdin.Close()
		copied.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Skipf("NOT TESTED: unshare: %q, %v", line, err)
	}
	w.want(w.sh(p, `cat $P/static`), "hello\n")
	w.want(fmt.Sprint(w.end(syscall.SIGTERM), w.complaints()), "0")
	if typ := mountedType(w.mnt); typ != "" {
		t.Errorf("still mounted: %s", typ)
	}
}
