package http

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

// opened opens the plugin with a configuration.
func opened(t testing.TB, text string) nodes.Dir {
	t.Helper()
	return plugintest.Open(t, Plugin, text)
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
