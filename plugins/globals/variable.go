package globals

import (
	"context"
	"io"
	"reflect"
	"strings"

	"github.com/ispyd/ispyd/internal/live"
	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/nodes"
)

// variable is the file of a variable or of a part of one. It holds names alone: the
// symbols are looked up when it is used.
type variable struct {
	p     *plugin
	file  string
	name  string
	steps []live.Step
	// fixed says why the value cannot be written, nil where it can.
	fixed error
}

// variable makes the file of a whole variable; for reading alone it costs nothing
// but itself.
func (p *plugin) variable(x *symbols.Index, file, name string) *variable {
	v := &variable{p: p, file: file, name: name, fixed: errReadOnly}
	if p.conf.Write {
		s, err := x.Var(name)
		if v.fixed = err; err == nil {
			v.fixed = v.writable(live.Place{Type: s.Type})
		}
	}
	return v
}

var errReadOnly = nodes.Errorf(nodes.ErrReadOnly, "variables are read only: set write = true in the section [globals] of the configuration")

// writable finds out why the value at a place cannot be written.
func (v *variable) writable(place live.Place) error {
	if !v.p.conf.Write {
		return errReadOnly
	}
	if strings.HasPrefix(v.name, "runtime.") || strings.HasPrefix(v.name, "internal/runtime/") {
		return nodes.Errorf(nodes.ErrNotSupported, "%s is the runtime's own: changing it would end the program sooner or later", v.name)
	}
	if err := live.Writable(place.Type); err != nil {
		return nodes.Errorf(nodes.ErrNotSupported, "%s %v", v.full(), err)
	}
	if place.Bytes != nil && place.Type.Kind() != reflect.Pointer {
		return nodes.Errorf(nodes.ErrNotSupported, "%s: what a map or an interface holds by value has no place of its own: only what a pointer in it leads to can be written here; assign to it in the console, as the program would", v.full())
	}
	return nil
}

// full is the name with the steps.
func (v *variable) full() string {
	var b strings.Builder
	b.WriteString(v.name)
	for _, s := range v.steps {
		b.WriteString(s.String())
	}
	return b.String()
}

// find goes to the value.
func (v *variable) find(ctx context.Context, x *symbols.Index, d *live.Decoder) (live.Place, error) {
	s, err := x.Var(v.name)
	if err != nil {
		return live.Place{}, err
	}
	return d.Walk(ctx, v.name, live.Place{Type: s.Type, Addr: s.Addr, Name: last(v.name)}, v.steps)
}

// last is a variable's name without its package.
func last(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// value decodes the value; all of it, secrets too, where whole is set.
func (v *variable) value(ctx context.Context, whole bool) (*live.Value, error) {
	x, err := symbols.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	d := v.p.decoder(x)
	if whole {
		d.ShowAll, d.Limits.String = true, 1<<20
	}
	place, err := v.find(ctx, x, d)
	if err != nil {
		return nil, err
	}
	place.Secret = !whole && (place.Secret || v.secret())
	return d.DecodePlace(ctx, place)
}

// secret reports whether the value is a part of a secret: a name on the way there,
// but for the last, says so. The last is the decoder's to judge, with the type.
func (v *variable) secret() bool {
	if len(v.steps) == 0 {
		return false
	}
	if v.p.hide.Name(last(v.name)) {
		return true
	}
	for _, s := range v.steps[:len(v.steps)-1] {
		if s.Name != "" && v.p.hide.Name(s.Name) || s.Name == "" && v.p.hide.Name(strings.Trim(s.Index, "\"`")) {
			return true
		}
	}
	return false
}

// shown is a value as a file of a Var has it.
type shown struct {
	value *live.Value
	text  string // what is written
}

// MarshalText implements encoding.TextMarshaler.
func (s shown) MarshalText() ([]byte, error) { return s.value.AppendGo(nil), nil }

// MarshalJSON implements json.Marshaler.
func (s shown) MarshalJSON() ([]byte, error) { return s.value.AppendJSON(nil), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *shown) UnmarshalText(text []byte) error {
	s.text = string(text)
	return nil
}

func (v *variable) get(ctx context.Context) (shown, error) {
	x, err := v.value(ctx, false)
	return shown{value: x}, err
}

func (v *variable) set(ctx context.Context, s shown) error {
	x, err := symbols.Open(ctx)
	if err != nil {
		return err
	}
	defer x.Close()
	sym, err := x.Var(v.name)
	if err != nil {
		return err
	}
	return v.p.decoder(x).Write(sym, v.steps, s.text)
}

// hold remembers the value for the end of a lease.
func (v *variable) hold(ctx context.Context) (func(context.Context) error, error) {
	own, err := v.value(ctx, true)
	if err != nil {
		return nil, err
	}
	if own.Form == live.Pointer && len(own.Members) > 0 {
		own = own.Members[0].Value
	}
	if own.Note != "" {
		return nil, nodes.Errorf(nodes.ErrTooLarge, "%s: its value is too large to be put back", v.full())
	}
	text := string(own.AppendGo(nil))
	return func(ctx context.Context) error { return v.set(ctx, shown{text: text}) }, nil
}

// Name implements nodes.Node.
func (v *variable) Name() string { return v.file }

// Doc implements nodes.Node.
func (v *variable) Doc() string { return "the variable " + v.full() }

// Attr implements nodes.File.
func (v *variable) Attr() nodes.Attr {
	if v.fixed == nil {
		return nodes.Attr{Kind: nodes.KindVar, Mode: 0o600}
	}
	return nodes.Attr{Kind: nodes.KindText, Mode: 0o444}
}

// Open implements nodes.File.
func (v *variable) Open(ctx context.Context, flags nodes.Flags) (nodes.Handle, error) {
	if flags&nodes.Write != 0 && v.fixed != nil {
		return nil, v.fixed
	}
	return v.node().Open(ctx, flags)
}

// Twin implements nodes.Twinned.
func (v *variable) Twin() nodes.File { return v.node().(nodes.Twinned).Twin() }

// node is the file that does the work.
func (v *variable) node() nodes.File {
	if v.fixed == nil {
		return nodes.HeldVar(v.file, v.Doc(), v.get, v.set, v.hold)
	}
	write := func(form func(*live.Value, []byte) []byte) func(context.Context, io.Writer) error {
		return func(ctx context.Context, w io.Writer) error {
			x, err := v.value(ctx, false)
			if err != nil {
				return err
			}
			_, err = w.Write(append(form(x, nil), '\n'))
			return err
		}
	}
	return nodes.TextJSON(v.file, v.Doc(), write((*live.Value).AppendGo), write((*live.Value).AppendJSON))
}

var _ nodes.Twinned = (*variable)(nil)
