package client

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/hugelgupf/p9/linux"
)

// recorder notes the sizes of writes.
type recorder struct {
	mu    sync.Mutex
	sizes []int
}

func (r *recorder) write(p []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sizes = append(r.sizes, len(p))
	return nil
}

func (r *recorder) take() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	sizes := r.sizes
	r.sizes = nil
	return sizes
}

func TestWrite(t *testing.T) {
	var got recorder
	write := func(p []byte) error {
		got.write(p)
		if strings.HasPrefix(string(p), "bad") {
			return errors.New("bad: unknown verb (near: bat)")
		}
		return nil
	}
	both := &node{data: "verbs\n", mode: 0o600, write: write}
	tree := serveTree(t, dir(map[string]*node{"ctl": both, "only": {mode: 0o200, write: write}, "ro": text("x")}))
	c := dialTest(t, tree.addr, Options{Msize: 8 << 10})

	for _, name := range []string{"ctl", "only"} {
		if err := c.WriteFile(t.Context(), name, []byte("gc\n")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := c.WriteFile(t.Context(), "ctl", []byte("bad\n"))
	var e *Error
	if !errors.As(err, &e) || e.Op != "write" || e.Path != "ctl" || e.Errno != syscall.EINVAL || e.Text != "bad: unknown verb (near: bat)" || !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("%#v", err)
	}
	if err := c.WriteFile(t.Context(), "only", []byte("bad\n")); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("only: %v", err)
	}
	if err := c.WriteFile(t.Context(), "ro", []byte("x")); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("ro: %v", err)
	}

	// A write is one message or none.
	f, err := c.Open(t.Context(), "ctl", os.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.MaxWrite() > 8<<10 || f.MaxWrite() < 7<<10 {
		t.Errorf("MaxWrite is %d", f.MaxWrite())
	}
	got.take()
	whole := strings.Repeat("w", f.MaxWrite())
	if n, err := f.Write(t.Context(), []byte(whole)); n != len(whole) || err != nil || !slices.Equal(got.take(), []int{n}) {
		t.Errorf("the longest write: %d, %v", n, err)
	}
	if _, err := f.Write(t.Context(), []byte(whole+"x")); !errors.Is(err, syscall.EMSGSIZE) || !strings.Contains(err.Error(), fmt.Sprint(f.MaxWrite())) || got.take() != nil {
		t.Errorf("one byte too many: %v", err)
	}
}

// The server may grant smaller messages than were asked for; p9.Client does not
// care. 1 MiB from a server of 8 KiB.
func TestGrantedMsize(t *testing.T) {
	var got recorder
	tree := serveTree(t, dir(map[string]*node{
		"ctl": {mode: 0o600, write: got.write},
		"big": {read: func(p []byte, off int64) (int, error) {
			if len(p) > 8<<10 {
				return 0, linux.E2BIG
			}
			if off >= 100_000 {
				return 0, io.EOF
			}
			return min(len(p), int(100_000-off)), nil
		}},
	}))
	addr := proxy(t, tree.addr, func(toClient bool, f []byte) [][]byte {
		if toClient && f[4] == msgTversion+1 {
			le.PutUint32(f[headerSize:], 8<<10)
		}
		return [][]byte{f}
	})
	c := dialTest(t, addr, Options{Msize: 1 << 20})
	if err := c.WriteFile(t.Context(), "ctl", make([]byte, 8<<10)); !errors.Is(err, syscall.EMSGSIZE) || got.take() != nil {
		t.Errorf("a write of 8 KiB: %v", err)
	}
	if err := c.WriteFile(t.Context(), "ctl", make([]byte, 7<<10)); err != nil || !slices.Equal(got.take(), []int{7 << 10}) {
		t.Errorf("a write of 7 KiB: %v", err)
	}
	if b, err := c.ReadFile(t.Context(), "big"); err != nil || len(b) != 100_000 {
		t.Errorf("big: %d bytes, %v", len(b), err)
	}
}

