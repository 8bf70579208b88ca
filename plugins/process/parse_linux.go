package process

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/ispyd/ispyd/internal/report"
)

// ticksPerSecond is the unit of the times in /proc/*/stat. USER_HZ is 100 on
// every architecture that Go runs on.
const ticksPerSecond = 100

// taskStat is what is used of /proc/*/stat.
type taskStat struct {
	comm   string
	state  byte
	user   report.Seconds
	system report.Seconds
	start  report.Seconds // since the machine started
	cpu    int            // where it last ran
}

// parseStat parses /proc/*/stat. The name, in parentheses, may itself hold
// parentheses, spaces and line breaks.
func parseStat(b []byte) (taskStat, bool) {
	open := bytes.IndexByte(b, '(')
	shut := bytes.LastIndexByte(b, ')')
	if open < 0 || shut < open {
		return taskStat{}, false
	}
	f := bytes.Fields(b[shut+1:])
	// The third field of proc(5) is the first here.
	const first = 3
	if len(f) <= 39-first || len(f[0]) != 1 {
		return taskStat{}, false
	}
	ok := true
	field := func(n int) uint64 {
		v, err := strconv.ParseUint(string(f[n-first]), 10, 64)
		ok = ok && err == nil
		return v
	}
	s := taskStat{
		comm:   string(b[open+1 : shut]),
		state:  f[0][0],
		user:   report.Seconds(field(14)) / ticksPerSecond,
		system: report.Seconds(field(15)) / ticksPerSecond,
		start:  report.Seconds(field(22)) / ticksPerSecond,
		cpu:    int(field(39)),
	}
	return s, ok
}

// keyed is a file of lines "key value" or "key: value".
type keyed map[string]string

func parseKeyed(b []byte) keyed {
	m := make(keyed)
	for line := range strings.Lines(string(b)) {
		end := strings.IndexAny(line, " \t:")
		if end <= 0 {
			continue
		}
		m[line[:end]] = strings.TrimSpace(strings.TrimPrefix(line[end:], ":"))
	}
	return m
}

// number returns the first number of a value.
func (k keyed) number(key string) (uint64, bool) {
	v, ok := k[key]
	if !ok {
		return 0, false
	}
	v, _, _ = strings.Cut(v, " ")
	return parseQuantity(v)
}

// bytes returns a value in kB, as /proc/*/status has them, in bytes.
func (k keyed) bytes(key string) (uint64, bool) {
	v, ok := k[key]
	if !ok || !strings.HasSuffix(v, " kB") {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(v, " kB"), 10, 54)
	return n << 10, err == nil
}

// parseQuantity parses a number, or one of the kernel's words for unlimited.
func parseQuantity(s string) (uint64, bool) {
	s = strings.TrimSpace(s)
	if s == "max" || s == "unlimited" || s == "-1" {
		return report.Unlimited, true
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}

// stateName is the word for a state letter of /proc/*/stat.
func stateName(c byte) string {
	switch c {
	case 'R':
		return "running"
	case 'S':
		return "sleeping"
	case 'D':
		return "uninterruptible"
	case 'T':
		return "stopped"
	case 't':
		return "traced"
	case 'Z':
		return "zombie"
	case 'X', 'x':
		return "dead"
	case 'I':
		return "idle"
	case 'P':
		return "parked"
	}
	return "state-" + strconv.QuoteRune(rune(c))
}
