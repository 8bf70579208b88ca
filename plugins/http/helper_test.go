package http

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

// opened opens the plugin with a configuration.
func opened(t testing.TB, text string) nodes.Dir {
	t.Helper()
	dir, closer, err := Plugin.Open(plugintest.Config(t, "http", text))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closer.Close() })
	return dir
}

func openFile(t testing.TB, dir nodes.Dir, name string, flags nodes.Flags) (nodes.Handle, error) {
	t.Helper()
	n, err := nodes.Walk(t.Context(), dir, name)
	if err != nil {
		return nil, err
	}
	return n.(nodes.File).Open(t.Context(), flags)
}

func readHandle(t testing.TB, h nodes.Handle) string {
	t.Helper()
	size, _ := h.Stat()
	b, err := io.ReadAll(io.NewSectionReader(readerAt{t.Context(), h}, 0, size))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

type readerAt struct {
	ctx context.Context
	h   nodes.Handle
}

func (r readerAt) ReadAt(p []byte, off int64) (int, error) { return r.h.ReadAt(r.ctx, p, off) }

// read returns what a file shows.
func read(t testing.TB, dir nodes.Dir, name string) string {
	t.Helper()
	h, err := openFile(t, dir, name, nodes.Read)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer h.Close()
	return readHandle(t, h)
}

// write writes a command to a file.
func write(t testing.TB, dir nodes.Dir, name, command string) error {
	t.Helper()
	h, err := openFile(t, dir, name, nodes.Write)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer h.Close()
	_, err = h.WriteAt(t.Context(), []byte(command+"\n"), 0)
	return err
}

// facts parses "name\tvalue" lines.
func facts(text string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(text) {
		if line == "\n" {
			break
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		m[name] = value
	}
	return m
}

// rowOf returns the row of a request in a table, nil where it is not there.
func rowOf(t testing.TB, dir nodes.Dir, name string, id uint64) map[string]any {
	t.Helper()
	var rows []map[string]any
	if err := json.Unmarshal([]byte(read(t, dir, name+".json")), &rows); err != nil {
		t.Fatalf("%s.json: %v", name, err)
	}
	for _, r := range rows {
		if r["id"] == float64(id) {
			return r
		}
	}
	return nil
}

// idOf returns the id of the request that a handler serves.
func idOf(r *http.Request) uint64 { return request.FromContext(r.Context()).ID() }

func fileOf(id uint64) string { return "requests/" + strconv.FormatUint(id, 10) }

// server serves a wrapped handler over HTTP/1 or HTTP/2.
func server(t testing.TB, h http.Handler, http2 bool) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = http2
	if http2 {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

// ended waits until a request has ended and returns what recent says.
func ended(t testing.TB, dir nodes.Dir, id uint64) map[string]any {
	t.Helper()
	for t.Context().Err() == nil {
		if row := rowOf(t, dir, "recent", id); row != nil {
			return row
		}
	}
	return nil
}

func get(t testing.TB, c *http.Client, url string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}
