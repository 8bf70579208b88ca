package main

import (
	"context"
	"errors"
	"expvar"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	ispydhttp "github.com/ispyd/ispyd/plugins/http"
)

// What the program counts, as expvars do: under /debug/vars.
var (
	requests  = expvar.NewMap("requests") // by path
	failures  = expvar.NewInt("failures")
	leaked    = expvar.NewInt("leaked_goroutines")
	allocated = expvar.NewInt("allocated_bytes")
)

// Server is the service.
type Server struct {
	url     string
	client  *http.Client
	mux     *http.ServeMux
	handler http.Handler // mux, where ispyd sees its requests
	pool    *Pool
	memory  Hoard
	trap    Trap
}

// endpoint is one thing that the service can do. Its error is the answer's.
type endpoint struct {
	path, doc string
	serve     func(http.ResponseWriter, *http.Request) error
}

// NewServer returns the service that is reached at url.
func NewServer(url string) *Server {
	transport := new(http.Transport)
	s := &Server{
		url:    url,
		client: &http.Client{Transport: ispydhttp.Transport(transport), Timeout: time.Minute},
		mux:    http.NewServeMux(),
		pool:   NewPool(3),
	}
	for _, e := range s.endpoints() {
		s.mux.HandleFunc("GET "+e.path, count(e))
	}
	s.mux.Handle("GET /debug/vars", expvar.Handler())
	s.handler = ispydhttp.Wrap(s.mux)
	return s
}

// Start starts what runs beside the requests, until the context ends.
func (s *Server) Start(ctx context.Context) *sync.WaitGroup {
	var jobs sync.WaitGroup
	s.pool.Start(ctx, &jobs)
	jobs.Go(func() { restock(ctx, store, time.Second) })
	return &jobs
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Server) endpoints() []endpoint {
	return []endpoint{
		{"/{$}", "this list", s.index},
		{"/hello", "an answer", handler},
		{"/sleep", "an answer after ?for=3s", sleep},
		{"/order", "order ?id=3 from the store, in nested calls, and an invoice from the pool of workers", s.order},
		{"/fetch", "a request to itself, ?path=/hello", s.fetch},
		{"/error", "an error, from some calls deep", fail},
		{"/panic", "a panic, from some calls deep", crash},
		{"/leak", "leak ?n=10 goroutines", leak},
		{"/burn", "keep a CPU busy ?for=5s", burn},
		{"/alloc", "allocate ?mb=50 and hold them", s.memory.alloc},
		{"/free", "let go of them", s.memory.free},
		{"/stuck", "wait for a mutex that another goroutine holds", s.trap.stuck},
		{"/hold", "hold that mutex while the request lasts", s.trap.hold},
		{"/unstick", "make the holder let go", s.trap.unstick},
	}
}

// count serves an endpoint, counts it, and makes its error the answer.
func count(e endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		requests.Add(r.URL.Path, 1)
		err := e.serve(w, r)
		if err == nil {
			return
		}
		failures.Add(1)
		status := http.StatusInternalServerError
		var bad *badRequest
		if errors.As(err, &bad) {
			status = http.StatusBadRequest
		}
		slog.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "status", status, "err", err)
		http.Error(w, err.Error(), status)
	}
}

func (s *Server) index(w http.ResponseWriter, _ *http.Request) error {
	for _, e := range s.endpoints() {
		fmt.Fprintf(w, "%-12s %s\n", strings.TrimSuffix(e.path, "{$}"), e.doc)
	}
	fmt.Fprintf(w, "%-12s %s\n", "/debug/vars", "what the program counts")
	return nil
}

// handler answers.
func handler(w http.ResponseWriter, r *http.Request) error {
	slog.InfoContext(r.Context(), "hello", "remote", r.RemoteAddr)
	fmt.Fprintln(w, "hello")
	return nil
}

// sleep answers late.
func sleep(w http.ResponseWriter, r *http.Request) error {
	d, err := duration(r, "for", 3*time.Second)
	if err != nil {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
		return context.Cause(r.Context())
	}
	fmt.Fprintln(w, "slept", d)
	return nil
}

// fetch makes a request to the service itself and passes the answer on.
func (s *Server) fetch(w http.ResponseWriter, r *http.Request) error {
	path := r.FormValue("path")
	if path == "" {
		path = "/hello"
	}
	if path[0] != '/' {
		return &badRequest{fmt.Sprintf("path=%s: must begin with a slash", path)}
	}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		return &badRequest{err.Error()}
	}
	res, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("fetching %s: %w", path, err)
	}
	defer res.Body.Close()
	fmt.Fprintf(w, "%s answered %s:\n", path, res.Status)
	_, err = io.Copy(w, io.LimitReader(res.Body, 1<<20))
	return err
}

// badRequest is the error of a parameter that cannot be taken.
type badRequest struct{ text string }

func (e *badRequest) Error() string { return e.text }

// duration returns a parameter that is a time, at most five minutes.
func duration(r *http.Request, name string, otherwise time.Duration) (time.Duration, error) {
	text := r.FormValue(name)
	if text == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > 5*time.Minute {
		return 0, &badRequest{fmt.Sprintf("%s=%s: must be a time from 0s to 5m", name, text)}
	}
	return d, nil
}

// number returns a parameter that is a number from 1 to most.
func number(r *http.Request, name string, otherwise, most int) (int, error) {
	text := r.FormValue(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, &badRequest{fmt.Sprintf("%s=%s: must be a number from 1 to %d", name, text, most)}
	}
	return n, nil
}
