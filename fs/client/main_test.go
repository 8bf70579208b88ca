package client

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"testing"

	"github.com/hugelgupf/p9/p9"
)

// roleEnv names what this test binary is to be instead, in another process: see
// role.
const roleEnv = "CLIENT_TEST_ROLE"

// role is this test binary as another process, which TestMain gives its part:
//
//	serve   serve sampleTree on the socket that the argument names
//	stat    dial it and print the error, if any
//	raw     run the tests without the wire
func role(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), roleEnv+"="+name)
	return cmd
}

// as has the command run as the user, which only root may.
func as(cmd *exec.Cmd, uid uint32) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid, NoSetGroups: true}}
	return cmd
}

// startServer serves sampleTree in another process until the test ends.
func startServer(t testing.TB, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if _, err := fmt.Fscanln(out); err != nil && err.Error() != "unexpected newline" {
		t.Fatalf("the server did not start: %v", err)
	}
	return cmd
}

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case "serve":
		os.Exit(serveRole(os.Args[1]))
	case "stat":
		os.Exit(statRole(os.Args[1]))
	}
	os.Exit(m.Run())
}

func serveRole(addr string) int {
	l, err := net.Listen("unix", addr)
	if err == nil {
		err = os.Chmod(addr, 0o777)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	root := sampleTree()
	var ids uint64
	root.number(&ids)
	tree := &testTree{root: root}
	fmt.Println()
	for {
		c, err := l.Accept()
		if err != nil {
			return 1
		}
		go p9.NewServer(tree).Handle(c, c)
	}
}

func statRole(addr string) int {
	c, err := Dial(ctxBackground, addr, Options{})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer c.Close()
	if _, err := c.Stat(ctxBackground, "README"); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ok", c.Peer().UID, c.Peer().PID > 0)
	return 0
}

// nobody is a user id that is neither ours nor root's.
func nobody() uint32 {
	if u, err := user.Lookup("nobody"); err == nil {
		if id, err := strconv.ParseUint(u.Uid, 10, 32); err == nil {
			return uint32(id)
		}
	}
	return 65534
}
