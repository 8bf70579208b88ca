package profiles

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
)

// maxRaw bounds a profile in bytes, unpacked.
const maxRaw = 512 << 20

// Complete reports whether the bytes are a whole gzip stream: what is still
// being written is not.
func Complete(zipped []byte) bool {
	_, err := unzip(zipped)
	return err == nil
}

func unzip(zipped []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(z, maxRaw+1))
	if err == nil && len(raw) > maxRaw {
		err = fmt.Errorf("more than %d bytes", maxRaw)
	}
	return raw, err
}

// Read decodes a gzipped profile.
func Read(zipped []byte) (*Profile, error) {
	raw, err := unzip(zipped)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errFormat, err)
	}
	d := decoder{strings: []string{}, mappings: map[uint64]*Mapping{}, locations: map[uint64]*Location{}, functions: map[uint64]*Function{}}
	// Strings and what refers to them come in any order: first the tables,
	// then what is made of them.
	err = fields(raw, func(f field) {
		if f.num == 6 {
			d.strings = append(d.strings, string(f.bytes))
		}
	})
	for _, pass := range []func(field){d.tables, d.places, d.rest} {
		if err == nil {
			err = fields(raw, pass)
		}
	}
	if err == nil {
		err = d.err
	}
	if err != nil {
		return nil, err
	}
	for _, s := range d.p.Samples {
		if len(s.Values) != len(d.p.Types) {
			return nil, errFormat
		}
	}
	return &d.p, nil
}

// decoder holds the tables of a profile while it is read.
type decoder struct {
	p         Profile
	err       error
	strings   []string
	mappings  map[uint64]*Mapping
	locations map[uint64]*Location
	functions map[uint64]*Function
}

// message decodes one that is nested.
func (d *decoder) message(b []byte, f func(field)) {
	if err := fields(b, f); err != nil {
		d.err = err
	}
}

func (d *decoder) text(n uint64) string {
	if n >= uint64(len(d.strings)) {
		d.err = errFormat
		return ""
	}
	return d.strings[n]
}

// tables decodes what refers to strings alone.
func (d *decoder) tables(f field) {
	var id uint64
	switch f.num {
	case 3:
		m := &Mapping{}
		d.message(f.bytes, func(f field) {
			switch f.num {
			case 1:
				id = f.n
			case 2:
				m.Start = f.n
			case 3:
				m.Limit = f.n
			case 4:
				m.Offset = f.n
			case 5:
				m.File = d.text(f.n)
			case 6:
				m.BuildID = d.text(f.n)
			case 7, 8, 9, 10:
				m.has[f.num-7] = f.n != 0
			}
		})
		d.mappings[id] = m
	case 5:
		fn := &Function{}
		d.message(f.bytes, func(f field) {
			switch f.num {
			case 1:
				id = f.n
			case 2:
				fn.Name = d.text(f.n)
			case 3:
				fn.System = d.text(f.n)
			case 4:
				fn.File = d.text(f.n)
			case 5:
				fn.Start = int64(f.n)
			}
		})
		d.functions[id] = fn
	}
}

// places decodes locations, which refer to mappings and functions.
func (d *decoder) places(f field) {
	if f.num != 4 {
		return
	}
	l := &Location{}
	var id uint64
	d.message(f.bytes, func(f field) {
		switch f.num {
		case 1:
			id = f.n
		case 2:
			l.Mapping = d.mappings[f.n]
		case 3:
			l.Address = f.n
		case 4:
			var line Line
			d.message(f.bytes, func(f field) {
				switch f.num {
				case 1:
					line.Function = d.functions[f.n]
				case 2:
					line.Line = int64(f.n)
				}
			})
			if line.Function == nil {
				d.err = errFormat
			}
			l.Lines = append(l.Lines, line)
		case 5:
			l.folded = f.n != 0
		}
	})
	d.locations[id] = l
}

// rest decodes samples and what is there once.
func (d *decoder) rest(f field) {
	switch f.num {
	case 1:
		d.p.Types = append(d.p.Types, d.valueType(f.bytes))
	case 2:
		d.sample(f.bytes)
	case 9:
		d.p.TimeNanos = int64(f.n)
	case 10:
		d.p.DurationNanos = int64(f.n)
	case 11:
		d.p.PeriodType = d.valueType(f.bytes)
	case 12:
		d.p.Period = int64(f.n)
	case 14:
		d.p.Default = d.text(f.n)
	}
}

func (d *decoder) valueType(b []byte) (t Type) {
	d.message(b, func(f field) {
		switch f.num {
		case 1:
			t.Name = d.text(f.n)
		case 2:
			t.Unit = d.text(f.n)
		}
	})
	return t
}

func (d *decoder) sample(b []byte) {
	var s Sample
	d.message(b, func(f field) {
		switch f.num {
		case 1:
			f.each(func(n uint64) {
				l := d.locations[n]
				if l == nil {
					d.err = errFormat
					return
				}
				s.Stack = append(s.Stack, l)
			})
		case 2:
			f.each(func(n uint64) { s.Values = append(s.Values, int64(n)) })
		case 3:
			var l Label
			d.message(f.bytes, func(f field) {
				switch f.num {
				case 1:
					l.Key = d.text(f.n)
				case 2:
					l.Text = d.text(f.n)
				case 3:
					l.Num = int64(f.n)
				case 4:
					l.Unit = d.text(f.n)
				}
			})
			s.Labels = append(s.Labels, l)
		}
	})
	d.p.Samples = append(d.p.Samples, s)
}

// field is one field of a message: a number, or bytes.
type field struct {
	num   uint64
	n     uint64
	bytes []byte // nil where it is a number
}

// each calls f with the numbers of a repeated field, packed or not.
func (f field) each(do func(uint64)) {
	if f.bytes == nil {
		do(f.n)
		return
	}
	for b := f.bytes; len(b) > 0; {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return
		}
		do(v)
		b = b[n:]
	}
}

// fields calls do with each field of a message.
func fields(b []byte, do func(field)) error {
	uvarint := func() (uint64, bool) {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, false
		}
		b = b[n:]
		return v, true
	}
	for len(b) > 0 {
		key, ok := uvarint()
		f := field{num: key >> 3}
		skip := uint64(0)
		switch key & 7 {
		case 0:
			var isNumber bool
			f.n, isNumber = uvarint()
			ok = ok && isNumber
		case 1:
			skip = 8
		case 2:
			size, isSize := uvarint()
			ok = ok && isSize && size <= uint64(len(b))
			if ok {
				f.bytes, b = b[:size:size], b[size:]
			}
		case 5:
			skip = 4
		default:
			ok = false
		}
		if !ok || skip > uint64(len(b)) {
			return errFormat
		}
		b = b[skip:]
		do(f)
	}
	return nil
}
