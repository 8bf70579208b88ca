package ispyd_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ispyd/ispyd"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

// On a full disk the files are kept that there is room for, and the list of those
// that there was none for.
func TestCaptureFullDisk(t *testing.T) {
	needRoot(t)
	noise := make([]byte, 2<<20)
	for i, x := 0, uint32(1); i < len(noise); i++ {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		noise[i] = byte(x)
	}
	dir := nodes.Directory("large", "for tests", nodes.Static("noise", "does not compress", noise), nodes.Static("small", "fits", []byte("fits")),
		nodes.Text("late", "comes when the disk is full", func(_ context.Context, w io.Writer) error {
			_, err := w.Write(noise)
			return err
		}))
	srv := start(t, "[ispyd]\nLISTEN\nplugins = []", plugins.Plugin{Name: "large", Doc: "d", Open: func(plugins.Config) (nodes.Dir, io.Closer, error) { return dir, nil, nil }})
	for _, form := range []string{"", "x.tar.gz"} {
		t.Run(form, func(t *testing.T) {
			disk := t.TempDir()
			if err := syscall.Mount("none", disk, "tmpfs", 0, "size=1m"); err != nil {
				t.Skipf("no tmpfs: %v", err)
			}
			t.Cleanup(func() {
				if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
					t.Error(err)
				}
			})
			made, err := srv.CaptureWith(t.Context(), ispyd.CaptureOptions{To: filepath.Join(disk, form)})
			if err == nil || !strings.Contains(err.Error(), "large/late: no space left on device (and 1 more)") {
				t.Errorf("error %v", err)
			}
			if form != "" {
				out := t.TempDir()
				if text, err := exec.Command("tar", "-xpzf", made, "-C", out, "--strip-components=1").CombinedOutput(); err != nil {
					t.Fatalf("tar: %v\n%s", err, text)
				}
				made = out
				os.Chmod(made, 0o700)
			}
			got := captured(t, made)
			if want := "path\terror\nlarge/late\tno space left on device\nlarge/noise\tno space left on device\n"; got[captureErrors] != want || got["large/small"] != "fits" {
				t.Errorf("there is %.200q", got)
			}
			if _, ok := got["large/noise"]; ok {
				t.Error("what did not fit is there")
			}
		})
	}
	// Where not even the list fits, nothing is begun.
	disk := t.TempDir()
	if err := syscall.Mount("none", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("no tmpfs: %v", err)
	}
	defer syscall.Unmount(disk, syscall.MNT_DETACH)
	os.WriteFile(filepath.Join(disk, "full"), bytes.Repeat([]byte{1}, 1<<20), 0o600)
	if made, err := srv.Capture(t.Context(), disk); made != "" || err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("%q, %v", made, err)
	}
	if entries, _ := os.ReadDir(disk); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	// Who may not write has nothing either.
	if err := syscall.Mount("none", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if made, err := srv.Capture(t.Context(), disk); made != "" || err == nil || !strings.Contains(err.Error(), "read-only file system") {
		t.Errorf("%q, %v", made, err)
	}
}
