//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ispyd/ispyd/internal/need"
)

// systemCalls are made by a child in the directory of a program, and print what
// came of them.
var systemCalls = []struct {
	name string
	call func() error
	want error
}{
	{"unlink a file", func() error { return unix.Unlink("static") }, unix.EPERM},
	{"unlink a ctl", func() error { return unix.Unlink("ctl") }, unix.EPERM},
	{"rmdir", func() error { return unix.Rmdir("text") }, unix.EPERM},
	{"rmdir of the program", func() error { cwd, _ := os.Getwd(); return unix.Rmdir(cwd) }, unix.EPERM},
	{"mkdir", func() error { return unix.Mkdir("new", 0o755) }, unix.EPERM},
	{"mkdir in the root", func() error { return unix.Mkdir("../new", 0o755) }, unix.EPERM},
	{"mkdir of what is there", func() error { return unix.Mkdir("text", 0o755) }, unix.EEXIST},
	{"create", func() error { _, err := unix.Open("new", unix.O_CREAT|unix.O_WRONLY, 0o644); return err }, unix.EPERM},
	{"create in the root", func() error { _, err := unix.Open("../new", unix.O_CREAT|unix.O_WRONLY, 0o644); return err }, unix.EPERM},
	{"create of what is there", func() error { _, err := unix.Open("static", unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, 0o644); return err }, unix.EEXIST},
	{"O_TMPFILE", func() error { _, err := unix.Open(".", unix.O_TMPFILE|unix.O_RDWR, 0o644); return err }, unix.EPERM},
	{"rename", func() error { return unix.Rename("static", "other") }, unix.EPERM},
	{"rename onto a file", func() error { return unix.Rename("static", "empty") }, unix.EPERM},
	{"rename into another directory", func() error { return unix.Rename("static", "text/static") }, unix.EPERM},
	{"rename of a directory", func() error { return unix.Rename("text", "words") }, unix.EPERM},
	{"rename of the program", func() error { cwd, _ := os.Getwd(); return unix.Rename(cwd, "../me") }, unix.EPERM},
	{"exchange", func() error {
		return unix.Renameat2(unix.AT_FDCWD, "static", unix.AT_FDCWD, "empty", unix.RENAME_EXCHANGE)
	}, unix.EPERM},
	{"symlink", func() error { return unix.Symlink("static", "new") }, unix.EPERM},
	{"link", func() error { return unix.Link("static", "new") }, unix.EPERM},
	{"mknod", func() error { return unix.Mknod("new", unix.S_IFREG|0o644, 0) }, unix.EPERM},
	{"mkfifo", func() error { return unix.Mkfifo("new", 0o644) }, unix.EPERM},
	{"chmod", func() error { return unix.Chmod("static", 0o777) }, unix.EPERM},
	{"chmod of a directory", func() error { return unix.Chmod("text", 0o777) }, unix.EPERM},
	{"chmod of the root", func() error { return unix.Chmod("..", 0o777) }, unix.EPERM},
	{"chown", func() error { return unix.Chown("static", 1, 1) }, unix.EPERM},
	{"chown of a directory", func() error { return unix.Chown("text", 1, 1) }, unix.EPERM},
	{"truncate of a file that cannot be written", func() error { return unix.Truncate("static", 0) }, unix.EACCES},
	{"truncate of a ctl", func() error { return unix.Truncate("ctl", 0) }, nil},
	{"truncate of a ctl to some size", func() error { return unix.Truncate("ctl", 7) }, unix.EINVAL},
	{"utimes of a file that cannot be written", func() error { return os.Chtimes("static", time.Now(), time.Now()) }, unix.EPERM},
	{"utimes of a ctl", func() error { return os.Chtimes("ctl", time.Now(), time.Now()) }, nil},
	{"setxattr", func() error { return unix.Setxattr("static", "user.x", []byte("y"), 0) }, unix.EPERM},
	{"removexattr", func() error { return unix.Removexattr("static", "user.x") }, unix.EPERM},
	{"getxattr", func() error { _, err := unix.Getxattr("static", "user.x", nil); return err }, unix.ENOTSUP},
	{"listxattr", func() error { _, err := unix.Listxattr("static", nil); return err }, unix.ENOTSUP},
	{"write to what is shown", func() error { _, err := unix.Open("static", unix.O_WRONLY, 0); return err }, unix.EACCES},
	{"append to what is shown", func() error { _, err := unix.Open("static", unix.O_WRONLY|unix.O_APPEND, 0); return err }, unix.EACCES},
	{"read and write what is shown", func() error { _, err := unix.Open("text/changing", unix.O_RDWR, 0); return err }, unix.EACCES},
	{"fallocate", func() error {
		fd, err := unix.Open("ctl", unix.O_WRONLY, 0)
		if err != nil {
			return fmt.Errorf("open: %w", err)
		}
		return unix.Fallocate(fd, 0, 0, 100)
	}, unix.EPERM},
	{"exec", func() error { return unix.Exec("./static", []string{"static"}, nil) }, unix.EACCES},
	{"access to read", func() error { return unix.Access("static", unix.R_OK) }, nil},
	{"access to write", func() error { return unix.Access("static", unix.W_OK) }, unix.EACCES},
	{"access to write a ctl", func() error { return unix.Access("ctl", unix.W_OK|unix.R_OK) }, nil},
	{"access to a directory", func() error { return unix.Access("text", unix.X_OK) }, nil},
	{"statfs", func() error { return unix.Statfs(".", new(unix.Statfs_t)) }, nil},
	{"fsync", func() error {
		fd, err := unix.Open("static", unix.O_RDONLY, 0)
		if err == nil {
			err = unix.Fsync(fd)
		}
		return err
	}, nil},
	{"flock", func() error {
		fd, err := unix.Open("static", unix.O_RDONLY, 0)
		if err == nil {
			err = unix.Flock(fd, unix.LOCK_EX)
		}
		return err
	}, nil},
	{"a name of 256 bytes", func() error { return unix.Stat(strings.Repeat("x", 256), new(unix.Stat_t)) }, unix.ENAMETOOLONG},
	{"a name that is not there", func() error { return unix.Stat("no", new(unix.Stat_t)) }, unix.ENOENT},
	{"a name beneath a file", func() error { return unix.Stat("static/x", new(unix.Stat_t)) }, unix.ENOTDIR},
	{"a program that is not there", func() error { return unix.Stat("../1", new(unix.Stat_t)) }, unix.ENOENT},
}

