package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ispyd/ispyd/fs"
	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/nodes"
)

// serve serves a tree by our own server until the test ends.
func serve(t testing.TB, opts fs.Options) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "c")
	if err != nil {
		t.Fatal(err)
	}
	addr := filepath.Join(dir, "s")
	l, err := fs.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	srv := fs.NewServer(opts)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
		os.RemoveAll(dir)
	})
	return addr
}

func dial(t testing.TB, addr string, opts client.Options) *client.Conn {
	t.Helper()
	c, err := client.Dial(t.Context(), addr, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestOurServer(t *testing.T) {
	records := fs.NewRecords()
	ring := nodes.NewRing(1 << 20)
	ring.Append([]byte("first"))
	ran := ""
	root := nodes.Directory("", "the root",
		records.Errors(), records.Audit(),
		nodes.Static("version", "the version", []byte("1\n")),
		nodes.Value("list", "a list", func(context.Context) ([]string, error) { return []string{"a", "b"}, nil }),
		nodes.Text("broken", "always fails", func(context.Context, io.Writer) error {
			return nodes.Errorf(nodes.ErrDisabled, "set enabled = true in [broken]")
		}),
		nodes.Ctl("ctl", "do things", nodes.Verb{Name: "gc", Doc: "collect", Run: func(context.Context, []string) error { ran += "gc "; return nil }}),
		nodes.Stream("tail", "what happens", ring),
		nodes.Directory("sub", "a directory", nodes.Static("x", "an x", []byte("xyz"))),
	)
	c := dial(t, serve(t, fs.Options{Root: root, Records: records}), client.Options{})
	ctx := t.Context()
	for name, want := range map[string]string{"version": "1\n", "list": "a\nb\n", "list.json": "[\n  \"a\",\n  \"b\"\n]\n", "sub/x": "xyz", "tail": "first\n"} {
		if b, err := c.ReadFile(ctx, name); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v, want %q", name, b, err, want)
		}
	}
	if info, err := c.Stat(ctx, "tail"); err != nil || info.Mode() != iofs.ModeAppend|0o444 {
		t.Errorf("tail: %v, %v", info.Mode(), err)
	}
	// The server's text, of a failed open and of a failed write.
	_, err := c.ReadFile(ctx, "broken")
	if err == nil || err.Error() != "broken: set enabled = true in [broken]" || !errors.Is(err, iofs.ErrPermission) {
		t.Errorf("broken: %v", err)
	}
	if err := c.WriteFile(ctx, "ctl", []byte("gc\n")); err != nil || ran != "gc " {
		t.Errorf("ctl: %v, ran %q", err, ran)
	}
	err = c.WriteFile(ctx, "ctl", []byte("gcc\n"))
	if e, ok := errors.AsType[*client.Error](err); !ok || e.Errno != syscall.EINVAL || !strings.HasPrefix(e.Error(), "ctl: gcc: unknown verb (near: gc)") {
		t.Errorf("ctl: %v", err)
	}
	f, err := c.Open(ctx, "ctl", os.O_WRONLY)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(ctx, []byte("gcc\n")); err == nil || !strings.HasPrefix(err.Error(), "ctl: gcc: unknown verb (near: gc)") {
		t.Errorf("ctl, written only: %v", err)
	}
	if err := c.WriteFile(ctx, "version", []byte("2")); !errors.Is(err, iofs.ErrPermission) || !strings.Contains(err.Error(), "read only") {
		t.Errorf("version: %v", err)
	}
	if _, err := c.ReadFile(ctx, "nosuch"); !errors.Is(err, iofs.ErrNotExist) || err.Error() != "nosuch: no such file" {
		t.Errorf("nosuch: %v", err)
	}
	if _, err := c.ReadFile(ctx, "version/x"); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("version/x: %v", err)
	}
}

func TestOurServerFS(t *testing.T) {
	root := nodes.Directory("", "the root",
		nodes.Static("version", "the version", []byte("1\n")),
		nodes.Directory("sub", "a directory", nodes.Static("x", "an x", []byte("xyz")), nodes.Directory("empty", "nothing")),
	)
	c := dial(t, serve(t, fs.Options{Root: root}), client.Options{})
	var seen []string
	err := iofs.WalkDir(c.FS(t.Context()), ".", func(name string, d iofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		seen = append(seen, fmt.Sprint(name, " ", info.Mode(), " ", info.Size()))
		return err
	})
	want := ". dr-xr-xr-x 0, sub dr-xr-xr-x 0, sub/empty dr-xr-xr-x 0, sub/x -r--r--r-- 3, version -r--r--r-- 2"
	if got := strings.Join(seen, ", "); err != nil || got != want {
		t.Errorf("%v, %v, want %s", got, err, want)
	}
}

// A timed capture ends at the server when its reader leaves; a session goes on
// after a request that was cancelled; the connection of both ends with the file.
func TestOurServerSlow(t *testing.T) {
	began := make(chan struct{}, 10)
	ended := make(chan error, 10)
	wait := func(ctx context.Context) error {
		began <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}
	root := nodes.Directory("", "the root",
		nodes.Timed("cpu", "a capture", time.Minute, func(ctx context.Context, _ time.Duration, _ io.Writer) error { return wait(ctx) }),
		nodes.Text("text", "a rendering that hangs", func(ctx context.Context, _ io.Writer) error { return wait(ctx) }),
		nodes.Static("version", "the version", []byte("1\n")),
	)
	c := dial(t, serve(t, fs.Options{Root: root}), client.Options{Timeout: time.Minute})
	read := func(ctx context.Context, name string) chan error {
		failed := make(chan error, 1)
		go func() {
			_, err := c.ReadFile(ctx, name)
			failed <- err
		}()
		return failed
	}
	for _, name := range []string{"cpu/30s", "text"} {
		ctx, cancel := context.WithCancel(t.Context())
		failed := read(ctx, name)
		<-began
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s at the server: %v", name, err)
		}
		if b, err := c.ReadFile(t.Context(), "version"); string(b) != "1\n" || err != nil {
			t.Errorf("after %s: %q, %v", name, b, err)
		}
	}
	if info, err := c.Stat(t.Context(), "cpu/5s"); err != nil || info.Mode()&iofs.ModeTemporary == 0 {
		t.Errorf("cpu/5s: %v, %v", info.Mode(), err)
	}
	// Closing the file ends the capture too.
	f, err := c.Open(t.Context(), "cpu/30s", os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := f.Read(make([]byte, 10))
		failed <- err
	}()
	<-began
	f.Close()
	if err := <-failed; !errors.Is(err, iofs.ErrClosed) {
		t.Errorf("closed meanwhile: %v", err)
	}
	<-ended
}

func ExampleConn_WriteFile() {
	ctx := context.Background()
	conn, err := client.Dial(ctx, "/run/user/1000/ispyd/14905.sock", client.Options{})
	if err != nil {
		fmt.Println("cannot connect")
		return
	}
	defer conn.Close()
	if err := conn.WriteFile(ctx, "runtime/ctl", []byte("gc\n")); err != nil {
		fmt.Println(err)
	}
	// Output: cannot connect
}
