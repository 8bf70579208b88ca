package inflight

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/internal/request"
)

// called is work of another plugin.
type called struct {
	cause uint64
	n     int
	ended bool
}

func (c *called) Cause() uint64 { return c.cause }

func (c *called) Call(*redact.Redactor) (Call, bool) {
	return Call{fmt.Sprint("x/", c.n), time.Second, "running", "one\ttwo"}, !c.ended
}

func TestCalls(t *testing.T) {
	cause := request.New("test")
	defer cause.Done()
	start := func(owner any) {
		r := new(request.Request)
		r.Start("called", owner)
		t.Cleanup(r.Done)
	}
	start(&called{cause: cause.ID() + 1000})
	start(&called{cause: cause.ID(), ended: true})
	start("owned by something else")
	for n := range maxCalls + 2 {
		start(&called{cause: cause.ID(), n: n})
	}
	calls := CallsOf(cause.ID(), nil)
	lines := strings.Split(string(AppendCalls(nil, calls)), "\n")
	if len(lines) != maxCalls+2 || lines[0] != "call x/0\t1s, running: one\\ttwo" || lines[maxCalls] != "calls_not_shown\t2" {
		t.Errorf("%d lines: %q, %q", len(lines), lines[0], lines[len(lines)-2:])
	}
	var o Object
	AddCalls(&o, calls[:1])
	var b bytes.Buffer
	o.WriteTo(&b)
	want := `{"calls":[{"file":"x/0","age":1,"state":"running","what":"one\ttwo"}],` + "\n" + `"calls_not_shown":0}` + "\n"
	if b.String() != want {
		t.Errorf("%s, want %s", &b, want)
	}
}
