package debugger_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/internal/need"
)

// While a tracer is attached nothing is put in, and the error names it. One that is
// attached afterwards does not disturb what is in; what is removed meanwhile goes when
// the tracer has gone.
func TestTraced(t *testing.T) {
	needEngine(t)
	v := start(t, binary(t), on)
	tracer, detach := need.Strace(t, v.cmd.Process.Pid)
	for _, line := range []string{"insert main.(*Shop).order", "insert -error main.(*Shop).pay", "observe main.(*Shop).pay"} {
		if got, want := v.do("ctl %s", line), fmt.Sprintf("this process is traced by process %d (strace)", tracer); !strings.Contains(got, want) {
			t.Errorf("%s: %q, not %q", line, got, want)
		}
	}
	if got := v.do("read status"); !strings.Contains(got, fmt.Sprintf("not traced\tfailed\tthis process is traced by process %d", tracer)) {
		t.Errorf("status:\n%s", got)
	}
	if got := v.do("read probes"); strings.Contains(got, "main.") {
		t.Errorf("probes:\n%s", got)
	}
	detach()
	v.want("ok", "ctl insert main.(*Shop).order")
	v.want("ok", "ctl insert -error main.(*Shop).pay")

	tracer, detach = need.Strace(t, v.cmd.Process.Pid)
	v.want("runtime error: index out of range [7] with length 2", "order 7")
	v.await("tracebacks/1/panic", "index out of range [7]")
	v.want("0 170 cents: too much", "pay 170")
	v.await("tracebacks/2/panic", "170 cents")
	for n, f := range []string{"order", "pay"} {
		got := v.do("ctl remove main.(*Shop).%s", f)
		if strings.Count(got, fmt.Sprintf("traced by process %d", tracer)) != 1 || !strings.HasPrefix(got, "removal pending") {
			t.Errorf("remove %s: %q", f, got)
		}
		if got := v.do("read probes"); strings.Count(got, "removal pending: this process is traced by") != n+1 {
			t.Errorf("probes after remove %s:\n%s", f, got)
		}
	}
	if got := v.do("ctl off"); strings.Count(got, "traced by") != 1 {
		t.Errorf("off: %q", got)
	}
	if got := v.do("read probes"); strings.Count(got, "removal pending") != 2 {
		t.Errorf("probes after off:\n%s", got)
	}
	if got := v.do("read status"); !strings.Contains(got, "engine\ton\t") || !strings.Contains(got, "of 2 the removal is pending") {
		t.Errorf("status:\n%s", got)
	}
	v.want("0 180 cents: too much", "pay 180")
	if got := v.do("verify"); got == "0 <nil>" {
		t.Errorf("the text has been restored under the tracer")
	}
	v.want("runtime error: index out of range [8] with length 2", "order 8")
	detach()
	await(t, "the text as it was", func() bool { return v.do("verify") == "0 <nil>" })
	await(t, "the end of the probes", func() bool { return !strings.Contains(v.do("read probes"), "main.") })
	if got := v.do("list tracebacks"); got != "1 2" {
		t.Errorf("tracebacks %s", got)
	}
	v.want("ok", "ctl insert main.(*Shop).order")
	v.want("runtime error: index out of range [9] with length 2", "order 9")
	v.await("tracebacks/3/panic", "index out of range [9]")
	v.want("<nil>", "close")
	v.want("0 <nil>", "verify")
}

// A change of the limits reaches the probes on errors that are in.
func TestLimitsOfErrors(t *testing.T) {
	needEngine(t)
	v := start(t, binary(t), on+"rate = 0.001\nburst = 1\nshare = 100\n")
	v.want("ok", "ctl insert -error main.(*Shop).pay")
	v.want("0 170 cents: too much", "pay 170")
	v.await("tracebacks/1/panic", "170 cents")
	v.want("0 171 cents: too much", "pay 171")
	v.want("ok", "ctl limit rate=1000 burst=100")
	v.want("0 172 cents: too much", "pay 172")
	v.await("tracebacks/2/panic", "172 cents")
	v.want("ok", "ctl limit share=0.00001")
	v.want("ok", "crowd 5000")
	v.await("events", "remove\tmain.(*Shop).pay")
	v.want("<nil>", "close")
}
