// Command target does what it is told on its standard input, a word a line, and
// answers each with a line: "ok" and something, or "error" and the reason.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/ispyd/ispyd/internal/probes/jump"
	"github.com/ispyd/ispyd/internal/probes/panics"
)

var hits, panicked atomic.Int64

var load struct {
	stop atomic.Bool
	wg   sync.WaitGroup
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		said, err := do(in.Text())
		if err != nil {
			said = fmt.Sprintf("error busy=%v unsupported=%v %v", errors.Is(err, syscall.EBUSY), errors.Is(err, errors.ErrUnsupported), err)
		} else {
			said = "ok " + said
		}
		fmt.Println(strings.ReplaceAll(said, "\n", "; "))
	}
}

func do(command string) (string, error) {
	switch command {
	case "install":
		return "", panics.Install(func(*panics.Panic) { hits.Add(1) })
	case "remove":
		return "", panics.Remove()
	case "installed":
		return fmt.Sprint(panics.Installed()), nil
	case "panic":
		before := hits.Load()
		once()
		return fmt.Sprint(hits.Load() - before), nil
	case "check":
		var failed []string
		for _, c := range panics.Check() {
			if !c.OK {
				failed = append(failed, c.Name+": "+c.Detail+" ("+c.Remedy+")")
			}
		}
		return strings.Join(failed, "; "), nil
	case "verify":
		d, err := jump.Verify()
		return fmt.Sprint(len(d)), err
	case "load":
		if err := pprof.StartCPUProfile(io.Discard); err != nil {
			return "", err
		}
		for range 8 {
			load.wg.Go(func() {
				for !load.stop.Load() {
					once()
					panicked.Add(1)
				}
			})
		}
		load.wg.Go(func() {
			for !load.stop.Load() {
				runtime.GC()
				if err := exec.Command("/bin/true").Run(); err != nil {
					fmt.Println("error", err)
				}
			}
		})
		return "", nil
	case "toggle": // 20 times, with panics in between
		for range 20 {
			if err := panics.Install(func(*panics.Panic) { hits.Add(1) }); err != nil {
				return "", err
			}
			for before := hits.Load(); hits.Load() < before+10; {
				runtime.Gosched()
			}
			if err := panics.Remove(); err != nil {
				return "", err
			}
		}
		return "", nil
	case "hits": // under load: until there are more
		for before := hits.Load(); hits.Load() < before+100; {
			runtime.Gosched()
		}
		return "", nil
	case "rest":
		load.stop.Store(true)
		load.wg.Wait()
		pprof.StopCPUProfile()
		return fmt.Sprint(panicked.Load() > 0), nil
	case "deny mmap":
		return "", deny(syscall.SYS_MMAP, 2, syscall.PROT_EXEC, syscall.PROT_EXEC, syscall.EPERM)
	case "deny mem":
		return "", deny(syscall.SYS_OPENAT, 2, syscall.O_ACCMODE, syscall.O_RDWR, syscall.EACCES)
	case "deny membarrier":
		return "", deny(324, 1, 0, 0, syscall.ENOSYS)
	}
	return "", fmt.Errorf("%s?", command)
}

//go:noinline
func once() {
	defer func() {
		if recover() == nil {
			fmt.Println("error: nothing to recover")
		}
	}()
	var p *int
	*p = 1
}
