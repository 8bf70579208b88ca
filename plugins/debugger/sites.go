package debugger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/ispyd/ispyd/internal/abi"
	"github.com/ispyd/ispyd/internal/minicore"
	"github.com/ispyd/ispyd/internal/probes/returns"
	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/internal/symbols/pclntab"
	"github.com/ispyd/ispyd/nodes"
)

// sites are the functions whose returns a probe watches.
type sites struct {
	list  []*returns.Probe
	index *symbols.Index // of an observation; nil of an errors' probe
	table *pclntab.Table
}

// remove puts the functions' code back. What has ended by itself is fine.
func (s *sites) remove() error {
	if s == nil {
		return nil
	}
	var errs []error
	for _, r := range s.list {
		if err := r.Remove(); err != nil && !errors.Is(err, syscall.ENOENT) {
			errs = append(errs, engineFailed(err))
		}
	}
	if err := once(errs); err != nil {
		return err
	}
	if s.index != nil {
		s.index.Close() // may be done again
	}
	return nil
}

// stats are the counters of all functions: calls of an observation, errors otherwise,
// and how long the program's goroutines were held up.
func (s *sites) stats() (hits, limited, dropped uint64, held time.Duration) {
	for _, r := range s.list {
		st := r.Stats()
		n := st.Hits
		if s.index != nil {
			n = (n + 1) / 2 // it has counted entries and returns
		}
		hits, limited, dropped, held = hits+n, limited+st.Limited, dropped+st.Dropped, held+st.Held
	}
	return hits, limited, dropped, held
}

// maxSites is how many functions a probe of a pattern may patch.
const maxSites = 500

// indexPatience is how long the reading of the debug information may take.
const indexPatience = 30 * time.Second

// patch puts a probe on the returns of functions. p.mu is held.
func (p *plugin) patch(pr *probe, t *target, o *observation) (*sites, error) {
	if len(t.funcs) > maxSites {
		return nil, nodes.Errorf(nodes.ErrTooLarge, "%s is %d functions; a probe on returns takes %d at most", t.name, len(t.funcs), maxSites)
	}
	table, err := p.functions()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), indexPatience)
	defer cancel()
	index, err := symbols.Open(ctx)
	if err != nil {
		return nil, nodes.Errorf(err, "%s needs the program's debug information: %v; probes on panics work without", pr.kind, err)
	}
	s := &sites{table: table}
	if o != nil {
		s.index = index
	} else {
		defer index.Close()
	}
	refused := 0
	var first error
	for _, f := range t.funcs {
		r, err := p.patchOne(pr, s, index, f, o)
		if err != nil {
			refused++
			// That there is a probe already is more than that others can have none.
			if first == nil || errors.Is(err, syscall.EEXIST) && !errors.Is(first, syscall.EEXIST) {
				first = err
			}
			continue
		}
		s.list = append(s.list, r)
	}
	if len(s.list) == 0 {
		if s.index != nil {
			s.index.Close()
		}
		if first == nil {
			first = nodes.Errorf(fs.ErrNotExist, "there is no function %q", t.name)
		}
		return nil, engineFailed(first)
	}
	if refused > 0 {
		pr.note = fmt.Sprintf("on %d functions; %d cannot be watched (such as: %v)", len(s.list), refused, first)
	}
	return s, nil
}

func (p *plugin) patchOne(pr *probe, s *sites, index *symbols.Index, f pclntab.Func, o *observation) (*returns.Probe, error) {
	sig, err := signature(index, f)
	if err != nil {
		return nil, err
	}
	fn := returns.Function{Name: f.Name(), Signature: sig}
	l := *p.limit.Load()
	if o == nil {
		return returns.InsertError(fn, returns.ErrorOptions{
			Rate: l.rate, Burst: l.burst, Share: l.share / 100,
			OnCapture: func(c *returns.Capture) { p.returned(pr, s, c) },
			OnEnd:     func(_ *returns.Probe, e returns.End) { go p.ended(pr, e) },
		})
	}
	return returns.Observe(fn, returns.ObserveOptions{
		Count: o.count, For: o.lasts, Slower: o.slower, Errors: o.errors, Share: l.share / 100,
		OnCall: func(c *returns.Call) { p.called(pr, s, f, o, c) },
		OnEnd:  func(_ *returns.Probe, e returns.End) { go p.ended(pr, e) },
	})
}

// signature returns what the debug information says of a function's parameters, nil
// where it says nothing.
func signature(index *symbols.Index, f pclntab.Func) (*returns.Signature, error) {
	fn, err := index.Func(strings.ReplaceAll(f.Name(), "%2e", "."))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	sig := &returns.Signature{Error: -1}
	results := 0
	for _, q := range fn.Params {
		t, err := q.Type.ABI()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		sig.Params = append(sig.Params, abi.Param{Name: q.Name, Type: t, Result: q.Result})
		if q.Result {
			if q.Type.Name() == "error" {
				sig.Error = results
			}
			results++
		}
	}
	return sig, nil
}

