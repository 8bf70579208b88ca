package http

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime/pprof"
	"strings"
	"testing"
)

// TestOwnLabels: the labels that are part of the request look as those that
// runtime/pprof makes, and so do those that are made where it has changed.
func TestOwnLabels(t *testing.T) {
	if labelKey == nil {
		t.Error("runtime/pprof keeps labels in another way than is known here")
	}
	for _, known := range []bool{true, false} {
		if !known {
			key := labelKey
			labelKey = nil
			defer func() { labelKey = key }()
		}
		done := make(chan struct{})
		Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			id := fmt.Sprint(idOf(r))
			if v, ok := pprof.Label(r.Context(), "ispyd.request"); !ok || v != id {
				t.Errorf("label %q", v)
			}
			if _, cancel := context.WithCancel(r.Context()); cancel != nil {
				defer cancel() // which makes the context that can be cancelled
			}
			if v, _ := pprof.Label(context.WithoutCancel(r.Context()), "ispyd.request"); v != id {
				t.Errorf("label of a derived context: %q", v)
			}
			pprof.Do(r.Context(), pprof.Labels("a", "b"), func(context.Context) {
				go func() {
					defer close(done)
					if p := profile(t); !strings.Contains(p, fmt.Sprintf(`{"a":"b", "ispyd.request":"%s"}`, id)) {
						t.Errorf("child: %s", p)
					}
				}()
				<-done
			})
			if p := profile(t); !strings.Contains(p, fmt.Sprintf(`{"ispyd.request":"%s"}`, id)) {
				t.Errorf("goroutine: %s", p)
			}
		})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}
}
