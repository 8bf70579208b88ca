package goroutines

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Introspection turns on or off, for the whole program, that dumps look up
// creators, locks and labels in the runtime's own structures. It is on.
func Introspection(on bool) { introspectionOff.Store(!on) }

var introspectionOff atomic.Bool

var errTurnedOff = errors.New("turned off")

// learned is what calibrate has found out, once for the program.
var learned struct {
	sync.Mutex
	layout *layout
	err    error
	tries  int
}

// maxTries is how many dumps try to calibrate. It can fail for once, where the
// program has used up its files.
const maxTries = 3

// introspect completes the dump, or says why it could not.
func (d *Dump) introspect() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	if introspectionOff.Load() {
		return errTurnedOff
	}
	m, err := openSelfMemory()
	if err != nil {
		return err
	}
	defer m.close()
	l, err := knownLayout(m)
	if err != nil {
		return err
	}
	if l.labels < 0 {
		d.Labels = errNoLayout
	}
	if err = d.complete(m, l); err == errNoLayout {
		forget()
	}
	return err
}

// forget makes the next dump calibrate again, if it may still try.
func forget() {
	learned.Lock()
	defer learned.Unlock()
	learned.layout, learned.err = nil, errNoLayout
}

func knownLayout(m *selfMemory) (*layout, error) {
	learned.Lock()
	defer learned.Unlock()
	if learned.layout != nil || learned.tries == maxTries {
		return learned.layout, learned.err
	}
	learned.layout, learned.err = calibrate(m)
	if learned.err != errAmbiguous {
		learned.tries++
	}
	return learned.layout, learned.err
}
