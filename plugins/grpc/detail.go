package grpc

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/ispyd/ispyd/internal/inflight"
)

// detail is calls/ID.
type detail struct {
	*view
	family *family
	id     uint64
}

// account is all that is known of a call.
type account struct {
	lines    []inflight.Line
	metadata map[string][]string // as it may be shown
	more     int                 // values that are not in it
	calls    []inflight.Call     // of an incoming call: what it waits for
	log      [][]byte
	dropped  int // log lines before log
	callers  []uintptr
	since    time.Time // its start, or its end: older stacks tell nothing
	ended    bool
}

// How much of the metadata is shown.
const (
	maxValues = 64
	maxValue  = 4 << 10
)

func (a *account) add(name string, value any) {
	a.lines = append(a.lines, inflight.Line{Name: name, Value: value})
}

// account collects what is known, false where the call is gone.
func (d *detail) account() (*account, bool) {
	if r := d.family.Running(d.id); r != nil {
		c := r.Owner().(*call)
		e := c.entry()
		a := &account{since: e.start, callers: c.callers[:]}
		d.common(a, &e, "age")
		a.add("last_received", c.in.at())
		a.add("last_sent", c.out.at())
		if left, ok := c.left(); ok {
			a.add("deadline_left", left)
		} else {
			a.add("deadline_left", "no deadline")
		}
		a.add("security", c.security())
		if h := c.header.Load(); h != nil {
			a.add("local", h.local)
			a.add("authority", h.authority)
			a.add("compression", h.compression)
			d.addMetadata(a, h.metadata)
		}
		a.log, a.dropped = r.Lines()
		if d.family == incoming {
			a.calls = inflight.CallsOf(e.id, d.redact)
		}
		return a, true
	}
	e, ok := d.family.Find(d.id)
	if !ok {
		return nil, false
	}
	a := &account{since: e.start.Add(e.took), ended: true}
	d.common(a, &e, "duration")
	a.add("error", d.redact.Text(e.err))
	a.add("ended", a.since)
	return a, true
}

// common are the lines that all calls have.
func (d *detail) common(a *account, e *entry, took string) {
	a.add("id", e.id)
	a.add("start", e.start)
	a.add(took, e.took)
	a.add("state", e.state)
	a.add("code", e.code)
	a.add("method", e.method)
	a.add("type", e.kind)
	a.add("peer", e.peer)
	a.add("request", inflight.Number(e.cause))
	a.add("messages_in", uint64(e.messagesIn))
	a.add("messages_out", uint64(e.messagesOut))
	a.add("received", uint64(e.bytesIn))
	a.add("sent", uint64(e.bytesOut))
}

func (d *detail) addMetadata(a *account, md map[string][]string) {
	a.metadata = map[string][]string{}
	n := 0
	for _, name := range slices.Sorted(maps.Keys(md)) {
		for _, v := range md[name] {
			if n++; n > maxValues {
				a.more++
				continue
			}
			v = d.redact.Value(name, v)
			if len(v) > maxValue {
				v = fmt.Sprintf("%s... (%d bytes)", v[:maxValue], len(v))
			}
			a.metadata[name] = append(a.metadata[name], v)
		}
	}
}

// ownFrame is the function that all that serves a call has on its stack.
var ownFrame = inflight.Worker(serve)

func (d *detail) text(ctx context.Context, w io.Writer) error {
	a, ok := d.account()
	if !ok {
		return d.family.Gone(d.id)
	}
	var b []byte
	for _, l := range a.lines {
		b = inflight.AppendLine(b, l.Name, l.Value)
	}
	for _, name := range slices.Sorted(maps.Keys(a.metadata)) {
		for _, v := range a.metadata[name] {
			b = inflight.AppendLine(append(b, "metadata "...), name, v)
		}
	}
	if a.more > 0 {
		b = inflight.AppendLine(b, "metadata_not_shown", uint64(a.more))
	}
	b = inflight.AppendCalls(b, a.calls)
	if a.dropped > 0 {
		b = inflight.AppendLine(b, "log_dropped", uint64(a.dropped))
	}
	for _, l := range a.log {
		b = inflight.AppendLine(b, "log", string(l))
	}
	if d.family == incoming {
		b = d.dumps.Stacks(ctx, d.redact, d.id, a.since, ownFrame).AppendText(b)
	} else if !a.ended {
		b = inflight.AppendFrames(append(b, "\n# called by\n"...), inflight.Frames(a.callers))
	}
	_, err := w.Write(b)
	return err
}

func (d *detail) json(ctx context.Context, w io.Writer) error {
	a, ok := d.account()
	if !ok {
		return d.family.Gone(d.id)
	}
	var o inflight.Object
	for _, l := range a.lines {
		o.Add(l.Name, inflight.Scalar(l.Value))
	}
	if !a.ended {
		o.Add("metadata", inflight.JSON(a.metadata))
		o.Add("metadata_not_shown", inflight.JSON(a.more))
		if d.family == incoming {
			inflight.AddCalls(&o, a.calls)
		}
		log := []string{}
		for _, l := range a.log {
			log = append(log, string(l))
		}
		o.Add("log", inflight.JSON(log))
		o.Add("log_dropped", inflight.JSON(a.dropped))
	}
	if d.family == incoming {
		for _, m := range d.dumps.Stacks(ctx, d.redact, d.id, a.since, ownFrame).Members() {
			o.Add(m.Name, m.Value.([]byte))
		}
	} else if !a.ended {
		o.Add("callers", inflight.FramesJSON(inflight.Frames(a.callers)))
	}
	_, err := o.WriteTo(w)
	return err
}
