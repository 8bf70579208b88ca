package ispyd_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ispyd/ispyd"
	"github.com/ispyd/ispyd/fs/client"
)

// The program's memory is shown over TCP only where the configuration says so.
func TestGlobalsRemote(t *testing.T) {
	for _, c := range []struct {
		listen, more string
		refused      bool
	}{
		{"127.0.0.1:0", "", true},
		{"127.0.0.1:0", "write = true\n", true},
		{"127.0.0.1:0", "allow-remote = true\n", false},
		{"%s/s", "", false},
	} {
		dir, err := os.MkdirTemp("", "x")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		listen := strings.Replace(c.listen, "%s", dir, 1)
		file := filepath.Join(dir, "ispyd.toml")
		if err := os.WriteFile(file, fmt.Appendf(nil, "[ispyd]\nlisten = %q\n[globals]\nenabled = true\n%s", listen, c.more), 0o600); err != nil {
			t.Fatal(err)
		}
		srv, err := ispyd.Start(file)
		if err != nil {
			t.Errorf("%s: %v", listen, err)
		}
		lookAt(t, srv.Addr(), c.refused)
		srv.Close()
	}
}

// lookAt looks for the variables of this program, which has no debug information.
func lookAt(t *testing.T, addr string, refused bool) {
	t.Helper()
	conn, err := client.Dial(t.Context(), addr, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if refused {
		// There is nothing but the reason.
		list, err := conn.ReadDir(t.Context(), "globals")
		if err != nil || len(list) != 1 || list[0].Name() != "error" {
			t.Errorf("%s: it lists %v, %v", addr, list, err)
		}
		why, err := conn.ReadFile(t.Context(), "globals/error")
		if err != nil || !strings.Contains(string(why), "[globals] allow-remote = true") {
			t.Errorf("%s: the reason is %s, %v", addr, why, err)
		}
		if _, err := conn.ReadFile(t.Context(), "globals/os.Args"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a variable is there: %v", addr, err)
		}
		return
	}
	_, err = conn.ReadDir(t.Context(), "globals")
	want := "debug information"
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		want = "linux/amd64"
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: the error is %v", addr, err)
	}
}
