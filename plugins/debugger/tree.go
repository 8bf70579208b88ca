package debugger

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/ispyd/ispyd/internal/bytesize"
	"github.com/ispyd/ispyd/internal/probes/jump"
	"github.com/ispyd/ispyd/nodes"
)

const statusDoc = "whether probes work in this program, and what each condition is: name, state, detail, remedy"

// dir is the directory of the enabled plugin.
func (p *plugin) dir() nodes.Dir {
	return nodes.Directory("debugger", doc,
		nodes.Ctl("ctl", ctlDoc, p.verbs()...),
		nodes.Value("probes", "the probes: function, kind, since, hits, captured, skipped because of the limits, nanoseconds of the program's own for a hit, by whom, note", p.probeLines),
		functions(),
		nodes.Stream("events", "a line for each capture and observed call, each probe that came or went, each error: time, kind, probe, where it is kept, function, value", p.events),
		nodes.Value("status", statusDoc, p.status),
		p.tracebacks(),
		p.observed(),
	)
}

// probeLines is the table of the file probes.
func (p *plugin) probeLines(context.Context) ([]probeLine, error) {
	p.mu.Lock()
	list := make([]probeLine, 0, len(p.probes)+1)
	for _, pr := range p.probes {
		list = append(list, pr.line())
	}
	p.mu.Unlock()
	sort.Slice(list, func(i, j int) bool {
		a, b := list[i], list[j]
		return a.Function < b.Function || a.Function == b.Function && a.Kind < b.Kind
	})
	if p.handed.hits.Load() > 0 {
		list = append(list, p.handed.line())
	}
	return list, nil
}

// statusLine is a line of the file status.
type statusLine struct {
	Name   string `json:"name"`
	State  string `json:"state"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy"`
}

func (p *plugin) status(context.Context) ([]statusLine, error) {
	p.mu.Lock()
	hooked, probes, leaving := p.hooked, len(p.probes), 0
	for _, pr := range p.probes {
		if pr.leaving.Load() {
			leaving++
		}
	}
	wrong := append([]string(nil), p.wrong...)
	p.mu.Unlock()
	l := *p.limit.Load()
	n, bytes := p.store.held()
	conditions := p.conditions()
	engine := statusLine{"engine", "ready", "no change to the program's text", ""}
	const portable = "debugger.Recovered and http.Wrap work without it"
	if _, err := p.functions(); err != nil {
		engine = statusLine{"engine", "off", err.Error(), portable}
	} else if hooked || probes > 0 {
		engine = statusLine{"engine", "on", strconv.Itoa(len(jump.Patched())) + " bytes of the program's text are changed", ""}
		if err := jump.Untraced(); err != nil {
			engine.Detail += "; no probe is put in or taken out now: " + err.Error()
			engine.Remedy = "detach the tracer"
		}
	} else if err := refused(conditions, true); err != nil {
		engine = statusLine{"engine", "refused", err.Error(), "see the conditions below; " + portable}
	}
	list := []statusLine{engine}
	list = append(list,
		statusLine{"go", runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, ""},
		statusLine{"probes", strconv.Itoa(probes), leavingDetail(leaving), ""},
		statusLine{"tracebacks", strconv.Itoa(n), bytesize.Size(bytes).String() + " of " + l.bytes.String() + ", " + p.place(), ""},
		statusLine{"limits", "", l.String(), ""},
		statusLine{"on-crash", p.crash.state(), p.crash.detail(), ""},
	)
	for _, c := range conditions {
		if c.Name == "code" && c.OK {
			c = verified(c)
		}
		state := "ok"
		if !c.OK {
			state = "failed"
		}
		list = append(list, statusLine{c.Name, state, c.Detail, c.Remedy})
	}
	for _, w := range wrong {
		list = append(list, statusLine{"configuration", "wrong", w, "correct the section [debugger]"})
	}
	return list, nil
}

// verified looks at all of the program's text, where the engine has looked at what it
// needs: a debugger may have left breakpoints since.
func verified(c jump.Condition) jump.Condition {
	different, err := jump.Verify()
	if err != nil {
		c.OK, c.Detail = false, err.Error()
		return c
	}
	foreign, first := 0, jump.Difference{}
	for _, d := range different {
		if d.Ours {
			continue
		}
		if foreign++; foreign == 1 {
			first = d
		}
	}
	if foreign > 0 {
		c.OK = false
		c.Detail = strconv.Itoa(foreign) + " bytes are not as in the executable file, and not ours, the first in " + first.Func + ": 0x" +
			strconv.FormatUint(uint64(first.Memory), 16) + " for 0x" + strconv.FormatUint(uint64(first.File), 16)
		if first.Memory == 0xcc {
			c.Detail += ", a breakpoint"
		}
		c.Remedy = "restart the program, if no debugger that set them takes them out: functions that have them are refused"
	}
	return c
}

func leavingDetail(n int) string {
	if n == 0 {
		return ""
	}
	return "of " + strconv.Itoa(n) + " the removal is pending"
}

func (p *plugin) place() string {
	if p.conf.Dir != "" {
		return "in " + p.conf.Dir
	}
	return "in memory"
}

