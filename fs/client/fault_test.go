package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

var ctxBackground = context.Background()

// A server that is killed: what waits fails at once, Done is closed.
func TestKilledServer(t *testing.T) {
	addr := filepath.Join(shortDir(t), "s")
	srv := startServer(t, role(t, "serve", addr))
	c := dialTest(t, addr, Options{Timeout: time.Minute})
	if p := c.Peer(); p.UID != os.Getuid() || p.PID != srv.Process.Pid {
		t.Errorf("the peer is %+v, want pid %d", p, srv.Process.Pid)
	}
	f, err := c.Open(t.Context(), "README", os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	srv.Process.Kill()
	<-c.Done()
	if _, err := f.ReadAt(t.Context(), make([]byte, 10), 0); !errors.Is(err, ErrHungUp) || !strings.Contains(err.Error(), "README: the server has hung up") {
		t.Errorf("an open file: %v", err)
	}
	f.Close()
	if _, err := c.ReadFile(t.Context(), "README"); !errors.Is(err, ErrHungUp) {
		t.Errorf("a new file: %v", err)
	}
	if _, err := Dial(t.Context(), addr, Options{}); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Dial: %v", err)
	}
	// Somebody else in its place is not the same server.
	os.Remove(addr)
	startServer(t, role(t, "serve", addr))
	if _, err := c.ReadFile(t.Context(), "README"); !errors.Is(err, ErrHungUp) {
		t.Errorf("after another server came: %v", err)
	}
}

// A server that is stopped: operations fail in time and say so, and when it
// goes on, so do they.
func TestStoppedServer(t *testing.T) {
	addr := filepath.Join(shortDir(t), "s")
	srv := startServer(t, role(t, "serve", addr))
	c := dialTest(t, addr, Options{Timeout: time.Second})
	stop(t, srv.Process.Pid)
	want := "timed out: no answer"
	if runtime.GOOS == "linux" {
		want = fmt.Sprintf("timed out: %d is stopped", srv.Process.Pid)
	}
	for range 3 { // the first waits, later ones know
		_, err := c.ReadFile(t.Context(), "README")
		if !errors.Is(err, ErrTimeout) || !strings.Contains(err.Error(), want) {
			t.Errorf("a stopped server: %v", err)
		}
	}
	if err := c.WriteFile(t.Context(), "README", []byte("x")); !errors.Is(err, ErrTimeout) {
		t.Errorf("a write: %v", err)
	}
	if _, err := Dial(t.Context(), addr, Options{Timeout: 100 * time.Millisecond}); !errors.Is(err, ErrTimeout) || !strings.Contains(err.Error(), want) {
		t.Errorf("Dial: %v", err)
	}
	select {
	case <-c.Done():
		t.Fatal("a stopped server is taken for a dead one")
	default:
	}
	srv.Process.Signal(syscall.SIGCONT)
	for deadline := time.Now().Add(time.Minute); ; {
		_, err := c.ReadFile(t.Context(), "README")
		if err == nil {
			break
		}
		if !errors.Is(err, ErrTimeout) || time.Now().After(deadline) {
			t.Fatalf("after it went on: %v", err)
		}
	}
	// Killed while it is stopped, it is dead.
	stop(t, srv.Process.Pid)
	if _, err := c.ReadFile(t.Context(), "README"); !errors.Is(err, ErrTimeout) {
		t.Errorf("stopped again: %v", err)
	}
	srv.Process.Kill()
	<-c.Done()
}

// stop stops a child and waits until it is.
func stop(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("not stopped: %v, %v", status, err)
	}
}

// Only servers of our own user and of root are talked to.
func TestPeer(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be several users")
	}
	place := shortDir(t)
	os.Chmod(place, 0o777)
	exe := copySelf(t, place) // others may not look into where it was built
	const other = 12345
	for _, tt := range []struct {
		server, client uint32
		want           string
	}{
		{0, nobody(), "ok 0 true"},
		{nobody(), nobody(), fmt.Sprintf("ok %d true", nobody())},
		{other, 0, "ok 12345 true"},
		{other, nobody(), fmt.Sprintf("listens there with user id 12345, which is neither yours (%d) nor root's", nobody())},
	} {
		addr := filepath.Join(place, fmt.Sprintf("%d-%d", tt.server, tt.client))
		srv := as(role(t, "serve", addr), tt.server)
		srv.Path = exe
		startServer(t, srv)
		cl := as(role(t, "stat", addr), tt.client)
		cl.Path = exe
		out, _ := cl.CombinedOutput()
		if !strings.Contains(string(out), tt.want) {
			t.Errorf("a server of %d, a client of %d: %s, want %s", tt.server, tt.client, out, tt.want)
		}
	}
}

func copySelf(t *testing.T, dir string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "test")
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
