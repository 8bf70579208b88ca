package inflight

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
)

// Family is the work of one kind: what runs, which internal/request knows, and what
// is kept of what has ended, as entries E. Its exported fields are set before use.
type Family[E any] struct {
	Kind string // of internal/request
	Noun string // what one is called: "request"
	Dir  string // the directory of the files by id, beside ctl: "requests"
	// What the verbs cancel, slow and clear of ctl do.
	CancelDoc, SlowDoc, ClearDoc string
	// Entry tells what all entries have.
	Entry func(*E) (id uint64, start time.Time, took time.Duration)
	// Mine reports whether a piece of work of the kind belongs to the family; nil
	// where all of them do.
	Mine func(*request.Request) bool
	// Cancel cancels what runs. It returns false where that has been done before.
	Cancel func(*request.Request) (bool, error)

	Stats          *Stats
	Recent, Slowly Ring[E] // the last that have ended, and those of them that took long

	slow    atomic.Int64 // the least duration in ns of an entry of Slowly
	setting atomic.Pointer[nodes.Setting]
}

// Configure sets the threshold and sizes, the last that of Stats; what was kept is
// forgotten.
func (f *Family[E]) Configure(slow time.Duration, recent, slowRecent, names int) {
	f.slow.Store(int64(slow))
	f.Recent.Resize(recent)
	f.Slowly.Resize(slowRecent)
	f.Stats.Limit(names)
}

// Slow is the threshold in force.
func (f *Family[E]) Slow() time.Duration { return time.Duration(f.slow.Load()) }

// Keep files what has ended. Ordinary is what is slow when it lasts long: a
// websocket, say, is meant to.
func (f *Family[E]) Keep(e *E, took time.Duration, ordinary bool) {
	f.Recent.Add(e)
	if ordinary && took >= f.Slow() {
		f.Slowly.Add(e)
	}
}

// Find returns what is known of what has ended.
func (f *Family[E]) Find(id uint64) (E, bool) {
	is := func(e *E) bool {
		of, _, _ := f.Entry(e)
		return of == id
	}
	if e, ok := f.Recent.Find(is); ok {
		return e, true
	}
	return f.Slowly.Find(is)
}

// Live returns what runs, oldest first.
func (f *Family[E]) Live() []*request.Request {
	live := request.Live(f.Kind)
	if f.Mine != nil {
		live = slices.DeleteFunc(live, func(r *request.Request) bool { return !f.Mine(r) })
	}
	return live
}

// Running returns what runs under an id, nil where nothing of the family does.
func (f *Family[E]) Running(id uint64) *request.Request {
	r := request.Lookup(id)
	if r == nil || r.Kind() != f.Kind || f.Mine != nil && !f.Mine(r) {
		return nil
	}
	return r
}

// Gone is the error of an id that nothing is known of.
func (f *Family[E]) Gone(id uint64) error {
	return nodes.Errorf(fs.ErrNotExist, "no such %s: %d; it may have ended: see recent", f.Noun, id)
}

// Files is the directory of the files by id. one describes such a file, which node
// makes.
func (f *Family[E]) Files(one string, node func(id uint64, name string) nodes.Node) nodes.Node {
	return nodes.Dynamic(f.Dir, "the "+f.Noun+"s in flight by their ids; one that has ended is found as long as recent or slow has it",
		func(_ context.Context, name string) (nodes.Node, error) {
			id, err := strconv.ParseUint(name, 10, 64)
			if err != nil || strconv.FormatUint(id, 10) != name {
				return nil, nodes.Errorf(fs.ErrNotExist, "%q is no id of a %s", name, f.Noun)
			}
			if f.Running(id) == nil {
				if _, ok := f.Find(id); !ok {
					return nil, f.Gone(id)
				}
			}
			return node(id, name), nil
		},
		func(context.Context) ([]nodes.Node, error) {
			live := f.Live()
			list := make([]nodes.Node, len(live))
			for i, r := range live {
				list[i] = node(r.ID(), strconv.FormatUint(r.ID(), 10))
			}
			return list, nil
		}, nodes.Help{Path: "ID", Kind: nodes.KindText, Doc: one})
}

