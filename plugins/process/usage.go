//go:build unix

package process

import (
	"runtime"
	"syscall"

	"github.com/ispyd/ispyd/internal/report"
	"github.com/ispyd/ispyd/nodes"
)

// rusage adds what getrusage(2) tells of this process.
func rusage(r *report.Report) error {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return nodes.Errorf(nodes.ErrNotSupported, "getrusage: %v", err)
	}
	maxRSS := uint64(u.Maxrss) << 10
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		maxRSS = uint64(u.Maxrss) // the one system that counts bytes
	}
	r.Add("user", timeval(u.Utime), report.InSeconds, "CPU time spent in the program's code")
	r.Add("system", timeval(u.Stime), report.InSeconds, "CPU time spent in the kernel for the program")
	r.Add("maxrss", maxRSS, report.InBytes, "largest resident size so far")
	r.Add("minor_faults", uint64(u.Minflt), report.InCount, "page faults served without reading a disk")
	r.Add("major_faults", uint64(u.Majflt), report.InCount, "page faults that had to read a disk: slow; many mean that memory is short")
	r.Add("block_reads", uint64(u.Inblock), report.InCount, "times the file system had to read a disk")
	r.Add("block_writes", uint64(u.Oublock), report.InCount, "times the file system had to write a disk")
	r.Add("voluntary_switches", uint64(u.Nvcsw), report.InCount, "times a thread gave up its CPU to wait for something")
	r.Add("involuntary_switches", uint64(u.Nivcsw), report.InCount, "times a thread lost its CPU to another: many mean that CPUs are short")
	return nil
}

func timeval(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