// makeSystemCalls is the role of the child.
func makeSystemCalls(dir string) int {
	if err := os.Chdir(dir); err != nil {
		fmt.Println(err)
		return 1
	}
	for _, c := range systemCalls {
		if err := c.call(); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			fmt.Printf("%s: got %v, want %v\n", c.name, err, c.want)
		}
	}
	return 0
}

// TestDenied makes all the system calls that would change the tree, and those
// that look at what it has not.
func TestDenied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start()
	w.serve()
	before := w.sh(p, `ls -A $M $P $P/text`)
	out, err := w.child("syscalls", p.dir).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
	w.want(w.sh(p, `ls -A $M $P $P/text`), before)
	for command, complaint := range map[string]string{
		"rm -f $P/static":      "rm: cannot remove '/P/static': Operation not permitted\n",
		"rm -rf $P/text":       "Operation not permitted",
		"mkdir $P/x":           "mkdir: cannot create directory '/P/x': Operation not permitted\n",
		"mv $P/static $P/x":    "mv: cannot move '/P/static' to '/P/x': Operation not permitted\n",
		"ln -s x $P/x":         "Operation not permitted",
		"touch $P/x":           "Operation not permitted",
		"echo > $P/x":          "Operation not permitted",
		"echo > $P/static":     "Permission denied",
		"busybox rm $P/static": "Operation not permitted",
	} {
		got := strings.ReplaceAll(w.fails(p, command), p.dir, "/P")
		w.wantIn(got, complaint)
	}
}

