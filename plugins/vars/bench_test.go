package vars

import (
	"expvar"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/ispyd/ispyd/nodes"
)

// BenchmarkRead reads one variable, beside the one page that expvar has for all of
// them, both without a connection.
func BenchmarkRead(b *testing.B) {
	publish()
	dir := tree(b)
	for _, name := range []string{"requests", "http.json", "memstats"} {
		b.Run(name, func(b *testing.B) {
			ctx := nodes.Detached(b.Context())
			b.ReportAllocs()
			for b.Loop() {
				n, err := nodes.Lookup(ctx, dir, name)
				if err != nil {
					b.Fatal(err)
				}
				h, err := n.(nodes.File).Open(ctx, nodes.Read)
				if err != nil {
					b.Fatal(err)
				}
				h.Close()
			}
		})
	}
	b.Run("expvar's page", func(b *testing.B) {
		// Its String would not end.
		loop := expvar.Get("loop").(*expvar.Map)
		loop.Delete("self")
		b.Cleanup(func() { loop.Set("self", loop) })
		r := httptest.NewRequest(http.MethodGet, "/debug/vars", nil)
		b.ReportAllocs()
		for b.Loop() {
			expvar.Handler().ServeHTTP(httptest.NewRecorder(), r)
		}
	})
}
