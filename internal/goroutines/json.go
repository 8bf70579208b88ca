package goroutines

import (
	"context"
	"encoding/json"
	"io"
	"strconv"
)

// summary is how a dump as JSON begins.
type summary struct {
	Count     int     `json:"count"`
	Way       Way     `json:"way"`
	Taken     string  `json:"taken"`
	Seconds   float64 `json:"seconds"`
	Capture   float64 `json:"capture_seconds"`
	Stop      float64 `json:"longest_stop_seconds"`
	Turn      float64 `json:"turn_seconds"`
	Bytes     int64   `json:"trace_bytes"`
	Looks     int     `json:"looks"`
	Profiled  bool    `json:"goroutine_profile"`
	NoCreator string  `json:"created_by_unknown,omitempty"`
	NoLabels  string  `json:"labels_unknown,omitempty"`
}

func (d *Dump) summary() summary {
	s := summary{
		Count: d.Len(), Way: d.Way, Taken: d.Taken.UTC().Format("2006-01-02T15:04:05.000Z07:00"),
		Seconds: d.Cost.Whole.Seconds(), Capture: d.Cost.Capture.Seconds(), Stop: d.Cost.Stop.Seconds(), Turn: d.Cost.Turn.Seconds(),
		Bytes: d.Cost.Bytes, Looks: d.Cost.Looks, Profiled: d.Cost.Profiled,
	}
	if d.Creators != nil {
		s.NoCreator = d.Creators.Error()
	}
	if d.Labels != nil {
		s.NoLabels = d.Labels.Error()
	}
	return s
}

// appendHead appends the summary as an open object, up to the list called name.
func (d *Dump) appendHead(b []byte, name string) []byte {
	b = append(b, jsonOf(d.summary())...)
	b = append(b[:len(b)-1], `,"`...)
	return append(append(b, name...), `":[`...)
}

// WriteJSON writes what [Dump.WriteText] does as one JSON object: the summary's
// fields, goroutines, and missing, how many there was no room for. Where the ids
// are not known it writes what [Dump.WriteStacksJSON] does.
func (d *Dump) WriteJSON(ctx context.Context, w io.Writer, o Options) error {
	if !d.HasIDs() {
		return d.WriteStacksJSON(ctx, w, o)
	}
	p := newPrinter(ctx, w, o)
	p.b = d.appendHead(p.b, "goroutines")
	p.flush()
	enc := encoder{d: d, o: o, stacks: map[uint32][]byte{}, creators: map[uint32][]byte{}}
	for i := range d.gs {
		if i > 0 {
			p.b = append(p.b, ',')
		}
		p.b = enc.goroutine(append(p.b, '\n'), &d.gs[i])
		if !p.fits() {
			return p.endList(len(d.gs) - i)
		}
	}
	return p.endList(0)
}

// WriteGoroutineJSON writes one goroutine as WriteJSON does, and reports
// whether there is one of that id.
func (d *Dump) WriteGoroutineJSON(w io.Writer, id uint64, o Options) (bool, error) {
	i, ok := d.index(id)
	if !ok {
		return false, nil
	}
	enc := encoder{d: d, o: o, stacks: map[uint32][]byte{}, creators: map[uint32][]byte{}}
	_, err := w.Write(append(enc.goroutine(nil, &d.gs[i]), '\n'))
	return true, err
}

// WriteStacksJSON writes what [Dump.WriteStacks] does as one JSON object: the
// summary's fields, stacks, a list of [Group], and missing, how many stacks there
// was no room for.
func (d *Dump) WriteStacksJSON(ctx context.Context, w io.Writer, o Options) error {
	groups := d.Groups()
	p := newPrinter(ctx, w, o)
	p.b = d.appendHead(p.b, "stacks")
	p.flush()
	for i, g := range groups {
		if o.Label != nil {
			for j := range g.Labels {
				g.Labels[j].Labels = shownLabels(g.Labels[j].Labels, o)
			}
		}
		if i > 0 {
			p.b = append(p.b, ',')
		}
		p.b = append(append(p.b, '\n'), jsonOf(g)...)
		if !p.fits() {
			return p.endList(len(groups) - i)
		}
	}
	return p.endList(0)
}

// endList ends the list and the object.
func (p *printer) endList(missing int) error {
	if p.err != nil {
		return p.err
	}
	p.b = append(p.b, "\n],\"missing\":"...)
	p.b = append(strconv.AppendInt(p.b, int64(missing), 10), "}\n"...)
	return p.close()
}

// encoder appends goroutines as JSON. Stacks are encoded once, as long as
// they are few.
type encoder struct {
	d                *Dump
	o                Options
	stacks, creators map[uint32][]byte
	size             int
}

func (enc *encoder) goroutine(b []byte, e *entry) []byte {
	d := enc.d
	b = strconv.AppendUint(append(b, `{"id":`...), e.id, 10)
	b = append(append(append(b, `,"state":"`...), e.state.String()...), '"')
	if r := d.reasons[e.reason]; r != "" {
		b = append(append(b, `,"wait":`...), jsonOf(r)...)
	}
	if e.flags&locked != 0 {
		b = append(b, `,"locked":true`...)
	}
	if e.flags&inferred != 0 {
		b = append(b, `,"inferred":true`...)
	}
	if e.labels != 0 {
		b = append(append(b, `,"labels":`...), jsonOf(shownLabels(d.labels[e.labels], enc.o))...)
	}
	b = append(b, enc.stack(e.stack)...)
	if e.creator != 0 {
		c, ok := enc.creators[e.creator]
		if !ok {
			c = jsonOf(d.frames[e.creator-1])
			enc.creators[e.creator] = c
		}
		b = append(append(b, `,"created_by":`...), c...)
	}
	if e.parent != 0 {
		b = strconv.AppendUint(append(b, `,"parent":`...), e.parent, 10)
	}
	return append(b, '}')
}

func (enc *encoder) stack(n uint32) []byte {
	if t, ok := enc.stacks[n]; ok {
		return t
	}
	var frames = []Frame{}
	var elided bool
	if n != 0 {
		frames, elided = enc.d.shownStack(n)
	}
	t := append([]byte(`,"stack":`), jsonOf(frames)...)
	if elided {
		t = append(t, `,"elided":true`...)
	}
	if enc.size += len(t); enc.size > maxCached {
		clear(enc.stacks)
		enc.size = len(t)
	}
	enc.stacks[n] = t
	return t
}

// shownLabels returns labels as they may be shown.
func shownLabels(labels []Label, o Options) []Label {
	if o.Label == nil {
		return labels
	}
	shown := make([]Label, len(labels))
	for i, l := range labels {
		shown[i] = Label{l.Key, o.Label(l.Key, l.Value)}
	}
	return shown
}

// jsonOf encodes what cannot fail to be encoded.
func jsonOf(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return b
}
