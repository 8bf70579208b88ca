package fs_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	ispyfs "github.com/ispyd/ispyd/fs"
)

// helpers are what this binary does when it is run by one of its own tests.
var helpers = map[string]func(arg string) error{
	"listen":     helperListen,
	"dial":       helperDial,
	"unwritable": helperUnwritable,
	"full":       helperFull,
}

func TestMain(m *testing.M) {
	if h := helpers[os.Getenv("FS_TEST_HELPER")]; h != nil {
		if err := h(os.Getenv("FS_TEST_ARG")); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// helper makes a command that does one of the helpers.
func helper(t *testing.T, name, arg string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "FS_TEST_HELPER="+name, "FS_TEST_ARG="+arg)
	cmd.Stderr = os.Stderr
	return cmd
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
}

// asNobody makes cmd run as uid 65534, who can execute a copy of this binary.
func asNobody(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	dir := shortDir(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path = filepath.Join(dir, "test")
	if err := os.WriteFile(cmd.Path, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
}

// helperListen listens until its standard input ends.
func helperListen(path string) error {
	l, err := ispyfs.Listen(path)
	if err != nil {
		return err
	}
	fmt.Println("listening")
	bufio.NewReader(os.Stdin).ReadByte()
	return l.Close()
}

// helperDial connects and says whether it is served.
func helperDial(path string) error {
	c, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	c.Write(tversion(8192))
	if _, err := rawReply(c); err != nil {
		return fmt.Errorf("refused")
	}
	return nil
}

func helperUnwritable(path string) error {
	l, err := ispyfs.Listen(path)
	if err == nil {
		l.Close()
	}
	return err
}

// helperFull listens in a file system of its own that is full.
func helperFull(dir string) error {
	if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,nr_inodes=2"); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "last"), nil, 0o600); err != nil {
		return err
	}
	_, err := ispyfs.Listen(filepath.Join(dir, "s"))
	return err
}

// The error names the process that has the socket, and its program.
func TestListenLiveElsewhere(t *testing.T) {
	path := socketPath(t)
	cmd := helper(t, "listen", path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "listening\n" {
		t.Fatal(line, err)
	}
	listenFails(t, path, fmt.Sprintf("process %d (%s) listens there already", cmd.Process.Pid, filepath.Base(os.Args[0])))
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	listens(t, path)
}

// A program that was killed leaves its socket; the next takes its place.
func TestListenAfterKill(t *testing.T) {
	path := socketPath(t)
	cmd := helper(t, "listen", path)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
	listens(t, path)
}

func TestListenUnwritable(t *testing.T) {
	needRoot(t)
	dir := shortDir(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir + "/s", dir + "/d/s"} {
		cmd := helper(t, "unwritable", path)
		asNobody(t, cmd)
		out, err := cmd.Output()
		if err == nil || !strings.Contains(string(out), "permission denied") || !strings.Contains(string(out), dir) {
			t.Errorf("%s: %v %s", path, err, out)
		}
	}
}

func TestListenDiskFull(t *testing.T) {
	needRoot(t)
	dir := shortDir(t)
	cmd := helper(t, "full", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	out, err := cmd.Output()
	if err == nil || !strings.Contains(string(out), "no room for a socket in "+dir+": no space left on device") {
		t.Errorf("%v %s", err, out)
	}
}

// Only this user and root are served, whatever the mode of the socket.
func TestForeignPeer(t *testing.T) {
	needRoot(t)
	s := start(t, ispyfs.Options{})
	for path, mode := range map[string]os.FileMode{filepath.Dir(s.addr): 0o755, s.addr: 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	cmd := helper(t, "dial", s.addr)
	if out, err := cmd.Output(); err != nil {
		t.Errorf("root: %v %s", err, out)
	}
	cmd = helper(t, "dial", s.addr)
	asNobody(t, cmd)
	if out, err := cmd.Output(); err == nil || string(out) != "refused\n" {
		t.Errorf("uid 65534: %v %s", err, out)
	}
	s.log.wait(t, "the peer runs as uid 65534; only uid 0, that of this program, and root may connect")
	s.log.wait(t, "uid=65534")
	if s.Conns() > 1 {
		t.Errorf("%d connections", s.Conns())
	}
}
