package profiles

import (
	"compress/gzip"
	"encoding/binary"
	"io"
)

// Write writes the profile, gzipped.
func (p *Profile) Write(w io.Writer) error {
	e := encoder{strings: map[string]uint64{}, functions: map[*Function]uint64{}, locations: map[*Location]uint64{}, mappings: map[*Mapping]uint64{}}
	e.text("")
	for _, t := range p.Types {
		e.message(1, func() { e.valueType(t) })
	}
	for i := range p.Samples {
		e.sample(&p.Samples[i])
	}
	e.number(9, uint64(p.TimeNanos))
	e.number(10, uint64(p.DurationNanos))
	e.message(11, func() { e.valueType(p.PeriodType) })
	e.number(12, uint64(p.Period))
	e.number(14, e.text(p.Default))
	for _, s := range e.table {
		e.bytes(6, []byte(s))
	}
	z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if _, err := z.Write(e.out); err != nil {
		return err
	}
	return z.Close()
}

// encoder writes each table entry when it is first referred to; strings come
// last.
type encoder struct {
	out       []byte
	table     []string
	strings   map[string]uint64
	functions map[*Function]uint64
	locations map[*Location]uint64
	mappings  map[*Mapping]uint64
}

func (e *encoder) text(s string) uint64 {
	n, ok := e.strings[s]
	if !ok {
		n = uint64(len(e.table))
		e.table, e.strings[s] = append(e.table, s), n
	}
	return n
}

// number writes a field that is a number, unless it is 0.
func (e *encoder) number(num, n uint64) {
	if n != 0 {
		e.out = binary.AppendUvarint(append(e.out, byte(num<<3)), n)
	}
}

func (e *encoder) bytes(num uint64, b []byte) {
	e.out = binary.AppendUvarint(append(e.out, byte(num<<3|2)), uint64(len(b)))
	e.out = append(e.out, b...)
}

// message writes a field that is a message: what f writes.
func (e *encoder) message(num uint64, f func()) {
	outer := e.out
	e.out = nil
	f()
	inner := e.out
	e.out = outer
	e.bytes(num, inner)
}

func (e *encoder) valueType(t Type) {
	e.number(1, e.text(t.Name))
	e.number(2, e.text(t.Unit))
}

func (e *encoder) sample(s *Sample) {
	var ids, values []byte
	for _, l := range s.Stack {
		ids = binary.AppendUvarint(ids, e.location(l))
	}
	for _, v := range s.Values {
		values = binary.AppendUvarint(values, uint64(v))
	}
	e.message(2, func() {
		e.bytes(1, ids)
		e.bytes(2, values)
		for _, l := range s.Labels {
			e.message(3, func() {
				e.number(1, e.text(l.Key))
				e.number(2, e.text(l.Text))
				e.number(3, uint64(l.Num))
				e.number(4, e.text(l.Unit))
			})
		}
	})
}

func (e *encoder) location(l *Location) uint64 {
	if id, ok := e.locations[l]; ok {
		return id
	}
	var mapping uint64
	if l.Mapping != nil {
		mapping = e.mapping(l.Mapping)
	}
	functions := make([]uint64, len(l.Lines))
	for i, line := range l.Lines {
		functions[i] = e.function(line.Function)
	}
	id := uint64(len(e.locations) + 1)
	e.locations[l] = id
	e.message(4, func() {
		e.number(1, id)
		e.number(2, mapping)
		e.number(3, l.Address)
		for i, line := range l.Lines {
			e.message(4, func() {
				e.number(1, functions[i])
				e.number(2, uint64(line.Line))
			})
		}
		e.number(5, bit(l.folded))
	})
	return id
}

func (e *encoder) mapping(m *Mapping) uint64 {
	if id, ok := e.mappings[m]; ok {
		return id
	}
	id := uint64(len(e.mappings) + 1)
	e.mappings[m] = id
	e.message(3, func() {
		for i, n := range []uint64{id, m.Start, m.Limit, m.Offset, e.text(m.File), e.text(m.BuildID),
			bit(m.has[0]), bit(m.has[1]), bit(m.has[2]), bit(m.has[3])} {
			e.number(uint64(i+1), n)
		}
	})
	return id
}

func (e *encoder) function(f *Function) uint64 {
	if id, ok := e.functions[f]; ok {
		return id
	}
	id := uint64(len(e.functions) + 1)
	e.functions[f] = id
	e.message(5, func() {
		for i, n := range []uint64{id, e.text(f.Name), e.text(f.System), e.text(f.File), uint64(f.Start)} {
			e.number(uint64(i+1), n)
		}
	})
	return id
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
