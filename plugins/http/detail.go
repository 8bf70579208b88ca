package http

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/ispyd/ispyd/internal/report"
	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
)

// detail is requests/ID.
type detail struct {
	*view
	family *family
	id     uint64
}

// line is one fact about a request: a name, and a value as table cells have it.
type line struct {
	name  string
	value any
}

// account is all that is known of a request.
type account struct {
	lines   []line
	headers []field // of the request, sorted, as they may be shown
	more    int     // headers that are not known
	log     [][]byte
	dropped int // log lines before log
	callers []runtime.Frame
	phases  []line
	since   time.Time // its start, or its end: older stacks tell nothing
	ended   bool
}

// maxValue is how many bytes of a header's value are shown.
const maxValue = 4 << 10

// account collects what is known, false where the request is gone.
func (d *detail) account() (*account, bool) {
	if r := request.Lookup(d.id); r != nil && r.Kind() == d.family.kind {
		o := r.Owner().(running)
		if e, ok := o.now(); ok {
			e.pattern = o.pattern()
			a := &account{since: e.start}
			a.log, a.dropped = r.Lines()
			switch o := o.(type) {
			case *serving:
				d.addIncoming(a, o, &e)
			case *calling:
				d.addOutgoing(a, o, &e)
			}
			return a, true
		}
	}
	e, ok := d.family.find(d.id)
	if !ok {
		return nil, false
	}
	a := &account{since: e.start.Add(e.took), ended: true}
	a.lines = d.common(&e, "duration")
	if d.family == incoming {
		a.add("route", e.pattern)
	} else {
		a.add("request", number(e.cause))
		a.add("error", d.redact.Text(e.err))
	}
	a.add("ended", e.start.Add(e.took))
	return a, true
}

func (a *account) add(name string, value any) { a.lines = append(a.lines, line{name, value}) }

// common are the lines that all requests have.
func (d *detail) common(e *entry, took string) []line {
	return []line{
		{"id", e.id},
		{"start", e.start},
		{took, e.took},
		{"state", e.state},
		{"method", e.method},
		{"url", d.redact.URL(e.url)},
		{"protocol", e.proto},
		{"host", e.host},
		{"remote", e.remote},
		{"status", number(e.status)},
		{"received", uint64(e.in)},
		{"sent", uint64(e.out)},
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
	a.add("request", number(e.cause))
	a.add("connection_reused", strconv.FormatBool(c.reused.Load()))
	for i, name := range phaseNames {
		if t := c.at(i); t != 0 {
			a.phases = append(a.phases, line{name, t - 1})
		}
	}
	sort.SliceStable(a.phases, func(i, j int) bool {
		return a.phases[i].value.(time.Duration) < a.phases[j].value.(time.Duration)
	})
	for it := runtime.CallersFrames(slices.DeleteFunc(slices.Clone(c.callers[:]), func(pc uintptr) bool { return pc == 0 })); ; {
		f, more := it.Next()
		if f.Function != "" {
			a.callers = append(a.callers, f)
		}
		if !more {
			return
		}
	}
}

func (d *detail) text(ctx context.Context, w io.Writer) error {
	a, ok := d.account()
	if !ok {
		return gone(d.id)
	}
	var b []byte
	row := func(prefix, name string, v any) {
		b = nodes.AppendEscaped(append(b, prefix...), name)
		b = append(appendCell(append(b, '\t'), v), '\n')
	}
	for _, l := range a.lines {
		row("", l.name, l.value)
	}
	for _, h := range a.headers {
		row("header ", h.name, h.value)
	}
	if a.more > 0 {
		row("", "headers_not_kept", uint64(a.more))
	}
	for _, p := range a.phases {
		row("at ", p.name, p.value)
	}
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
		for _, f := range a.callers {
			b = fmt.Appendf(b, "%s(...)\n\t%s:%d\n", f.Function, f.File, f.Line)
		}
	} else {
		b = d.stacks(ctx, a).appendText(b)
	}
	_, err := w.Write(b)
	return err
}

func (d *detail) json(ctx context.Context, w io.Writer) error {
	a, ok := d.account()
	if !ok {
		return gone(d.id)
	}
	b := []byte{'{'}
	member := func(name string, v []byte) {
		if len(b) > 1 {
			b = append(b, ",\n"...)
		}
		b = append(append(append(b, jsonOf(name)...), ':'), v...)
	}
	scalar := func(v any) []byte {
		switch v := v.(type) {
		case time.Time:
			return jsonOf(v.Format(timeFormat))
		case time.Duration:
			return jsonOf(report.Seconds(v.Seconds()))
		}
		return jsonOf(v)
	}
	for _, l := range a.lines {
		member(l.name, scalar(l.value))
	}
	if d.family == incoming {
		if !a.ended {
			headers := map[string][]string{}
			for _, h := range a.headers {
				headers[h.name] = append(headers[h.name], h.value)
			}
			member("headers", jsonOf(headers))
			member("headers_not_kept", jsonOf(a.more))
			log := []string{}
			for _, l := range a.log {
				log = append(log, string(l))
			}
			member("log", jsonOf(log))
			member("log_dropped", jsonOf(a.dropped))
		}
		for _, m := range d.stacks(ctx, a).members() {
			member(m.name, m.value.([]byte))
		}
	} else {
		phases := map[string]report.Seconds{}
		for _, p := range a.phases {
			phases[p.name] = report.Seconds(p.value.(time.Duration).Seconds())
		}
		member("at", jsonOf(phases))
		type call struct {
			Func string `json:"func"`
			File string `json:"file"`
			Line int    `json:"line"`
		}
		calls := []call{}
		for _, f := range a.callers {
			calls = append(calls, call{f.Function, f.File, f.Line})
		}
		member("callers", jsonOf(calls))
	}
	_, err := w.Write(append(b, "}\n"...))
	return err
}
