// Package debugger is the plugin that keeps the tracebacks of panics, and of errors
// that functions return, while the program runs: no rebuild, no restart, no pause.
//
//	echo insert 'main.(*Server).order' > debugger/ctl
//	cat debugger/tracebacks/latest/traceback
//
// It is off unless the configuration says [debugger] enabled = true. A program
// that recovers panics itself can hand them over, whether or not the engine works
// on its platform:
//
//	defer func() {
//		if v := recover(); v != nil {
//			debugger.Recovered(v)
//			...
//		}
//	}()
package debugger

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/internal/tracebacks"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

const doc = "panics and errors that pass through functions, kept with their arguments"

// Plugin is the directory debugger.
var Plugin = plugins.Plugin{Name: "debugger", Doc: doc, Open: open}

// Recovered keeps the traceback of a panic that the program has recovered. v is what
// recover returned; nil does nothing. It is to be called by the deferred function
// that recovers, before that returns. Where the debugger is not on it costs some
// nanoseconds.
func Recovered(v any) { tracebacks.Recovered(v, "the program", 1) }

// eventsSize is how many bytes of events are kept.
const eventsSize = 256 << 10

// plugin is one that is open and enabled.
type plugin struct {
	conf   config
	logger *slog.Logger
	redact *redact.Redactor
	store  *store
	events *nodes.Ring
	limit  atomic.Pointer[limits]
	// armed are the probes on panics, nil while there are none.
	armed atomic.Pointer[armed]
	// handed counts what has been recovered by others.
	handed *probe
	recent recent
	// portable says that panics are seen only where they are recovered.
	portable atomic.Bool
	queue    chan *capture
	crash    *crash // nil without on-crash

	mu       sync.Mutex // held by who changes probes
	wrong    []string   // of the configuration
	probes   map[probeKey]*probe
	settings map[probeKey]*nodes.Setting
	limiting *nodes.Setting
	records  map[string]*observed // by function
	hooked   bool
	// mute says that of the hook an empty jump is left, which a tracer holds up.
	mute bool
	// unhooking says that the hook is to go, whatever wants it; going, that it is
	// tried again and again to take out what a tracer has held up.
	unhooking, going bool
	closed           bool
	end              func() // of keeping what is recovered
	done             chan struct{}
	idle             sync.WaitGroup
}

func open(c plugins.Config) (nodes.Dir, io.Closer, error) {
	conf := defaults()
	if err := c.Decode(&conf); err != nil {
		return nil, nil, err
	}
	if !conf.Enabled {
		return disabled(), nil, nil
	}
	p := &plugin{
		logger: c.Logger(), redact: c.Redact(),
		events: nodes.NewRing(eventsSize),
		handed: &probe{kind: kindRecovered, name: "recover", since: time.Now(), by: "the program", note: "what the program, or http.Wrap, has recovered"},
		queue:  make(chan *capture, queued),
		probes: map[probeKey]*probe{}, settings: map[probeKey]*nodes.Setting{},
		limiting: nodes.NewSetting("limit"),
		done:     make(chan struct{}),
	}
	for _, err := range conf.check() {
		p.misconfigured(c, err)
	}
	p.conf = conf
	l := conf.limits()
	p.limit.Store(&l)
	p.store = &store{keeper: &inMemory{}, limits: func() limits { return *p.limit.Load() }}
	if conf.Dir != "" {
		p.store.keeper = &onDisk{dir: conf.Dir}
	}
	servers.Add(1)
	p.idle.Add(1)
	go p.work()
	p.end = tracebacks.Keep(p)
	if conf.OnCrash {
		if err := p.keepCrashes(); err != nil {
			p.misconfigured(c, err)
		}
	}
	p.insertConfigured(c)
	return p.dir(), p, nil
}

// misconfigured notes what is wrong in the configuration: in the files status and
// events, in the log, and where the server lists what failed.
func (p *plugin) misconfigured(c plugins.Config, err error) {
	p.mu.Lock()
	p.wrong = append(p.wrong, err.Error())
	p.mu.Unlock()
	p.logger.Error("the configuration of the debugger is wrong", "err", err)
	p.event("error", "configuration", err.Error())
	if r, ok := c.(interface{ Failed(error) }); ok {
		r.Failed(err)
	}
}

// event appends a line to the events that is no hit.
func (p *plugin) event(kind, probe, text string) {
	b := time.Now().AppendFormat(nil, timeFormat)
	b = append(append(append(b, '\t'), kind...), '\t')
	b = nodes.AppendEscaped(b, probe)
	b = append(b, "\t\t\t"...)
	p.events.Append(nodes.AppendEscaped(b, text))
}

// Close takes everything out of the program's text, and ends all that runs.
func (p *plugin) Close() error {
	p.mu.Lock()
	p.closed = true
	err := once([]error{p.removeAll("the server closes"), p.unhook(true)})
	p.unhooking = true
	p.mu.Unlock()
	err = once([]error{err, closeEngine()})
	p.end()
	p.crash.close()
	close(p.done)
	p.idle.Wait()
	return err
}

// disabled is the directory while the configuration does not turn it on.
func disabled() nodes.Dir {
	const how = "disabled: set enabled = true in the section [debugger] of the configuration"
	verbs := (*plugin)(nil).verbs()
	for i := range verbs {
		verbs[i].Args, verbs[i].Doc = "[...]", how
		verbs[i].Run = func(context.Context, []string) error {
			return nodes.Errorf(nodes.ErrDisabled, "the debugger is %s", how)
		}
	}
	return nodes.Directory("debugger", doc,
		refusing{nodes.Ctl("ctl", ctlDoc, verbs...), how},
		nodes.Static("status", statusDoc, []byte(how+"\n")),
	)
}

// refusing is a file that takes no writes, whatever they are.
type refusing struct {
	nodes.File
	how string
}

func (r refusing) Open(ctx context.Context, flags nodes.Flags) (nodes.Handle, error) {
	h, err := r.File.Open(ctx, flags)
	if err != nil || flags&nodes.Write == 0 {
		return h, err
	}
	return refusal{h, r.how}, nil
}

type refusal struct {
	nodes.Handle
	how string
}

func (r refusal) WriteAt(ctx context.Context, p []byte, off int64) (int, error) {
	// The first line is enough to have the error read back after the write.
	return r.Handle.WriteAt(ctx, []byte("off\n"), off)
}
