package http

import (
	"strings"
	"time"
)

// entry is what the tables show of one request, running or ended.
type entry struct {
	id      uint64
	start   time.Time
	took    time.Duration // so far, where it runs
	method  string
	url     string
	host    string
	proto   string
	remote  string
	pattern string
	status  int // 0 where none was sent
	in, out int64
	state   string // what is out of the ordinary, or of outgoing ones the phase
	cause   uint64 // the incoming request that caused this one
	err     string
}

// maxKept is how many bytes are kept of a string that a client chose, once its
// request has ended.
const maxKept = 1024

// bound makes the entry small enough to be kept.
func (e *entry) bound() {
	for _, s := range []*string{&e.method, &e.url, &e.host, &e.proto, &e.remote, &e.pattern, &e.err} {
		if len(*s) > maxKept {
			*s = strings.Clone((*s)[:maxKept]) + "..."
		}
	}
}

// failed reports whether the table of statistics counts it as an error.
func (e *entry) failed() bool {
	return e.status >= 500 || e.state == "panic" || e.err != ""
}