// payload never exceeds p9.Client's own idea, or p9.Client would split a write.
func TestPayload(t *testing.T) {
	var got recorder
	tree := serveTree(t, dir(map[string]*node{
		"ctl": {mode: 0o600, write: got.write},
	}))
	for msize := uint32(8 << 10); msize < 10<<10; msize += 61 {
		if n := payload(msize); n <= 0 || n > int(msize)-24 || n%512 != 0 {
			t.Fatalf("payload(%d) = %d", msize, n)
		}
		c := dialTest(t, tree.addr, Options{Msize: msize})
		err := c.WriteFile(t.Context(), "ctl", make([]byte, payload(msize)))
		if sizes := got.take(); err != nil || len(sizes) != 1 {
			t.Errorf("msize %d: a write of %d bytes: %v, in %v", msize, payload(msize), err, sizes)
		}
	}
}

func TestErrorsFile(t *testing.T) {
	pid := os.Getpid()
	line := func(op, path, result string, pid int, text string) string {
		return fmt.Sprintf("2025-01-02T03:04:05.678Z\t%s\t%s\t%s\t0\t%d\t%s\n", op, path, result, pid, text)
	}
	records := line("open", "/off", "EACCES", pid, "an older text") +
		line("open", "/off", "EACCES", pid, `off: turn it on with enabled = true,\nthen \x41gain`) +
		line("open", "/off", "EACCES", pid+1, "somebody else's") +
		line("open", "/off", "EIO", pid, "another error") +
		line("read", "/off", "EACCES", pid, "another operation") +
		line("write", "/only", "EINVAL", 0, "only: no such verb") +
		line("read", "/breaks", "EIO", -1, "breaks: \x1b[31mred") +
		line("walk", "/lost", "EIO", pid, "lost: the other server has gone") +
		"half a line\t"
	tree := serveTree(t, dir(map[string]*node{
		"errors": text(records),
		"off":    {openErr: linux.EACCES},
		"only":   {mode: 0o200, write: func([]byte) error { return errors.New("never read") }},
		"breaks": {read: func([]byte, int64) (int, error) { return 0, linux.EIO }},
		"lost":   {walkErr: linux.EIO},
		"other":  {openErr: linux.EBUSY},
	}))
	c := dialTest(t, tree.addr, Options{})
	for name, want := range map[string]string{
		"off":    "off: off: turn it on with enabled = true,\nthen Again",
		"lost":   "lost: lost: the other server has gone",
		"breaks": `breaks: breaks: \x1b[31mred`,
		"nosuch": "nosuch: no such file",
		"other":  "other: busy: somebody else holds it",
	} {
		if _, err := c.ReadFile(t.Context(), name); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	if err := c.WriteFile(t.Context(), "only", []byte("x")); err == nil || err.Error() != "only: only: no such verb" || !errors.Is(err, syscall.EINVAL) {
		t.Errorf("only: %v", err)
	}
}

// A list of errors that cannot be read leaves the error what it is.
func TestErrorsFileBroken(t *testing.T) {
	for name, list := range map[string]*node{
		"absent":      nil,
		"not allowed": {openErr: linux.EACCES},
		"broken":      {read: func([]byte, int64) (int, error) { return 0, linux.EIO }},
		"directory":   dir(map[string]*node{}),
		"endless":     {data: strings.Repeat("x", 100), read: func(p []byte, _ int64) (int, error) { return len(p), nil }},
	} {
		root := map[string]*node{"off": {openErr: linux.EACCES}}
		if list != nil {
			root["errors"] = list
		}
		c := dialTest(t, serveTree(t, dir(root)).addr, Options{})
		for range 2 {
			if _, err := c.ReadFile(t.Context(), "off"); err == nil || err.Error() != "off: permission denied" || !errors.Is(err, fs.ErrPermission) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
