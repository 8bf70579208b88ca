package goroutines

import (
	"runtime"
	"strings"
)

// waits names what a goroutine is blocked in by the function that blocks it, in
// the words of the standard dump. The trace tells no reason for goroutines that
// did nothing while it was taken, but their stacks do.
var waits = map[string]string{
	"runtime.chanrecv":                       "chan receive",
	"runtime.chanrecv1":                      "chan receive",
	"runtime.chanrecv2":                      "chan receive",
	"runtime.chansend":                       "chan send",
	"runtime.chansend1":                      "chan send",
	"runtime.selectgo":                       "select",
	"runtime.block":                          "select (no cases)",
	"internal/sync.runtime_SemacquireMutex":  "sync.Mutex.Lock",
	"sync.runtime_SemacquireMutex":           "sync.Mutex.Lock",
	"sync.runtime_SemacquireRWMutexR":        "sync.RWMutex.RLock",
	"sync.runtime_SemacquireRWMutex":         "sync.RWMutex.Lock",
	"sync.runtime_SemacquireWaitGroup":       "sync.WaitGroup.Wait",
	"sync.runtime_Semacquire":                "semacquire",
	"internal/poll.runtime_Semacquire":       "semacquire",
	"runtime.semacquire":                     "semacquire",
	"sync.runtime_notifyListWait":            "sync.Cond.Wait",
	"internal/poll.runtime_pollWait":         "IO wait",
	"internal/poll.runtime_pollWaitCanceled": "IO wait",
	"time.Sleep":                             "sleep",
	"runtime.gcParkAssist":                   "GC assist wait",
	"runtime.gcAssistAlloc":                  "GC assist wait",
	"runtime.gcWaitOnMark":                   "wait for GC cycle",
	"runtime.gcParkStrongFromWeak":           "GC weak to strong wait",
	"runtime.coroswitch":                     "coroutine",
	"runtime.corostart":                      "coroutine",
	"runtime.ReadTrace":                      "trace reader (blocked)",
	"runtime.stopTheWorld":                   "stopping the world",
	"runtime.runFinalizers":                  "finalizer wait",
	"runtime.(*cleanupQueue).dequeue":        "cleanup wait",
	"runtime.asyncPreempt2":                  "preempted",
	"internal/synctest.Run":                  "synctest.Run",
	"internal/synctest.Wait":                 "synctest.Wait",
	"runtime/trace.runtime_readTrace":        "trace reader (blocked)",
}

// traceWaits translates the reasons that the trace gives with an event.
var traceWaits = map[string]string{
	"chan receive":                 "chan receive",
	"chan send":                    "chan send",
	"select":                       "select",
	"network":                      "IO wait",
	"sleep":                        "sleep",
	"sync.(*Cond).Wait":            "sync.Cond.Wait",
	"sync":                         "semacquire",
	"forever":                      "select (no cases)",
	"preempted":                    "preempted",
	"synctest":                     "synctest.Wait",
	"wait until GC ends":           "wait for GC cycle",
	"GC mark assist wait for work": "GC assist wait",
	"GC weak to strong wait":       "GC weak to strong wait",
}

// traceReasons are the reasons that matter of those for which, in the words of
// the trace, a goroutine stopped.
var traceReasons = func() map[string]bool {
	m := map[string]bool{}
	for r := range traceWaits {
		m[r] = true
	}
	return m
}()

// waitReason says what a waiting goroutine with this stack is blocked in; event
// is the trace's own word for it, or "". It is "" where neither tells.
func waitReason(frames []Frame, event string) string {
	for _, f := range frames {
		r, ok := waits[f.Func]
		if !ok {
			if strings.HasPrefix(f.Func, "runtime.") {
				continue
			}
			break
		}
		if r == "chan receive" || r == "chan send" {
			if event == "forever" || nilChannel(f) {
				return r + " (nil chan)"
			}
		}
		return r
	}
	return traceWaits[event]
}

// nilChannel reports whether f is the place in runtime.chanrecv or chansend
// where a goroutine that uses a nil channel stops for ever. It is in the first
// lines of these functions; the ordinary place is some hundred lines below.
func nilChannel(f Frame) bool {
	if f.Func != "runtime.chanrecv" && f.Func != "runtime.chansend" {
		return false
	}
	fn := runtime.FuncForPC(f.PC)
	if fn == nil {
		return false
	}
	_, first := fn.FileLine(fn.Entry())
	return f.Line-first < 40
}
