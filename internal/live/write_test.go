package live

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"
)

// TestStoreString has two write one string at once: it is always what one of them
// wrote.
func TestStoreString(t *testing.T) {
	long, short := strings.Repeat("long", 100), "s"
	s := "text"
	last := s[0]
	var writers sync.WaitGroup
	ends := make(chan struct{})
	for _, text := range []string{long, short} {
		writers.Go(func() {
			for {
				select {
				case <-ends:
					return
				default:
				}
				if err := storeString(unsafe.Pointer(&s), text); err != nil {
					t.Error(err)
				}
			}
		})
	}
	// While nobody writes, it is one of the two.
	for changes := 0; changes < 40; {
		stringWrites.Lock()
		n, first := len(s), s[0]
		stringWrites.Unlock()
		if first == long[0] && n != len(long) || first == short[0] && n != len(short) {
			t.Errorf("%d bytes that begin with %q", n, first)
			break
		}
		if first != last {
			last = first
			changes++
		}
		runtime.Gosched()
	}
	close(ends)
	writers.Wait()
}
