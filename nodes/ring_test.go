package nodes_test

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/ispyd/ispyd/nodes"
)

func openStream(t *testing.T, r *nodes.Ring) nodes.Handle {
	t.Helper()
	h, err := nodes.Stream("s", "a stream", r).Open(t.Context(), nodes.Read)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// readSome reads n bytes at most.
func readSome(t *testing.T, h nodes.Handle, n int, off int64) string {
	t.Helper()
	b := make([]byte, n)
	got, err := h.ReadAt(t.Context(), b, off)
	if err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return string(b[:got])
}

func TestStream(t *testing.T) {
	r := nodes.NewRing(40)
	h := openStream(t, r)
	if got := readSome(t, h, 100, 0); got != "" {
		t.Errorf("empty: %q", got)
	}
	r.Append([]byte("one"))
	r.Append([]byte("two\n"))
	if got := readSome(t, h, 100, 0); got != "one\ntwo\n" {
		t.Errorf("%q", got)
	}
	r.Append([]byte("three"))
	if got := readSome(t, h, 100, 8); got != "three\n" {
		t.Errorf("goes on with %q", got)
	}
	if size, _ := h.Stat(); size != 14 {
		t.Errorf("size %d", size)
	}
	if got := readSome(t, openStream(t, r), 100, 4); got != "two\nthree\n" {
		t.Errorf("a second reader: %q", got)
	}
}

func TestStreamDrops(t *testing.T) {
	r := nodes.NewRing(40)
	h := openStream(t, r)
	for i := range 3 {
		r.Append(fmt.Appendf(nil, "record %d", i)) // 9 bytes each
	}
	if got := readSome(t, h, 13, 0); got != "record 0\nreco" {
		t.Errorf("%q", got)
	}
	for i := 3; i < 10; i++ {
		r.Append(fmt.Appendf(nil, "record %d", i))
	}
	// Kept are 6 to 9. The reader stopped inside record 1.
	rest := "\n5 records dropped\nrecord 6\nrecord 7\nrecord 8\nrecord 9\n"
	var got strings.Builder
	for off := int64(13); ; {
		s := readSome(t, h, 7, off)
		if s == "" {
			break
		}
		got.WriteString(s)
		off += int64(len(s))
	}
	if got.String() != rest {
		t.Errorf("%q, want %q", got.String(), rest)
	}
	if size, _ := h.Stat(); size != 13+int64(len(rest)) {
		t.Errorf("size %d", size)
	}
	if got := readSome(t, h, 5, 13); got != "\n5 re" {
		t.Errorf("the notice again: %q", got)
	}
	if _, err := h.ReadAt(t.Context(), make([]byte, 1), 0); err == nil || !strings.Contains(err.Error(), "dropped") {
		t.Errorf("what fell out: %v", err)
	}
	// A new reader sees no gap.
	if got := readSome(t, openStream(t, r), 9, 0); got != "record 6\n" {
		t.Errorf("a new reader: %q", got)
	}
}

// A reader that goes back to what has been dropped, after it was read, is told so.
func TestStreamBack(t *testing.T) {
	r := nodes.NewRing(40)
	h := openStream(t, r)
	for i := range 4 {
		r.Append(fmt.Appendf(nil, "record %d", i))
	}
	readSome(t, h, 36, 0)
	for i := 4; i < 6; i++ {
		r.Append(fmt.Appendf(nil, "record %d", i))
	}
	if got, want := readSome(t, h, 27, 0), "1 records dropped\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestStreamRecordTooLarge(t *testing.T) {
	r := nodes.NewRing(16)
	r.Append([]byte(strings.Repeat("x", 100)))
	if got := readSome(t, openStream(t, r), 100, 0); got != strings.Repeat("x", 15)+"\n" {
		t.Errorf("%q", got)
	}
}

// Every record is seen once, or counted as dropped, by readers that are slower
// or faster than the writer.
func TestStreamUnderLoad(t *testing.T) {
	r := nodes.NewRing(2 << 10)
	const records = 20000
	var wg sync.WaitGroup
	done := make(chan bool)
	for i := range 4 {
		h := openStream(t, r)
		wg.Go(func() {
			var text strings.Builder
			off, ended := int64(0), false
			for {
				s := readSome(t, h, 100*(i+1), off)
				text.WriteString(s)
				off += int64(len(s))
				if s != "" {
					continue
				}
				if ended {
					break
				}
				select {
				case <-done:
					ended = true
				default:
				}
			}
			next := 0
			// A record of which all but the line's end was read is seen, and
			// counted as dropped as well.
			seen, twice := false, false
			for line := range strings.Lines(text.String()) {
				var n int
				switch {
				case line == "\n":
				case scan(line, "record %d of many", &n):
					if twice && n == next-1 {
						next = n
					}
					seen, twice = true, false
					if n != next {
						t.Errorf("reader %d: record %d after %d", i, n, next-1)
						return
					}
					next++
				case scan(line, "%d records dropped", &n):
					next += n
					seen, twice = false, seen
				default:
					seen = false
					// The beginning of a record that then fell out is
					// counted among the dropped.
					if !strings.HasPrefix("record ", line[:min(len(line)-1, 7)]) {
						t.Errorf("reader %d: %q", i, line)
						return
					}
				}
			}
			if next != records && !(twice && next == records+1) {
				t.Errorf("reader %d: %d records", i, next)
			}
		})
	}
	for i := range records {
		r.Append(fmt.Appendf(nil, "record %d of many", i))
	}
	close(done)
	wg.Wait()
}

func scan(line, format string, n *int) bool {
	_, err := fmt.Sscanf(line, format+"\n", n)
	return err == nil
}
