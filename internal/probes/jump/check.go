//go:build linux && amd64

package jump

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"

	"github.com/ispyd/ispyd/internal/symbols/pclntab"
)

// Check looks at every condition that this process must meet, whether or not
// others are met. It changes no code.
func Check() []Condition {
	var out []Condition
	add := func(name, remedy string, f func() (string, error)) {
		detail, err := f()
		c := Condition{Name: name, OK: err == nil, Detail: detail}
		if err != nil {
			c.Detail, c.Remedy = err.Error(), remedy
		}
		out = append(out, c)
	}
	add("platform", "", func() (string, error) { return runtime.GOOS + "/" + runtime.GOARCH, nil })
	add("go version", "build with a verified version of Go", func() (string, error) {
		_, err := pclntab.Current()
		return runtime.Version(), err
	})
	add("function table", "build an ordinary executable, without -linkshared and plugins", func() (string, error) {
		t, err := pclntab.Open()
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%d functions", t.Len()), nil
	})
	add("not traced", "detach the debugger or strace", func() (string, error) { return "no tracer", Untraced() })
	add("code", "make /proc and the executable file readable by the process, and start it directly, not through ld.so", func() (string, error) {
		mu.Lock()
		defer mu.Unlock()
		_, err := start()
		return "as in the executable file", err
	})
	add("executable mapping", "allow mmap with PROT_EXEC (seccomp, SELinux execmem)", func() (string, error) { return "allowed", scratchErr() })
	add("/proc/self/mem", "mount /proc writable, allow the process to open its own mem (seccomp, prctl PR_SET_DUMPABLE, kernel option proc_mem.force_override)", func() (string, error) {
		if err := scratchErr(); err != nil {
			return "", errors.New("not tried: no executable mapping")
		}
		mu.Lock()
		defer mu.Unlock()
		return "writable", poke(scratchPage, []byte{0xcc})
	})
	add("membarrier", "Linux 4.16 or later; allow membarrier (seccomp)", func() (string, error) {
		return "available", register()
	})
	return out
}

// scratch is a page to try things on, mapped at the first check for good.
var (
	scratchMu   sync.Mutex
	scratchPage uintptr
)

func scratchErr() error {
	scratchMu.Lock()
	defer scratchMu.Unlock()
	if scratchPage != 0 {
		return nil
	}
	p, _, errno := syscall.RawSyscall6(syscall.SYS_MMAP, 0, pageSize, syscall.PROT_READ|syscall.PROT_EXEC,
		syscall.MAP_PRIVATE|syscall.MAP_ANONYMOUS, ^uintptr(0), 0)
	if errno != 0 {
		return os.NewSyscallError("mmap", errno)
	}
	scratchPage = p
	return nil
}
