package inflight

import (
	"fmt"
	"time"

	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/internal/report"
	"github.com/ispyd/ispyd/internal/request"
)

// Caller is implemented by the owners of what is done for a request: requests that go
// out, calls, statements. So a request tells what it waits for, and the plugins
// need not know each other.
type Caller interface {
	// Cause returns the id of the request that it is done for, 0 for none.
	Cause() uint64
	// Call describes it as it may be shown; false where it has ended.
	Call(*redact.Redactor) (Call, bool)
}

// Call is what a request waits for, or has running beside it.
type Call struct {
	File  string // in the tree: where all of it is shown
	Age   time.Duration
	State string
	What  string // a URL, a method, a statement
}

// CallsOf returns what is being done for the request of an id, oldest first.
func CallsOf(id uint64, r *redact.Redactor) (calls []Call) {
	for _, live := range request.Live("") {
		c, ok := live.Owner().(Caller)
		if !ok || c.Cause() != id {
			continue
		}
		if call, ok := c.Call(r); ok {
			calls = append(calls, call)
		}
	}
	return calls
}

// maxCalls is how many are shown of one request.
const maxCalls = 100

// AppendCalls appends a line for each.
func AppendCalls(b []byte, calls []Call) []byte {
	for i, c := range calls {
		if i == maxCalls {
			return AppendLine(b, "calls_not_shown", uint64(len(calls)-i))
		}
		b = AppendLine(append(b, "call "...), c.File, fmt.Sprintf("%s, %s: %s", AppendCell(nil, c.Age), c.State, c.What))
	}
	return b
}

// AddCalls adds their array to an object.
func AddCalls(o *Object, calls []Call) {
	type call struct {
		File  string         `json:"file"`
		Age   report.Seconds `json:"age"`
		State string         `json:"state"`
		What  string         `json:"what"`
	}
	list := []call{}
	for _, c := range calls[:min(len(calls), maxCalls)] {
		list = append(list, call{c.File, report.Seconds(c.Age.Seconds()), c.State, c.What})
	}
	o.Add("calls", JSON(list))
	o.Add("calls_not_shown", JSON(len(calls)-len(list)))
}
