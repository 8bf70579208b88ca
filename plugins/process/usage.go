//go:build unix

package process

import (
	"runtime"
	"syscall"

	"github.com/ispyd/ispyd/nodes"
)

// rusage adds what getrusage(2) tells of this process.
func rusage(r *report) error {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return nodes.Errorf(nodes.ErrNotSupported, "getrusage: %v", err)
	}
	maxRSS := uint64(u.Maxrss) << 10
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		maxRSS = uint64(u.Maxrss) // the one system that counts bytes
	}
	r.add("user", timeval(u.Utime), inSeconds, "CPU time spent in the program's code")
	r.add("system", timeval(u.Stime), inSeconds, "CPU time spent in the kernel for the program")
	r.add("maxrss", maxRSS, inBytes, "largest resident size so far")
	r.add("minor_faults", uint64(u.Minflt), inCount, "page faults served without reading a disk")
	r.add("major_faults", uint64(u.Majflt), inCount, "page faults that had to read a disk: slow; many mean that memory is short")
	r.add("block_reads", uint64(u.Inblock), inCount, "times the file system had to read a disk")
	r.add("block_writes", uint64(u.Oublock), inCount, "times the file system had to write a disk")
	r.add("voluntary_switches", uint64(u.Nvcsw), inCount, "times a thread gave up its CPU to wait for something")
	r.add("involuntary_switches", uint64(u.Nivcsw), inCount, "times a thread lost its CPU to another: many mean that CPUs are short")
	return nil
}

func timeval(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