// tracebacks is the directory of that name.
func (p *plugin) tracebacks() nodes.Dir {
	const doc = "what has been caught: by number, and by the names latest and of functions"
	help := []nodes.Help{{Path: "N", Kind: nodes.KindDir, Doc: oneDoc}}
	for _, f := range tracebackFiles {
		help = append(help, nodes.Help{Path: "N/" + f.name, Kind: f.kind, Doc: f.doc})
	}
	help = append(help, nodes.Help{Path: "N/core", Kind: nodes.KindStatic, Doc: coreDoc})
	return nodes.Dynamic("tracebacks", doc,
		func(_ context.Context, name string) (nodes.Node, error) {
			t, err := p.store.find(name)
			if err != nil {
				return nil, err
			}
			return p.traceback(name, t), nil
		},
		func(context.Context) ([]nodes.Node, error) {
			list, err := p.store.list()
			var all []nodes.Node
			for _, t := range list {
				all = append(all, p.traceback(strconv.Itoa(t.N), t))
			}
			return all, err
		}, help...)
}

const (
	oneDoc  = "one traceback"
	coreDoc = "the goroutine's stack, registers and what they reach, as an ELF core for dlv core and ispy's debug; not listed, since it is memory as it was, secrets and all"
)

// tracebackFile is a file of a traceback.
type tracebackFile struct {
	name string
	kind nodes.Kind
	doc  string
	// make makes it, but for the traceback itself.
	make func(f tracebackFile, t *traceback) nodes.File
}

func value[T any](get func(t *traceback) T) func(tracebackFile, *traceback) nodes.File {
	return func(f tracebackFile, t *traceback) nodes.File {
		return nodes.Value(f.name, f.doc, func(context.Context) (T, error) { return get(t), nil })
	}
}

// tracebackFiles are the files of a traceback, but for its core.
var tracebackFiles = []tracebackFile{
	{"summary", nodes.KindValue, "what was caught, when, where, by which probes; size of the core in bytes", value((*traceback).summary)},
	{"traceback", nodes.KindText, "as Go prints a panic, and under each frame the arguments that are known by name", nil},
	{"panic", nodes.KindValue, "type and value of the panic or error", value(func(t *traceback) panicFile { return panicFile{t.Type, t.Value} })},
	{"goroutine", nodes.KindValue, "the goroutine: id, and who created it", value((*traceback).creator)},
	{"request", nodes.KindValue, "id of the request that the goroutine worked on, as in http/requests; 0 for none", value(func(t *traceback) uint64 { return t.Request })},
	{"labels", nodes.KindValue, "profiler labels of the goroutine", value(func(t *traceback) []label { return t.Labels })},
	{"time", nodes.KindValue, "when", value(func(t *traceback) time.Time { return t.Time })},
}

// panicFile is the file panic.
type panicFile struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// goroutineFile is the file goroutine.
type goroutineFile struct {
	ID      uint64 `json:"id"`
	Creator string `json:"creator"`
	Parent  uint64 `json:"parent"`
}

// creator reads the last frame of the text: created by main.f in goroutine 7.
func (t *traceback) creator() goroutineFile {
	g := goroutineFile{ID: t.Goroutine}
	_, rest, ok := strings.Cut(t.Text, "\ncreated by ")
	if ok {
		name, parent, _ := strings.Cut(firstLine(rest), " in goroutine ")
		g.Creator = name
		g.Parent, _ = strconv.ParseUint(parent, 10, 64)
	}
	return g
}

// traceback is the directory of one.
func (p *plugin) traceback(name string, t *traceback) nodes.Dir {
	children := make([]nodes.Node, 0, len(tracebackFiles)+1)
	for _, f := range tracebackFiles {
		if f.make != nil {
			children = append(children, f.make(f, t))
			continue
		}
		children = append(children, nodes.Text(f.name, f.doc, func(ctx context.Context, w io.Writer) error {
			return p.show(ctx, w, t)
		}))
	}
	if t.Core > 0 {
		children = append(children, nodes.Unlisted(&coreNode{p.store, t}))
	}
	if !nodes.ValidName(name) {
		name = strconv.Itoa(t.N)
	}
	return nodes.Directory(name, oneDoc, children...)
}

// coreNode is a core: only the owner may read it.
type coreNode struct {
	store *store
	t     *traceback
}

func (c *coreNode) Name() string { return "core" }
func (c *coreNode) Doc() string  { return coreDoc }

// Attr implements nodes.File.
func (c *coreNode) Attr() nodes.Attr {
	return nodes.Attr{Kind: nodes.KindStatic, Mode: 0o400, Size: c.t.Core, ModTime: c.t.Time}
}

// Open implements nodes.File.
func (c *coreNode) Open(ctx context.Context, flags nodes.Flags) (nodes.Handle, error) {
	if flags&nodes.Write != 0 {
		return nil, nodes.Errorf(nodes.ErrReadOnly, "core cannot be written")
	}
	if peer := nodes.PeerFrom(ctx); peer.Addr != "" {
		return nil, nodes.Errorf(fs.ErrPermission, "a core is memory as it was: it is read by way of the unix socket, by the program's own user and root")
	}
	data, err := c.store.core(c.t.N)
	if err != nil {
		return nil, err
	}
	return &coreHandle{bytes.NewReader(data), c.t.Time}, nil
}

// coreHandle is a core that is read.
type coreHandle struct {
	r     *bytes.Reader
	mtime time.Time
}

func (h *coreHandle) ReadAt(_ context.Context, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, nodes.Errorf(fs.ErrInvalid, "core: the offset %d is negative", off)
	}
	return h.r.ReadAt(p, off)
}

func (h *coreHandle) WriteAt(context.Context, []byte, int64) (int, error) {
	return 0, nodes.Errorf(nodes.ErrReadOnly, "core cannot be written")
}
func (h *coreHandle) Stat() (int64, time.Time) { return h.r.Size(), h.mtime }
func (h *coreHandle) Close() error             { return nil }
