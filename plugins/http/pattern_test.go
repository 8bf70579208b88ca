package http

import (
	"github.com/ispyd/ispyd/plugins/plugintest"
	"net/http"
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	leaf := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	muxOf := func(h http.Handler) *http.ServeMux {
		m := http.NewServeMux()
		m.Handle("GET /items/{id}", h)
		return m
	}
	around := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) })
	}
	for _, tt := range []struct {
		name   string
		build  func(h http.Handler) http.Handler
		during string
	}{
		{"mux", func(h http.Handler) http.Handler { return Wrap(muxOf(h)) }, "GET /items/{id}"},
		{"inside", func(h http.Handler) http.Handler { return muxOf(Wrap(h)) }, "GET /items/{id}"},
		{"both", func(h http.Handler) http.Handler { return Wrap(around(muxOf(Wrap(h)))) }, "GET /items/{id}"},
		{"hidden", func(h http.Handler) http.Handler { return Wrap(around(muxOf(h))) }, ""},
		{"changed", func(h http.Handler) http.Handler {
			return Wrap(muxOf(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.URL.Path = "/elsewhere"
				h.ServeHTTP(w, r)
			})))
		}, "GET /items/{id}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := opened(t, "")
			ids, next, after := make(chan uint64), make(chan struct{}), make(chan string, 1)
			h := tt.build(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				leaf(w, r)
				ids <- idOf(r)
				<-next
			}))
			s := server(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h.ServeHTTP(w, r)
				after <- r.Pattern
			}), false)
			done := make(chan struct{})
			go func() {
				defer close(done)
				get(t, s.Client(), s.URL+"/items/17")
			}()
			id := <-ids
			if row := plugintest.Row(t, dir, "active", id); row["route"] != tt.during {
				t.Errorf("in flight: %v", row)
			}
			if tt.during != "" && !strings.Contains(plugintest.Read(t, dir, "stats"), "GET /items/{id}\tall\t0\t1\t") {
				t.Errorf("stats: %s", plugintest.Read(t, dir, "stats"))
			}
			close(next)
			<-done
			if p := <-after; p != "GET /items/{id}" {
				t.Errorf("who is outside sees %q", p)
			}
			if row := plugintest.Ended(t, dir, id); row["route"] != "GET /items/{id}" {
				t.Errorf("recent: %v", row)
			}
			if !strings.Contains(plugintest.Read(t, dir, "stats"), "GET /items/{id}\t2xx\t1\t0\t0\t") {
				t.Errorf("stats: %s", plugintest.Read(t, dir, "stats"))
			}
		})
	}
}
