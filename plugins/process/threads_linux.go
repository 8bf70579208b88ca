package process

import (
	"context"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/ispyd/ispyd/internal/report"
)

const (
	taskDir    = "/proc/self/task"
	maxThreads = 1 << 14 // more are counted, not shown; Go itself stops at 10,000
)

// thread is one thread of the operating system.
type thread struct {
	TID         int             `json:"tid"`
	Name        report.Word     `json:"name"`
	State       string          `json:"state"`
	User        report.Seconds  `json:"user"`
	System      report.Seconds  `json:"system"`
	Waited      *report.Seconds `json:"waited"`
	CPU         int             `json:"cpu"`
	WChan       report.Word     `json:"wchan"`
	Voluntary   *uint64         `json:"voluntary"`
	Involuntary *uint64         `json:"involuntary"`
}

// threads lists the threads by their ids.
func (s system) threads(ctx context.Context) (table[thread], error) {
	ids, err := s.threadIDs()
	if err != nil {
		return table[thread]{}, err
	}
	slices.Sort(ids)
	t := table[thread]{more: max(0, len(ids)-maxThreads), what: "threads run"}
	ids = ids[:len(ids)-t.more]
	t.rows = make([]thread, 0, len(ids))
	buf := make([]byte, 4096)
	var denied error
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return table[thread]{}, err
		}
		th, err := s.thread(id, buf)
		if err != nil {
			denied = err // most are mere threads that ended meanwhile
			continue
		}
		t.rows = append(t.rows, th)
	}
	if len(t.rows) == 0 && denied != nil {
		return table[thread]{}, denied
	}
	return t, nil
}

func (s system) threadIDs() ([]int, error) {
	dir, err := os.Open(s.root + taskDir)
	if err != nil {
		return nil, explain(taskDir, err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil && err != io.EOF {
		return nil, explain(taskDir, err)
	}
	ids := make([]int, 0, len(names))
	for _, name := range names {
		if id, err := strconv.Atoi(name); err == nil {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (s system) thread(id int, buf []byte) (thread, error) {
	path := taskDir + "/" + strconv.Itoa(id) + "/"
	b, err := readSmall(s.root+path+"stat", buf)
	if err != nil {
		return thread{}, explain(path+"stat", err)
	}
	stat, ok := parseStat(b)
	if !ok {
		return thread{}, malformed(path + "stat")
	}
	t := thread{
		TID: id, Name: report.Word(stat.comm), State: stateName(stat.state),
		User: stat.user, System: stat.system, CPU: stat.cpu,
	}
	// The rest is left out where it cannot be read.
	if b, err := readSmall(s.root+path+"status", buf); err == nil {
		k := parseKeyed(b)
		t.Voluntary = optional(k.number("voluntary_ctxt_switches"))
		t.Involuntary = optional(k.number("nonvoluntary_ctxt_switches"))
	}
	if b, err := readSmall(s.root+path+"schedstat", buf); err == nil {
		t.Waited = parseWaited(b)
	}
	if b, err := readSmall(s.root+path+"wchan", buf); err == nil && string(b) != "0" {
		t.WChan = report.Word(b)
	}
	return t, nil
}

// parseWaited returns the second number of a schedstat file: how long the
// thread could have run and had no CPU, in nanoseconds.
func parseWaited(b []byte) *report.Seconds {
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return nil
	}
	n, err := strconv.ParseUint(f[1], 10, 64)
	if err != nil {
		return nil
	}
	waited := report.Seconds(float64(n) / 1e9)
	return &waited
}

func optional(n uint64, ok bool) *uint64 {
	if !ok {
		return nil
	}
	return &n
}
