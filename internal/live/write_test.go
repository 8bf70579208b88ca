package live

import (
	"strings"
	"sync"
	"testing"
	"unsafe"
)

// TestStoreString has two write one string at once: it is what one of them wrote.
func TestStoreString(t *testing.T) {
	long, short := strings.Repeat("long", 100), "s"
	for range 2000 {
		s := "text"
		var done sync.WaitGroup
		for _, text := range []string{long, short} {
			done.Go(func() {
				if err := storeString(unsafe.Pointer(&s), text); err != nil {
					t.Error(err)
				}
			})
		}
		done.Wait()
		if s != long && s != short {
			t.Fatalf("%d bytes: %.20q", len(s), s)
		}
	}
}
