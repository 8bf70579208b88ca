package debugger

import (
	"context"
	"encoding/json"
	"io/fs"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/ispyd/ispyd/internal/live"
	"github.com/ispyd/ispyd/internal/nearest"
	"github.com/ispyd/ispyd/internal/probes/returns"
	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/internal/symbols/pclntab"
	"github.com/ispyd/ispyd/nodes"
)

// observation is what the verb observe asks for.
type observation struct {
	count   int
	lasts   time.Duration
	slower  time.Duration
	errors  bool
	records *nodes.Ring
}

// The bounds of an observation.
const (
	maxCount   = 100_000
	maxLasting = time.Hour
	// recordsSize is how many bytes are kept of each, and maxRecords of how many
	// functions.
	recordsSize = 256 << 10
	maxRecords  = 32
)

// observe takes FUNC [count=N] [for=DURATION] [if=CONDITIONS].
func (p *plugin) observe(ctx context.Context, args []string) error {
	o := &observation{count: returns.DefaultCount, lasts: returns.DefaultFor}
	name := ""
	for _, a := range args {
		key, value, ok := strings.Cut(a, "=")
		var err error
		switch {
		case ok && key == "count":
			if o.count, err = strconv.Atoi(value); err != nil || o.count < 1 || o.count > maxCount {
				err = nodes.Errorf(fs.ErrInvalid, "observe count=%.20s: must be from 1 to %d calls", value, maxCount)
			}
		case ok && key == "for":
			if o.lasts, err = time.ParseDuration(value); err != nil || o.lasts <= 0 || o.lasts > maxLasting {
				err = nodes.Errorf(fs.ErrInvalid, "observe for=%.20s: must be a duration of at most %s, such as 30s", value, maxLasting)
			}
		case ok && key == "if":
			err = o.conditions(value)
		case name != "":
			err = nodes.Errorf(fs.ErrInvalid, "observe %.40q: there are count=N, for=30s and if=slower:100ms,error", a)
		default:
			name = a
		}
		if err != nil {
			return err
		}
	}
	if name == "" {
		return nodes.Errorf(fs.ErrInvalid, "observe: the function is missing, such as main.handler")
	}
	o.records = nodes.NewRing(recordsSize)
	return p.put(ctx, &probe{kind: kindObserve, name: name, by: by(ctx), note: o.String()}, 0, o)
}

// conditions takes slower:100ms,error.
func (o *observation) conditions(list string) (err error) {
	for _, c := range strings.Split(list, ",") {
		word, value, _ := strings.Cut(c, ":")
		switch word {
		case "error":
			o.errors = true
		case "slower":
			if o.slower, err = time.ParseDuration(value); err != nil || o.slower <= 0 {
				return nodes.Errorf(fs.ErrInvalid, "observe if=%.40s: slower takes a duration, as in slower:100ms", c)
			}
		default:
			return nodes.Errorf(fs.ErrInvalid, "observe if=%.40s: unknown%s; there are slower:DURATION and error", c, nearest.Hint(word, []string{"slower", "error"}))
		}
	}
	return nil
}

// String is what is observed, for the note in probes.
func (o *observation) String() string {
	s := "count=" + strconv.Itoa(o.count) + " for=" + o.lasts.String()
	if o.slower > 0 {
		s += " slower:" + o.slower.String()
	}
	if o.errors {
		s += " error"
	}
	return s
}

// callRecord is a line of a file of observed.
type callRecord struct {
	Time      time.Time         `json:"time"`
	Function  string            `json:"function"`
	Goroutine uint64            `json:"goroutine"`
	Duration  float64           `json:"seconds"`
	Args      map[string]string `json:"args"`
	Results   map[string]string `json:"results"`
	Error     string            `json:"error,omitempty"`
}

// valueLimits bound what is shown of an argument or result.
var valueLimits = live.Limits{Depth: 4, Items: 8, String: 200, Values: 100}

// maxShown is how many bytes of one value are shown.
const maxShown = 1000