// TestOwner checks whom files belong to and who is let in.
func TestOwner(t *testing.T) {
	t.Parallel()
	need.Tools(t, "setpriv")
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root can be two users")
	}
	const nobody = `setpriv --reuid 65534 --regid 65534 --clear-groups `
	for _, allow := range []bool{false, true} {
		w := newWorld(t)
		if err := os.Chmod(w.dir, 0o755); err != nil {
			t.Fatal(err)
		}
		p := w.start()
		var flags []string
		root := "500"
		if allow {
			flags, root = []string{"-allow-other"}, "555"
		}
		w.serve(flags...)
		w.want(w.sh(p, `stat -c '%a %u %g %F' $M $P $P/static $P/ctl`),
			root+" 0 0 directory\n555 0 0 directory\n444 0 0 regular file\n600 0 0 regular file\n")
		if !allow {
			w.wantIn(w.fails(p, nobody+`cat $P/static`), "Permission denied")
			w.wantIn(w.fails(p, nobody+`ls $M`), "Permission denied")
			continue
		}
		w.want(w.sh(p, nobody+`cat $P/static`), "hello\n")
		w.wantIn(w.fails(p, nobody+`cat $P/ctl`), "Permission denied")
		w.wantIn(w.fails(p, nobody+`bash -c 'echo log x > $P/ctl'`), "Permission denied")
		w.wantIn(w.fails(p, nobody+`rm -f $P/static`), "denied") // EACCES by the modes before EPERM
		w.wantIn(string(must(os.ReadFile("/proc/mounts"))), "default_permissions,allow_other")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestUser mounts as somebody who is not root, by fusermount3.
func TestUser(t *testing.T) {
	t.Parallel()
	need.Tools(t, "fusermount3")
	w := newWorld(t)
	if os.Geteuid() == 0 {
		// Another user may not get at the test binary.
		w.exe = filepath.Join(w.dir, "exe")
		w.user = &syscall.Credential{Uid: 65534, Gid: 65534}
		for _, err := range []error{
			os.WriteFile(w.exe, must(os.ReadFile(must(os.Executable()))), 0o755),
			os.Chmod(w.dir, 0o755),
			os.Chown(w.dir, 65534, 65534),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	p := w.start()
	if info := must(os.Stat(fuseDevice)); w.user != nil && info.Mode().Perm()&0o006 != 0o006 {
		// Not the mode it usually has, but good for a look at the complaint.
		out, err := w.child("ispymount", w.config, w.mnt).CombinedOutput()
		if err == nil {
			t.Fatal("it was mounted")
		}
		w.wantIn(string(out), "ispymount: /dev/fuse cannot be opened: permission denied; ")
		t.Skipf("NOT TESTED: %s is for root alone: %v", fuseDevice, info.Mode())
	}
	w.serve()
	w.want(w.sh(p, `cat $P/static; stat -c %u $P/ctl; echo cold > $P/level; cat $P/level`), fmt.Sprintf("hello\n%d\ncold\n", w.uid()))
	w.want(fmt.Sprint(w.end(syscall.SIGINT)), "0")
	w.want(mountedType(w.mnt), "")
	if _, err := os.Stat(w.mnt); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v, want it removed", w.mnt, err)
	}
	// A mount left by kill -9 is detached by fusermount3, too.
	w.serve()
	w.end(syscall.SIGKILL)
	w.serve()
	w.wantIn(w.complaints(), "detached what an ispymount that was killed had left")
	w.want(w.sh(p, `cat $P/static`), "hello\n")
}

func (w *world) uid() int {
	if w.user != nil {
		return int(w.user.Uid)
	}
	return os.Geteuid()
}
