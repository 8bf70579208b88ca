package eval

import (
	"bytes"
	"reflect"
	"strings"
	"sync"
)

// The runtime ends the process where a lock is released that nobody holds, and where
// there is no memory for what is asked: these methods ask first.

func unlock(m *sync.Mutex) {
	if m.TryLock() {
		m.Unlock()
		panic("sync: unlock of unlocked mutex")
	}
	m.Unlock()
}

// readers is the number of readers of m, less 1<<30 where a writer has it or waits.
func readers(m *sync.RWMutex) int64 {
	return reflect.ValueOf(m).Elem().FieldByName("readerCount").FieldByName("v").Int()
}

func unlockWriter(m *sync.RWMutex) {
	if readers(m) >= 0 {
		panic("sync: Unlock of unlocked RWMutex")
	}
	m.Unlock()
}

func unlockReader(m *sync.RWMutex) {
	if n := readers(m); n == 0 || n == -1<<30 {
		panic("sync: RUnlock of unlocked RWMutex")
	}
	m.RUnlock()
}

func waitCond(c *sync.Cond) {
	if m, ok := c.L.(*sync.Mutex); ok && m.TryLock() {
		m.Unlock()
		panic("sync: unlock of unlocked mutex")
	}
	if m, ok := c.L.(*sync.RWMutex); ok && readers(m) >= 0 {
		panic("sync: Unlock of unlocked RWMutex")
	}
	c.Wait()
}

func growBuilder(b *strings.Builder, n int) {
	checkBytes(int64(max(n, 0)))
	b.Grow(n)
}

func growBuffer(b *bytes.Buffer, n int) {
	checkBytes(int64(max(n, 0)))
	b.Grow(n)
}