// ended takes away a probe that has ended by itself on one of its functions.
func (p *plugin) ended(pr *probe, e returns.End) {
	kind := "error"
	if e.Reason == returns.Count || e.Reason == returns.Time {
		kind = "end"
	}
	p.event(kind, pr.name, pr.kind+": "+e.String())
	if err := p.removeProbes(context.Background(), []*probe{pr}, e.String()); err != nil {
		p.event("error", pr.name, "the probe could not be removed: "+err.Error())
	}
}

// returned keeps an error that a function has returned. It runs on a goroutine of
// package returns.
func (p *plugin) returned(pr *probe, s *sites, c *returns.Capture) {
	if pr.leaving.Load() {
		return
	}
	t := &traceback{
		Kind: kindError, Time: c.Time, PID: os.Getpid(), Probes: []string{pr.name},
		Type: cut(c.Error.Type, maxLabel), Value: cut(c.Error.Text, maxValue), Goroutine: c.Goroutine,
	}
	for i, l := range c.Labels {
		if i == maxLabels {
			break
		}
		t.Labels = append(t.Labels, label{cut(l.Key, maxLabel), cut(l.Value, maxLabel)})
	}
	if t.Value == "" && c.Error.Silent != "" {
		t.Value = silence(&c.Error)
	}
	t.Request = requestOf(t.Labels)
	var frames string
	frames, t.Function, t.At = unwind(s.table, c)
	t.Text = cut("error: "+strings.ReplaceAll(t.Value, "\n", "\n\t")+"\n\n"+frames, maxText)
	k := &capture{t: t, probes: []*probe{pr}}
	if core, err := minicore.FromCopy(copyOf(s.table, c)); err != nil {
		t.NoCore = err.Error()
	} else {
		k.core = core
	}
	if !p.hand(k) {
		pr.skipped.Add(1)
	}
}

// silence says why the text of an error is not known.
func silence(e *returns.ErrorValue) string {
	if e.Data == 0 && strings.HasPrefix(e.Type, "*") {
		return "nil " + e.Type
	}
	return "(its text is not known: " + e.Silent + "; the core has the value)"
}

// copyOf is the goroutine as it was before the epilogue, while its frame stood.
func copyOf(table *pclntab.Table, c *returns.Capture) minicore.Copy {
	pc, sp, bp := c.PC, c.SP, c.BP
	// ADDQ $frame, SP of 4 or 7 bytes, POPQ BP, RET.
	for _, before := range []uintptr{5, 8} {
		f, ok := table.Func(c.PC - before)
		delta, known := f.SPDelta(c.PC - before)
		if !ok || !known || delta <= 8 || c.SP-uintptr(delta) < c.StackBase {
			continue
		}
		pc, sp, bp = c.PC-before, c.SP-uintptr(delta), c.SP-8
		break
	}
	return minicore.Copy{
		Registers: minicore.Registers{
			RIP: uint64(pc), RSP: uint64(sp), RBP: uint64(bp), R14: uint64(c.G),
			RAX: c.Ints[0], RBX: c.Ints[1], RCX: c.Ints[2], RDI: c.Ints[3], RSI: c.Ints[4],
			R8: c.Ints[5], R9: c.Ints[6], R10: c.Ints[7], R11: c.Ints[8],
		},
		Stack: c.Stack, StackAddr: uint64(c.StackBase), G: uint64(c.G),
		Error: [2]uint64{uint64(c.Error.Itab), uint64(c.Error.Data)},
		Time:  c.Time,
	}
}

// maxFrames is how deep a copied stack is followed.
const maxFrames = 100

// unwind returns the text of a copied stack, in the form of the runtime's, and
// where it begins.
func unwind(table *pclntab.Table, c *returns.Capture) (text, function, at string) {
	var b strings.Builder
	fmt.Fprintf(&b, "goroutine %d [running]:\n", c.Goroutine)
	pc, sp, look := c.PC, c.SP, c.PC
	for range maxFrames {
		f, ok := table.Func(look)
		if !ok {
			break
		}
		for _, fr := range f.Frames(look) {
			name := pclntab.Display(fr.Name)
			if function == "" {
				function, at = name, fmt.Sprintf("%s:%d", fr.File, fr.Line)
			}
			if strings.HasPrefix(name, "runtime.") || strings.Contains(name, ".gowrap") {
				continue
			}
			fmt.Fprintf(&b, "%s(...)\n\t%s:%d", name, fr.File, fr.Line)
			if !fr.Inlined {
				fmt.Fprintf(&b, " +%#x", pc-f.Entry())
			}
			b.WriteByte('\n')
		}
		delta, ok := f.SPDelta(look)
		if !ok || f.Flag()&pclntab.FlagTopFrame != 0 {
			break
		}
		ret, ok := stackWord(c, sp+uintptr(delta))
		if !ok || ret == 0 {
			b.WriteString("...additional frames elided...\n")
			break
		}
		pc, look, sp = ret, ret-1, sp+uintptr(delta)+8
	}
	return b.String(), function, at
}

// stackWord reads a word of the copied stack.
func stackWord(c *returns.Capture, addr uintptr) (uintptr, bool) {
	if addr < c.StackBase || addr+8 > c.StackBase+uintptr(len(c.Stack)) {
		return 0, false
	}
	b := c.Stack[addr-c.StackBase:]
	var w uintptr
	for i := 7; i >= 0; i-- {
		w = w<<8 | uintptr(b[i])
	}
	return w, true
}
