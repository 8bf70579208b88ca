package inflight

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/ispyd/ispyd/internal/goroutines"
	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
)

// Stacks are the goroutines of one request: those with its label.
type Stacks struct {
	redact *redact.Redactor
	own    string
	label  string
	ended  bool // the request has
	dump   *goroutines.Dump
	ids    []uint64
	groups []goroutines.Group // instead of ids, where these are not known
	conns  int                // goroutines that serve a connection: they are left out
	err    error
}

// maxGoroutines is how many are shown of one request.
const maxGoroutines = 1000

// Worker returns the name of a function as stacks show it: one that all that works
// on a request has on its stack, and that what a handler starts has not.
func Worker(f any) string { return runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name() }

func (s *Stacks) works(frames []goroutines.Frame) bool {
	return slices.ContainsFunc(frames, func(f goroutines.Frame) bool { return f.Func == s.own })
}

// Stacks looks for the goroutines with the label of the request of an id, which
// began at since (or ended then), and tells them apart by the name of the
// function that serves it, as [Worker] returns it.
func (k *Dumps) Stacks(ctx context.Context, r *redact.Redactor, id uint64, since time.Time, own string) *Stacks {
	s := &Stacks{redact: r, own: own, label: strconv.FormatUint(id, 10)}
	if s.dump, s.err = k.Get(ctx, since); s.err != nil {
		return s
	}
	s.ended = request.Lookup(id) == nil
	ids := s.dump.Labelled(request.Label, s.label)
	s.ids, s.conns = withoutConns(s.dump, ids)
	if len(ids) > 0 || s.dump.HasIDs() && s.ended && s.dump.Labels == nil {
		return s
	}
	// A request in flight has a goroutine: where none is found labels are not
	// known, and the goroutine profile knows them.
	if s.dump.HasIDs() {
		if s.dump, s.err = goroutines.TakeProfile(ctx); s.err != nil {
			return s
		}
	}
	for _, g := range s.dump.Groups() {
		n := 0
		for _, l := range g.Labels {
			if slices.Contains(l.Labels, goroutines.Label{Key: request.Label, Value: s.label}) {
				n += l.Count
			}
		}
		if n > 0 && servesConn(g.Stack) {
			s.conns += n
		} else if n > 0 {
			g.Count, g.Labels = n, nil
			s.groups = append(s.groups, g)
		}
	}
	return s
}

func (s *Stacks) count() int {
	n := len(s.ids)
	for _, g := range s.groups {
		n += g.Count
	}
	return n
}

func (s *Stacks) options() goroutines.Options {
	return goroutines.Options{Label: s.redact.Value}
}

// mark says what a goroutine is to the request, "" for the one that serves it.
func (s *Stacks) mark(frames []goroutines.Frame) string {
	switch {
	case s.ended:
		return "outlives the request"
	case !s.works(frames):
		return "started by the request"
	}
	return ""
}

