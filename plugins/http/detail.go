package http

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"runtime"
	"sort"
	"strconv"
	"time"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/report"
)

// detail is requests/ID.
type detail struct {
	*view
	family *family
	id     uint64
}

// account is all that is known of a request.
type account struct {
	lines   []inflight.Line
	headers []field // of the request, sorted, as they may be shown
	more    int     // headers that are not known
	log     [][]byte
	dropped int             // log lines before log
	calls   []inflight.Call // of an incoming request: what it waits for
	callers []runtime.Frame
	phases  []inflight.Line
	since   time.Time // its start, or its end: older stacks tell nothing
	ended   bool
}

// maxValue is how many bytes of a header's value are shown.
const maxValue = 4 << 10

// account collects what is known, false where the request is gone.
func (d *detail) account() (*account, bool) {
	if r := d.family.Running(d.id); r != nil {
		o := r.Owner().(running)
		if e, ok := o.now(); ok {
			e.pattern = o.pattern()
			a := &account{since: e.start}
			a.log, a.dropped = r.Lines()
			switch o := o.(type) {
			case *serving:
				d.addIncoming(a, o, &e)
				a.calls = inflight.CallsOf(e.id, d.redact)
			case *calling:
				d.addOutgoing(a, o, &e)
			}
			return a, true
		}
	}
	e, ok := d.family.Find(d.id)
	if !ok {
		return nil, false
	}
	a := &account{since: e.start.Add(e.took), ended: true}
	a.lines = d.common(&e, "duration")
	if d.family == incoming {
		a.add("route", e.pattern)
	} else {
		a.add("request", inflight.Number(e.cause))
		a.add("error", d.redact.Text(e.err))
	}
	a.add("ended", e.start.Add(e.took))
	return a, true
}

func (a *account) add(name string, value any) {
	a.lines = append(a.lines, inflight.Line{Name: name, Value: value})
}

// common are the lines that all requests have.
func (d *detail) common(e *entry, took string) []inflight.Line {
	return []inflight.Line{
		{Name: "id", Value: e.id},
		{Name: "start", Value: e.start},
		{Name: took, Value: e.took},
		{Name: "state", Value: e.state},
		{Name: "method", Value: e.method},
		{Name: "url", Value: d.redact.URL(e.url)},
		{Name: "protocol", Value: e.proto},
		{Name: "host", Value: e.host},
		{Name: "remote", Value: e.remote},
		{Name: "status", Value: inflight.Number(e.status)},
		{Name: "received", Value: uint64(e.in)},
		{Name: "sent", Value: uint64(e.out)},
	}
}

func (d *detail) addIncoming(a *account, s *serving, e *entry) {
	a.lines = d.common(e, "age")
	a.add("route", e.pattern)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	switch n := s.r.ContentLength; {
	case n >= 0:
		a.add("content_length", uint64(n))
	default:
		a.add("content_length", "not known")
	}
	if t := s.r.TLS; t != nil {
		a.add("tls", tls.VersionName(t.Version))
		a.add("tls_cipher", tls.CipherSuiteName(t.CipherSuite))
		a.add("tls_server_name", t.ServerName)
		a.add("tls_protocol", t.NegotiatedProtocol)
		a.add("tls_client_certificates", uint64(len(t.PeerCertificates)))
	}
	for _, h := range s.headers.list {
		v := d.redact.Value(h.name, h.value)
		if len(v) > maxValue {
			v = fmt.Sprintf("%s... (%d bytes)", v[:maxValue], len(v))
		}
		a.headers = append(a.headers, field{h.name, v})
	}
	a.more = s.headers.more
	sort.SliceStable(a.headers, func(i, j int) bool { return a.headers[i].name < a.headers[j].name })
}

func (d *detail) addOutgoing(a *account, c *calling, e *entry) {
	a.lines = d.common(e, "age")
	a.add("request", inflight.Number(e.cause))
	a.add("connection_reused", strconv.FormatBool(c.reused.Load()))
	for i, name := range phaseNames {
		if t := c.at(i); t != 0 {
			a.phases = append(a.phases, inflight.Line{Name: name, Value: t - 1})
		}
	}
	sort.SliceStable(a.phases, func(i, j int) bool {
		return a.phases[i].Value.(time.Duration) < a.phases[j].Value.(time.Duration)
	})
	a.callers = inflight.Frames(c.callers[:])
}

// ownFrame is the function that all that works on a request has on its stack.
var ownFrame = inflight.Worker((*handler).ServeHTTP)

func (d *detail) stacks(ctx context.Context, a *account) *inflight.Stacks {
	return d.dumps.Stacks(ctx, d.redact, d.id, a.since, ownFrame)
}

func (d *detail) text(ctx context.Context, w io.Writer) error {
	a, ok := d.account()
	if !ok {
		return d.family.Gone(d.id)
	}
	var b []byte
	row := func(prefix, name string, v any) {
		b = inflight.AppendLine(append(b, prefix...), name, v)
	}
	for _, l := range a.lines {
		row("", l.Name, l.Value)
	}
	for _, h := range a.headers {
		row("header ", h.name, h.value)
	}
	if a.more > 0 {
		row("", "headers_not_kept", uint64(a.more))
	}
	for _, p := range a.phases {
		row("at ", p.Name, p.Value)
	}
	b = inflight.AppendCalls(b, a.calls)
	if a.dropped > 0 {
		row("", "log_dropped", uint64(a.dropped))
	}
	for _, l := range a.log {
		row("", "log", string(l))
	}
	if d.family == outgoing {
		if len(a.callers) > 0 {
			b = append(b, "\n# called by\n"...)
		}
		b = inflight.AppendFrames(b, a.callers)
	} else {
		b = d.stacks(ctx, a).AppendText(b)
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
	if d.family == incoming {
		if !a.ended {
			headers := map[string][]string{}
			for _, h := range a.headers {
				headers[h.name] = append(headers[h.name], h.value)
			}
			o.Add("headers", inflight.JSON(headers))
			o.Add("headers_not_kept", inflight.JSON(a.more))
			inflight.AddCalls(&o, a.calls)
			log := []string{}
			for _, l := range a.log {
				log = append(log, string(l))
			}
			o.Add("log", inflight.JSON(log))
			o.Add("log_dropped", inflight.JSON(a.dropped))
		}
		for _, m := range d.stacks(ctx, a).Members() {
			o.Add(m.Name, m.Value.([]byte))
		}
	} else {
		phases := map[string]report.Seconds{}
		for _, p := range a.phases {
			phases[p.Name] = report.Seconds(p.Value.(time.Duration).Seconds())
		}
		o.Add("at", inflight.JSON(phases))
		o.Add("callers", inflight.FramesJSON(a.callers))
	}
	_, err := o.WriteTo(w)
	return err
}
