package goroutines

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// traceHeader is how the trace begins whose events this file knows. A runtime
// that writes another format is answered with errFormat: the goroutine profile
// then serves. The tests hold the decoder against golang.org/x/exp/trace.
const traceHeader = "go 1.26 trace\x00\x00\x00"

// errFormat says that the runtime writes a trace format that is not known here.
var errFormat = errors.New("this Go version writes a trace format that is not known here")

// The events and batches that matter here, by their numbers in the runtime's
// internal/trace/tracev2.
const (
	evEventBatch          = 1
	evStacks              = 2
	evStack               = 3
	evStrings             = 4
	evString              = 5
	evCPUSamples          = 6
	evGoCreate            = 14
	evGoCreateSyscall     = 15
	evGoStart             = 16
	evGoDestroy           = 17
	evGoDestroySyscall    = 18
	evGoStop              = 19
	evGoBlock             = 20
	evGoUnblock           = 21
	evGoSyscallBegin      = 22
	evGoSyscallEnd        = 23
	evGoSyscallEndBlocked = 24
	evGoStatus            = 25
	evGoLabel             = 39
	evGoSwitch            = 45
	evGoSwitchDestroy     = 46
	evGoCreateBlocked     = 47
	evGoStatusStack       = 48
	evExperimentalBatch   = 49
	evSync                = 50
	evEndOfGeneration     = 52
)

// eventArgs is the number of arguments, the time among them, of each event
// that stands in a batch of events; 0 for what does not.
var eventArgs = [...]uint8{
	9: 3, 10: 3, 11: 1, 12: 4, 13: 3, // processors
	evGoCreate: 4, evGoCreateSyscall: 2, evGoStart: 3, evGoDestroy: 1, evGoDestroySyscall: 1,
	evGoStop: 3, evGoBlock: 3, evGoUnblock: 4,
	evGoSyscallBegin: 3, evGoSyscallEnd: 1, evGoSyscallEndBlocked: 1, evGoStatus: 4,
	26: 3, 27: 1, // stopping the world
	28: 2, 29: 3, 30: 2, 31: 2, 32: 2, 33: 3, 34: 2, 35: 2, 36: 1, 37: 2, 38: 2, // garbage collection
	evGoLabel: 2, 40: 5, 41: 3, 42: 4, 43: 4, 44: 5, // what the program itself writes
	evGoSwitch: 3, evGoSwitchDestroy: 3, evGoCreateBlocked: 4, evGoStatusStack: 5,
	128: 4, 129: 4, 130: 2, 131: 3, 132: 3, 133: 2, 134: 3, 135: 3, 136: 2, // GODEBUG=traceallocfree=1
}

// noThread is the thread of what the tracer writes in nobody's name: the
// states of goroutines that did nothing during the trace.
const noThread = ^uint64(0)

// decoder takes in one generation of an execution trace, as the runtime writes
// it, and keeps of it what a dump needs. It buffers nothing but the few
// goroutines that moved: a goroutine that did nothing costs 16 bytes.
//
// Write never panics and never fails, since it is called from within the
// tracer; what went wrong is in err.
type decoder struct {
	header bool
	done   bool // the first generation is complete
	err    error
	bytes  int64

	sched   scheduler
	table   stackTable
	reasons map[uint32]string // why goroutines stopped, by the trace's id
}

func newDecoder() *decoder {
	return &decoder{
		sched:   scheduler{threads: map[uint64]*thread{}, moved: map[uint64]*moved{}},
		reasons: map[uint32]string{},
	}
}

// Write implements io.Writer. Each call brings the header or whole batches.
func (d *decoder) Write(p []byte) (n int, _ error) {
	n = len(p)
	defer func() {
		if v := recover(); v != nil && d.err == nil {
			d.err = fmt.Errorf("reading the trace: panic: %v", v)
		}
	}()
	d.bytes += int64(n)
	if d.err != nil || d.done {
		return n, nil
	}
	if !d.header {
		if len(p) < len(traceHeader) || string(p[:len(traceHeader)]) != traceHeader {
			d.err = errFormat
			return n, nil
		}
		d.header = true
		p = p[len(traceHeader):]
	}
	for len(p) > 0 && !d.done && d.err == nil {
		p = d.batch(p)
	}
	return n, nil
}

// finish returns what is wrong with the trace now that all of it is in.
func (d *decoder) finish() error {
	switch {
	case d.err != nil:
		return d.err
	case !d.header:
		return errors.New("reading the trace: it is empty")
	case !d.done:
		return errors.New("reading the trace: its end is missing")
	}
	return nil
}

// batch takes one batch off p.
func (d *decoder) batch(p []byte) []byte {
	c := cursor{p: p}
	typ := c.byte()
	switch typ {
	case evEndOfGeneration:
		d.done = true
		return nil
	case evExperimentalBatch:
		c.byte() // which experiment
	case evEventBatch:
	default:
		d.err = fmt.Errorf("reading the trace: a batch of type %d", typ)
		return nil
	}
	c.uvarint() // generation
	m := c.uvarint()
	now := c.uvarint()
	size := c.uvarint()
	if c.bad || size > uint64(len(c.p)) {
		d.err = errors.New("reading the trace: a batch is cut short")
		return nil
	}
	data, rest := c.p[:size], c.p[size:]
	if typ == evEventBatch && len(data) > 0 {
		d.err = d.contents(m, now, data)
	}
	return rest
}

func (d *decoder) contents(m, now uint64, data []byte) error {
	c := cursor{p: data}
	switch data[0] {
	case evStrings:
		c.byte()
		for len(c.p) > 0 && !c.bad {
			c.expect(evString)
			id, text := c.uvarint(), c.bytes(c.uvarint())
			if traceReasons[string(text)] {
				d.reasons[uint32(id)] = string(text)
			}
		}
	case evStacks:
		c.byte()
		for len(c.p) > 0 && !c.bad {
			c.expect(evStack)
			d.table.read(&c)
		}
	case evCPUSamples, evSync:
		return nil
	default:
		t := d.sched.thread(m)
		t.now = now
		var args [5]uint64
		for len(c.p) > 0 {
			typ := c.byte()
			n := 0
			if int(typ) < len(eventArgs) {
				n = int(eventArgs[typ])
			}
			if n == 0 {
				return fmt.Errorf("reading the trace: an event of type %d", typ)
			}
			for i := range n {
				args[i] = c.uvarint()
			}
			if c.bad {
				break
			}
			t.now += args[0]
			d.sched.event(t, typ, args[1:n])
		}
	}
	if c.bad {
		return errors.New("reading the trace: a batch is broken")
	}
	return nil
}

// cursor reads numbers and bytes off p; bad says that there were not enough.
type cursor struct {
	p   []byte
	bad bool
}

func (c *cursor) byte() byte {
	if len(c.p) == 0 {
		c.bad = true
		return 0
	}
	b := c.p[0]
	c.p = c.p[1:]
	return b
}

func (c *cursor) expect(b byte) {
	if c.byte() != b {
		c.bad = true
	}
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.p)
	if n <= 0 {
		c.bad, c.p = true, nil
		return 0
	}
	c.p = c.p[n:]
	return v
}

func (c *cursor) bytes(n uint64) []byte {
	if n > uint64(len(c.p)) {
		c.bad, c.p = true, nil
		return nil
	}
	b := c.p[:n]
	c.p = c.p[n:]
	return b
}