// AppendText appends the stacks.
func (s *Stacks) AppendText(b []byte) []byte {
	if s.err != nil {
		return fmt.Appendf(b, "\n# goroutines: not known: %v\n", s.err)
	}
	b = fmt.Appendf(b, "\n# %d goroutine%s with the label %s=%s, by %s, taken %s ago\n", s.count(), plural(s.count()), request.Label, s.label, s.dump.Way, ago(s.dump.Taken))
	if s.conns > 0 {
		b = fmt.Appendf(b, "# left out: %d that serve connections which the request was the first to use\n", s.conns)
	}
	var rest []byte
	for i, id := range s.ids {
		if i == maxGoroutines {
			rest = fmt.Appendf(rest, "\n# %d more\n", len(s.ids)-i)
			break
		}
		g, _ := s.dump.Find(id)
		var one bytes.Buffer
		_, _ = s.dump.WriteGoroutine(&one, id, s.options()) // a Buffer takes all
		if m := s.mark(g.Stack); m != "" {
			rest = append(fmt.Appendf(rest, "\n# %s\n", m), one.Bytes()...)
		} else {
			b = append(append(b, '\n'), one.Bytes()...)
		}
	}
	b = append(b, rest...)
	for _, g := range s.groups {
		if m := s.mark(g.Stack); m != "" {
			b = fmt.Appendf(b, "\n# %s", m)
		}
		b = fmt.Appendf(b, "\n%d goroutine%s [%s]:\n", g.Count, plural(g.Count), g.States[0].Name)
		for _, f := range g.Stack {
			b = fmt.Appendf(b, "%s(...)\n\t%s:%d\n", f.Func, f.File, f.Line)
		}
	}
	return b
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// ago is for people.
func ago(t time.Time) time.Duration { return time.Since(t).Round(100 * time.Microsecond) }

// Members are those of the JSON form: goroutines, each with what it is to the
// request, or stacks where ids are not known.
func (s *Stacks) Members() []Line {
	if s.err != nil {
		return []Line{{"goroutines_unknown", JSON(s.err.Error())}}
	}
	list := []byte{'['}
	for i, id := range s.ids[:min(len(s.ids), maxGoroutines)] {
		g, _ := s.dump.Find(id)
		var one bytes.Buffer
		_, _ = s.dump.WriteGoroutineJSON(&one, id, s.options()) // a Buffer takes all
		if i > 0 {
			list = append(list, ',')
		}
		list = append(append(list, `{"is":`...), JSON(wordOf(s.mark(g.Stack)))...)
		list = append(append(list, `,"goroutine":`...), bytes.TrimSpace(one.Bytes())...)
		list = append(list, '}')
	}
	members := []Line{
		{"goroutine_count", JSON(s.count())},
		{"connection_goroutine_count", JSON(s.conns)},
		{"taken", JSON(s.dump.Taken.Format(TimeFormat))},
		{"goroutines", append(list, ']')},
	}
	if len(s.groups) > 0 {
		members = append(members, Line{"stacks", JSON(s.groups)})
	}
	return members
}

func wordOf(mark string) string {
	if mark == "" {
		return "serves the request"
	}
	return mark
}

// Outliving returns the file of the goroutines whose requests have ended.
func Outliving(r *redact.Redactor) nodes.Node {
	return nodes.Unlisted(nodes.Text("outliving", "goroutines that a handler started and that are still there although their requests have ended",
		func(ctx context.Context, w io.Writer) error {
			// Whoever has ended after this is not meant.
			live := map[string]bool{}
			for _, r := range request.Live("") {
				live[strconv.FormatUint(r.ID(), 10)] = true
			}
			last := request.Last()
			dump, err := goroutines.Take(ctx)
			if err != nil {
				return err
			}
			if !dump.HasIDs() {
				return nodes.Errorf(nodes.ErrBusy, "labels of goroutines are not known one by one now: %s; runtime/stacks shows them grouped", dump.NoIDs())
			}
			values := dump.LabelValues(request.Label)
			maps.DeleteFunc(values, func(value string, _ []uint64) bool {
				id, err := strconv.ParseUint(value, 10, 64)
				return err != nil || id > last || live[value]
			})
			return writeOutliving(w, r, dump, values)
		}))
}

func writeOutliving(w io.Writer, r *redact.Redactor, dump *goroutines.Dump, values map[string][]uint64) error {
	var ids []uint64
	requests, conns := 0, 0
	for _, of := range values {
		rest, n := withoutConns(dump, of)
		if conns += n; len(rest) > 0 {
			requests++
			ids = append(ids, rest...)
		}
	}
	slices.Sort(ids)
	if _, err := fmt.Fprintf(w, "# %d goroutines of %d requests that have ended, of %d goroutines in all\n", len(ids), requests, dump.Len()); err != nil {
		return err
	}
	if conns > 0 {
		if _, err := fmt.Fprintf(w, "# left out: %d that serve connections which such requests were the first to use\n", conns); err != nil {
			return err
		}
	}
	for i, id := range ids {
		if i == maxGoroutines {
			_, err := fmt.Fprintf(w, "\n# %d more\n", len(ids)-i)
			return err
		}
		if _, err := io.WriteString(w, "\n"); err != nil {
			return err
		}
		if _, err := dump.WriteGoroutine(w, id, goroutines.Options{Label: r.Value}); err != nil {
			return err
		}
	}
	return nil
}
