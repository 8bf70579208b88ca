// Package servetest gives tests of clients a real server to look into.
package servetest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/ispyd/ispyd"
	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/plugins"
)

// Start starts a server in this process until the test ends. Its configuration is the
// section [ispyd] with a socket of its own, and what more there is in config. The result
// is what a client finds it by.
func Start(t testing.TB, config string, list ...plugins.Plugin) (*ispyd.Server, *client.Config) {
	t.Helper()
	// t.TempDir is too long for the path of a socket.
	dir, err := os.MkdirTemp("", "i")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	listen := filepath.Join(dir, "%(pid)s.sock")
	srv, err := ispyd.New(ispyd.Options{Config: fmt.Sprintf("[ispyd]\nlisten = %q\n%s", listen, config), Plugins: list})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	found, err := client.Load(listen, "")
	if err != nil {
		t.Fatal(err)
	}
	return srv, found
}
