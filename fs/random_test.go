package fs_test

import (
	"io"
	"math/rand"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/fs"
)

// requestTypes are those that there are, replies, and some that are nothing.
var requestTypes = []byte{6, 7, 8, 9, 12, 13, 14, 16, 18, 20, 22, 24, 25, 26, 30, 32, 40, 41, 50, 52, 54, 70, 72,
	74, 76, 100, 101, 102, 104, 105, 108, 110, 111, 116, 117, 118, 119, 120, 122, 126, 127, 128, 130, 132, 134, 200}

func TestRandomFrames(t *testing.T) {
	frames := 74_000
	if testing.Short() {
		frames /= 10
	}
	back := goroutinesBack(t)
	s := start(t, fs.Options{})
	rng := rand.New(rand.NewSource(1))
	for n := 0; n < frames; {
		c := rawSession(t, s.addr)
		rawCall(t, c, twalk(1, 0, 1, "level"))
		rawCall(t, c, tlopen(1, 1, 2))
		rawCall(t, c, twalk(1, 0, 2, "process"))
		done := make(chan struct{})
		go func() {
			defer close(done)
			io.Copy(io.Discard, c)
		}()
		for range 40 {
			n++
			if _, err := c.Write(randomFrame(rng)); err != nil {
				break
			}
		}
		c.Close()
		<-done
	}
	served(t, s)
	s.Close()
	back()
	if strings.Contains(s.log.String(), "panic in") {
		t.Error(s.log.String())
	}
}

// randomFrame is now and then one that makes sense.
func randomFrame(rng *rand.Rand) msg {
	m := newMsg(requestTypes[rng.Intn(len(requestTypes))], uint16(rng.Intn(50)))
	if m[4] == 100 && rng.Intn(10) > 0 {
		m[4] = 110 // most connections should live for longer than one Tversion
	}
	for range rng.Intn(3) {
		m = m.u32(uint32(rng.Intn(5)))
	}
	for range rng.Intn(80) {
		if rng.Intn(3) == 0 {
			m = m.u8(byte(rng.Intn(256)))
		} else {
			m = m.u8(byte(rng.Intn(3)))
		}
	}
	if l := shapeOf(m[4]); l > 0 && rng.Intn(3) > 0 {
		m = append(m, make(msg, 64)...)[:7+l]
	}
	return m.end()
}

// shapeOf is the size of requests that have no strings.
func shapeOf(typ byte) int {
	return map[byte]int{8: 4, 12: 8, 22: 4, 24: 12, 26: 60, 40: 16, 50: 4, 108: 2, 116: 16, 120: 4, 122: 4}[typ]
}
