package http

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/plugins/plugintest"
)

// The goroutines of a connection that a handler's request was the first to use are no
// part of the request, neither while it runs nor later.
func TestConnections(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		dir := opened(t, "")
		upstream := server(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), http2)
		ids, end := make(chan uint64), make(chan struct{})
		s := server(t, Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			get(t, upstream.Client(), upstream.URL)
			ids <- idOf(r)
			<-end
		})), false)
		done := make(chan struct{})
		go func() {
			defer close(done)
			get(t, s.Client(), s.URL)
		}()
		id := <-ids
		running := plugintest.Read(t, dir, fileOf(id))
		twin := plugintest.Read(t, dir, fileOf(id)+".json")
		close(end)
		<-done
		plugintest.Ended(t, dir, id)
		outliving := plugintest.Read(t, dir, "outliving")
		for _, text := range []string{running, twin, outliving} {
			for _, loop := range []string{"readLoop", "writeLoop"} {
				if strings.Contains(text, loop) {
					t.Errorf("http2 %v: %s is shown:\n%s", http2, loop, text)
				}
			}
		}
		if !strings.Contains(running, "\n# left out: ") || !strings.Contains(running, "ServeHTTP(") || strings.Contains(twin, `"connection_goroutine_count":0`) || !strings.Contains(outliving, "# left out: ") {
			t.Errorf("http2 %v: not counted:\n%s\n%s\n%s", http2, running, twin, outliving)
		}
	}
}