// Ctl is the file ctl.
func (f *Family[E]) Ctl(doc string) nodes.Node {
	if f.setting.Load() == nil {
		f.setting.CompareAndSwap(nil, nodes.NewSetting("slow"))
	}
	return nodes.Ctl("ctl", doc,
		nodes.Verb{Name: "cancel", Args: "<" + f.Dir + ">...", Doc: f.CancelDoc, Run: f.cancel},
		nodes.Verb{Name: "slow", Args: "duration [for=DURATION]", Doc: f.SlowDoc, Run: f.setSlow,
			Now: func() string { return f.Slow().String() }},
		nodes.Verb{Name: "clear", Doc: f.ClearDoc, Run: func(context.Context, []string) error {
			f.Recent.Clear()
			f.Slowly.Clear()
			f.Stats.Clear()
			return nil
		}},
	)
}

// cancel cancels all that can be; the error tells of the others.
func (f *Family[E]) cancel(_ context.Context, ids []string) error {
	var first error
	var texts []string
	for _, id := range ids {
		if err := f.cancelOne(id); err != nil {
			first = cmp.Or(first, err)
			texts = append(texts, err.Error())
		}
	}
	if len(texts) < 2 {
		return first
	}
	return nodes.Errorf(first, "%s", strings.Join(texts, "; "))
}

func (f *Family[E]) cancelOne(text string) error {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nodes.Errorf(fs.ErrInvalid, "%q is no id of a %s: a number, as active shows them", text, f.Noun)
	}
	if r := f.Running(id); r != nil {
		first, err := f.Cancel(r)
		if err == nil && !first {
			err = nodes.Errorf(nodes.ErrBusy, "%s %d is cancelled already, and its code has not returned: it has yet to look at its context; %s/%d shows what it does", f.Noun, id, f.Dir, id)
		}
		return err
	}
	if e, ok := f.Find(id); ok {
		_, start, took := f.Entry(&e)
		return nodes.Errorf(fs.ErrNotExist, "no such %s any more: %d ended %s ago; see recent", f.Noun, id, time.Since(start.Add(took)).Round(time.Millisecond))
	}
	if r := request.Lookup(id); r != nil {
		return nodes.Errorf(fs.ErrInvalid, "%d is not one of these %ss, but of %s", id, f.Noun, r.Kind())
	}
	return nodes.Errorf(fs.ErrNotExist, "no such %s: %d; it may have ended: see recent; %s", f.Noun, id, f.inFlight())
}

// inFlight names some ids that could have been meant.
func (f *Family[E]) inFlight() string {
	const most = 5
	live := f.Live()
	if len(live) == 0 {
		return "none is in flight"
	}
	b := []byte("in flight: ")
	for i, r := range live[:min(len(live), most)] {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendUint(b, r.ID(), 10)
	}
	if len(live) > most {
		b = fmt.Appendf(b, " and %d more", len(live)-most)
	}
	return string(b)
}

func (f *Family[E]) setSlow(ctx context.Context, args []string) error {
	args, lease, err := nodes.CutFor(args)
	if err != nil {
		return err
	}
	if len(args) != 1 {
		return nodes.Errorf(fs.ErrInvalid, "slow: the form is: slow duration [for=DURATION]")
	}
	d, err := time.ParseDuration(args[0])
	if err != nil || d <= 0 {
		return nodes.Errorf(fs.ErrInvalid, "slow: %q is no duration of more than 0, such as 250ms or 1m30s", args[0])
	}
	set := func(d int64) func(context.Context) error {
		return func(context.Context) error {
			f.slow.Store(d)
			return nil
		}
	}
	return f.setting.Load().Change(ctx, lease, nodes.Change{
		Now:  func(context.Context) (string, error) { return f.Slow().String(), nil },
		Do:   set(int64(d)),
		Hold: func(context.Context) (func(context.Context) error, error) { return set(f.slow.Load()), nil },
	})
}