// called notes a call. It runs on a goroutine of package returns.
func (p *plugin) called(pr *probe, s *sites, f pclntab.Func, o *observation, c *returns.Call) {
	if pr.leaving.Load() {
		return
	}
	r := callRecord{
		Time: c.Time, Function: pclntab.Display(f.Name()), Goroutine: c.Goroutine, Duration: c.Duration.Seconds(),
		Args: map[string]string{}, Results: map[string]string{},
	}
	fn, err := s.index.Func(strings.ReplaceAll(f.Name(), "%2e", "."))
	types := map[string]*symbols.Type{}
	if err == nil {
		for _, q := range fn.Params {
			types[q.Name] = q.Type
		}
	}
	d := &live.Decoder{Index: s.index, Limits: valueLimits, Hide: p.redact}
	show := func(values []returns.Value, to map[string]string) string {
		var words []string
		for _, v := range values {
			t := types[v.Name]
			var text string
			if c.Error != nil && t != nil && t.Name() == "error" {
				// Nothing but c.Error keeps it alive.
				text = c.Error.Type
				if c.Error.Text != "" {
					text += "(" + strconv.Quote(p.redact.Text(c.Error.Text)) + ")"
				}
			} else {
				text = decoded(d, t, v)
			}
			to[v.Name] = text
			words = append(words, v.Name+"="+text)
		}
		return strings.Join(words, ", ")
	}
	if c.Error != nil {
		c.Error.Text = cut(c.Error.Text, maxShown)
	}
	d.Gone = c.ArgsStack
	line := show(c.Args, r.Args)
	d.Gone = c.ResultsStack
	results := show(c.Results, r.Results)
	if c.Error != nil {
		r.Error = p.redact.Text(c.Error.Text)
		if r.Error == "" {
			r.Error = c.Error.Type
		}
	}
	data, err := json.Marshal(r)
	if err != nil {
		return
	}
	o.records.Append(data)
	pr.captured.Add(1)
	b := c.Time.AppendFormat(nil, timeFormat)
	b = append(append(append(b, '\t'), kindObserve...), '\t')
	b = nodes.AppendEscaped(b, pr.name)
	b = append(b, "\tobserved/"...)
	b = append(b, nodes.Escape(pr.name)...)
	b = append(b, '\t')
	b = nodes.AppendEscaped(b, r.Function)
	b = append(b, '\t')
	text := "(" + line + ") (" + results + ") in " + c.Duration.String()
	if r.Error != "" {
		text += ", error: " + r.Error
	}
	p.events.Append(nodes.AppendEscaped(b, cut(text, 4<<10)))
}

// decoded is a value in Go syntax. What is behind pointers is read now, a moment
// after the call.
func decoded(d *live.Decoder, t *symbols.Type, v returns.Value) string {
	switch {
	case v.Data == nil:
		return "?"
	case t == nil:
		return "0x" + hexBytes(v.Data)
	}
	x, err := d.DecodeBytes(context.Background(), v.Name, t, v.Data)
	if err != nil {
		return "0x" + hexBytes(v.Data)
	}
	return cut(string(x.AppendGo(nil)), maxShown)
}

// hexBytes are bytes as one number, the last first, at most 32 of them.
func hexBytes(b []byte) string {
	const digits = "0123456789abcdef"
	var s []byte
	for i := min(len(b), 32) - 1; i >= 0; i-- {
		s = append(s, digits[b[i]>>4], digits[b[i]&15])
	}
	return string(s)
}

// remember keeps the records of an observation after its end. p.mu is held.
func (p *plugin) remember(name string, o *observation) {
	if p.records == nil {
		p.records = map[string]*observed{}
	}
	if p.records[name] == nil && len(p.records) >= maxRecords {
		oldest := ""
		for n, r := range p.records {
			if oldest == "" || r.since.Before(p.records[oldest].since) {
				oldest = n
			}
		}
		delete(p.records, oldest)
	}
	p.records[name] = &observed{time.Now(), o.records}
}

// observed are the records of the last observation of a function.
type observed struct {
	since   time.Time
	records *nodes.Ring
}

// observed is the directory of that name.
func (p *plugin) observed() nodes.Dir {
	const each = "the calls of the last observation of the function, a JSON object each; what pointers point to was read a moment after the call"
	node := func(name string, r *observed) nodes.Node {
		return nodes.Stream(nodes.Escape(name), each, r.records)
	}
	return nodes.Dynamic("observed", "the calls that were observed, a file for each function",
		func(_ context.Context, file string) (nodes.Node, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			name := nodes.Unescape(file)
			if r := p.records[name]; r != nil && nodes.ValidName(nodes.Escape(name)) {
				return node(name, r), nil
			}
			return nil, nodes.Errorf(fs.ErrNotExist, "no calls of %.200q have been observed", name)
		},
		func(context.Context) ([]nodes.Node, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			var names []string
			for name := range p.records {
				names = append(names, name)
			}
			sort.Strings(names)
			var list []nodes.Node
			for _, name := range names {
				if nodes.ValidName(nodes.Escape(name)) {
					list = append(list, node(name, p.records[name]))
				}
			}
			return list, nil
		},
		nodes.Help{Path: "FUNC", Kind: nodes.KindStream, Doc: each})
}
