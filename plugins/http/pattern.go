package http

import (
	"net/http"
	"net/url"
)

// learn is called by a Wrap further inside, on the handler's goroutine, with the
// pattern of the request that it was given.
func (s *serving) learn(pattern string) {
	if pattern != "" {
		s.learned.Store(&pattern)
	}
}

// pattern returns the route of a running request, "" where it is not known yet.
// The mux writes Request.Pattern while the handler's goroutine is at it, so that
// nobody else may read it; the mux can be asked again instead.
func (s *serving) pattern() string {
	if p := s.learned.Load(); p != nil {
		return *p
	}
	if s.given != "" || s.h.mux == nil {
		return s.given
	}
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return ""
	}
	r := &http.Request{Method: s.r.Method, Host: s.r.Host, URL: &url.URL{Path: s.path, RawPath: s.rawPath}}
	s.mu.Unlock()
	_, pattern := s.h.mux.Handler(r)
	return pattern
}
