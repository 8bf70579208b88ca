package process

import (
	"context"
	"os"
	"strings"
	"syscall"

	"github.com/ispyd/ispyd/internal/report"
)

// limit is one resource limit.
type limit struct {
	Limit string           `json:"limit"`
	Soft  report.Quantity  `json:"soft"`
	Hard  report.Quantity  `json:"hard"`
	Unit  report.Word      `json:"unit"`
	Used  *report.Quantity `json:"used"`
}

// parseLimits parses /proc/self/limits: columns of fixed width, under a header.
func parseLimits(b []byte) ([]limit, bool) {
	var list []limit
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, " \n")
		// "Max open files            20000                20000                files"
		const soft, hard, unit = 26, 47, 68
		if strings.HasPrefix(line, "Limit ") || len(line) <= hard {
			continue
		}
		name := strings.TrimPrefix(strings.TrimSpace(line[:soft]), "Max ")
		s, ok1 := parseQuantity(line[soft:hard])
		h, ok2 := parseQuantity(line[hard:min(unit, len(line))])
		if name == "" || !ok1 || !ok2 {
			return nil, false
		}
		l := limit{Limit: name, Soft: report.Quantity(s), Hard: report.Quantity(h)}
		if len(line) > unit {
			l.Unit = report.Word(strings.TrimSpace(line[unit:]))
		}
		list = append(list, l)
	}
	return list, len(list) > 0
}

// limits returns the resource limits and, where it is known, how much of each
// is used.
func (s system) limits(ctx context.Context) ([]limit, error) {
	b, err := s.read("/proc/self/limits")
	if err != nil {
		return nil, err
	}
	list, ok := parseLimits(b)
	if !ok {
		return nil, malformed("/proc/self/limits")
	}
	used := s.used(ctx)
	for i := range list {
		if n, ok := used[list[i].Limit]; ok {
			list[i].Used = &n
		}
	}
	return list, nil
}

// used returns how much is used under each limit; what cannot be read is
// missing.
func (s system) used(ctx context.Context) map[string]report.Quantity {
	used := make(map[string]report.Quantity)
	if n, err := s.countFDs(ctx); err == nil {
		used["open files"] = report.Quantity(n)
	}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err == nil {
		used["cpu time"] = report.Quantity(timeval(u.Utime) + timeval(u.Stime))
	}
	b, err := s.read("/proc/self/status")
	if err != nil {
		return used
	}
	status := parseKeyed(b)
	for name, key := range map[string]string{
		"address space": "VmSize", "data size": "VmData", "stack size": "VmStk", "locked memory": "VmLck", "resident set": "VmRSS",
	} {
		if n, ok := status.bytes(key); ok {
			used[name] = report.Quantity(n)
		}
	}
	queued, _, _ := strings.Cut(status["SigQ"], "/")
	if n, ok := parseQuantity(queued); ok {
		used["pending signals"] = report.Quantity(n)
	}
	return used
}

// countFDs returns how many descriptors are open.
func (s system) countFDs(ctx context.Context) (int, error) {
	// Since Linux 6.2 the size of the directory is their number.
	if info, err := os.Stat(s.root + fdDir); err == nil && info.Size() > 0 {
		return int(info.Size()), nil
	}
	n := 0
	err := s.eachFD(ctx, func(int) error { n++; return nil })
	return n, err
}
