package debugger

import (
	"strconv"
	"strings"
	"time"

	"github.com/ispyd/ispyd/nodes"
)

// What made a traceback.
const (
	kindPanic     = "panic"     // a probe saw a panic pass
	kindError     = "error"     // a probe saw a function return an error
	kindRecovered = "recovered" // who recovered a panic handed it over
	kindCrash     = "crash"     // the panic that ended a program
)

// traceback is one that is kept. It does not change any more.
type traceback struct {
	N    int       `json:"n"`
	Kind string    `json:"kind"`
	Time time.Time `json:"time"`
	// Probes are the functions of the probes that caught it; By, where there are
	// none, who recovered it.
	Probes []string `json:"probes"`
	By     string   `json:"by,omitempty"`
	// Function and At are those of the innermost frame that is not the runtime's.
	Function string `json:"function"`
	At       string `json:"at"`
	// Type and Value are those of the panic or error.
	Type  string `json:"type"`
	Value string `json:"value"`
	// Goroutine is its id, 0 where it is not known.
	Goroutine uint64 `json:"goroutine"`
	// Request is the id of the request that it worked on, 0 where there is none.
	Request uint64  `json:"request"`
	Labels  []label `json:"labels,omitempty"`
	// PID and Build are those of the program, which may have ended.
	PID   int    `json:"pid"`
	Build string `json:"build,omitempty"`
	// Core is the size of the core in bytes; NoCore says why there is none.
	Core   int64  `json:"core"`
	NoCore string `json:"no_core,omitempty"`
	// Text is the traceback, in the form of a panic's.
	Text string `json:"text"`
	// Moved says that the stack was moved meanwhile: the addresses in Text are not
	// those of the core.
	Moved bool `json:"moved,omitempty"`
	// Registers says that the core has those of the innermost frame.
	Registers bool `json:"registers,omitempty"`

	core []byte // of those in memory
}

// label is a profiler label.
type label struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// weight is how many bytes it takes.
func (t *traceback) weight() int64 {
	n := 512 + len(t.Text) + len(t.Value) + len(t.NoCore)
	for _, l := range t.Labels {
		n += len(l.Key) + len(l.Value) + 32
	}
	return int64(n) + t.Core
}

// caughtBy says whether the probe on a function has caught it, or it happened in
// the function.
func (t *traceback) caughtBy(function string) bool {
	for _, p := range t.Probes {
		if p == function {
			return true
		}
	}
	return t.Function == function
}

// What a traceback may hold of one string.
const (
	maxValue = 4 << 10
	maxText  = 128 << 10
	maxLabel = 256
)

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// summary is the file of that name.
type summary struct {
	N         int       `json:"n"`
	Kind      string    `json:"kind"`
	Time      time.Time `json:"time"`
	Probes    []string  `json:"probes"`
	By        string    `json:"by,omitempty"`
	Function  string    `json:"function"`
	At        string    `json:"at"`
	Type      string    `json:"type"`
	Value     string    `json:"value"`
	Goroutine uint64    `json:"goroutine"`
	Request   uint64    `json:"request"`
	PID       int       `json:"pid"`
	Build     string    `json:"build,omitempty"`
	Core      int64     `json:"core"`
	NoCore    string    `json:"no_core,omitempty"`
}

func (t *traceback) summary() summary {
	return summary{t.N, t.Kind, t.Time, t.Probes, t.By, t.Function, t.At, t.Type, t.Value, t.Goroutine, t.Request, t.PID, t.Build, t.Core, t.NoCore}
}

// line is one of the file events and of the table of tracebacks.
func (t *traceback) line() []byte {
	b := t.Time.AppendFormat(nil, timeFormat)
	b = append(append(append(b, '\t'), t.Kind...), '\t')
	b = nodes.AppendEscaped(b, strings.Join(t.Probes, " "))
	b = append(b, "\ttracebacks/"...)
	b = strconv.AppendInt(b, int64(t.N), 10)
	b = append(b, '\t')
	b = nodes.AppendEscaped(b, t.Function)
	b = append(b, '\t')
	return nodes.AppendEscaped(b, cut(firstLine(t.Value), 200))
}

// timeFormat is RFC 3339 with milliseconds.
const timeFormat = "2006-01-02T15:04:05.000Z07:00"

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
