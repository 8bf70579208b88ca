package term

import (
	"reflect"
	"sync"
	"time"

	"github.com/reeflective/readline"
)

// dropReports takes, until stop is called, what the library holds for an answer of
// the terminal: where the cursor is. It is told not to ask, but Shift-F3 looks like
// an answer, and with nobody to take it the editor would wait for ever, deaf to
// Ctrl-C. The channel is the library's own, and a new one each time that it waits
// for keys.
func dropReports(rl *readline.Shell) (stop func()) {
	keys := reflect.ValueOf(rl.Keys).Elem()
	channel, lock := keys.FieldByName("cursor"), keys.FieldByName("mutex")
	if !channel.IsValid() || channel.Type() != reflect.TypeFor[chan []byte]() ||
		!lock.IsValid() || lock.Type() != reflect.TypeFor[sync.RWMutex]() {
		return func() {} // another version: a test tells
	}
	reports := (*chan []byte)(channel.Addr().UnsafePointer())
	mu := (*sync.RWMutex)(lock.Addr().UnsafePointer())
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(reportInterval)
		defer tick.Stop()
		for {
			mu.RLock()
			current := *reports
			mu.RUnlock()
			select {
			case <-current:
			case <-tick.C:
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}

// reportInterval is how long a key that looks like an answer may hold up the
// editor.
const reportInterval = 250 * time.Millisecond
