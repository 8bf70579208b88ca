package debugger

import (
	"bytes"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

const module = "github.com/ispyd/ispyd/"

// ourPackages are those whose frames are not the program's.
var ourPackages = []string{module + "plugins/debugger.", module + "internal/probes/", module + "internal/minicore.", module + "internal/tracebacks."}

// isOurs reports whether a function is part of the debugger.
func isOurs(function string) bool {
	if !strings.HasPrefix(function, module) {
		return false
	}
	for _, prefix := range ourPackages {
		if strings.HasPrefix(function, prefix) && !strings.HasPrefix(function[len(prefix)-1:], "._test") {
			return true
		}
	}
	return false
}

var buffers = sync.Pool{New: func() any { return new([maxText]byte) }}

// ownStack returns the text of the calling goroutine's stack, without the frames
// of the debugger at its top and, where a deferred function is recovering a panic,
// without all down to that. It also returns the goroutine's id, 0 where that cannot be read.
func ownStack(recovering bool) (text string, id uint64) {
	buf := buffers.Get().(*[maxText]byte)
	defer buffers.Put(buf)
	dump := buf[:runtime.Stack(buf[:], false)]
	header, frames, _ := bytes.Cut(dump, []byte("\n"))
	if rest, ok := bytes.CutPrefix(header, []byte("goroutine ")); ok {
		digits, _, _ := bytes.Cut(rest, []byte(" "))
		id, _ = strconv.ParseUint(string(digits), 10, 64)
	}
	return string(header) + "\n" + string(withoutOurs(frames, recovering)), id
}

// withoutOurs cuts frames, two lines each, from the top of a stack. The panics further
// down are those of whose deferred functions this one came.
func withoutOurs(frames []byte, recovering bool) []byte {
	begin, top := 0, true
	for at := 0; at < len(frames) && (top || recovering); {
		call, next := line(frames, at)
		_, next = line(frames, next)
		if top = top && isOurs(string(call)); top {
			begin = next
		} else if bytes.HasPrefix(call, []byte("panic(")) {
			return frames[next:]
		}
		at = next
	}
	return frames[begin:]
}

// line returns the line at an offset, and where the next one begins.
func line(b []byte, at int) ([]byte, int) {
	n := bytes.IndexByte(b[at:], '\n')
	if n < 0 {
		return b[at:], len(b)
	}
	return b[at : at+n], at + n + 1
}
