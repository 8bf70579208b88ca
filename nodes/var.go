package nodes

import (
	"context"
	"encoding"
	"io/fs"
	"reflect"
	"strconv"
	"strings"
	"time"
)

type variable[T any] struct {
	twinned
	get     func(context.Context) (T, error)
	set     func(context.Context, T) error
	hold    func(context.Context) (func(context.Context) error, error) // nil: the value is set back
	setting *Setting
}

// Var returns a file that shows a value, as [Value] does, and sets it when it is
// written. Only the owner may read and write it. T is a string, bool, number,
// time.Duration (written as 1m30s) or a type whose pointer is an
// encoding.TextUnmarshaler; other types panic when the tree is built. What
// cannot be parsed is fs.ErrInvalid with a text that says what would be right.
//
// A last word for=DURATION makes the write a lease: "debug for=5m" goes back to
// what it was, when the time is up or the server closes, if it still has that
// value; the next write replaces the lease. See [MaxLease].
func Var[T any](name, doc string, get func(context.Context) (T, error), set func(context.Context, T) error) File {
	return HeldVar(name, doc, get, set, nil)
}

// HeldVar is [Var] for what does not go back by setting the value that it had:
// hold is called before the write that begins a lease, and returns what puts
// everything back when it ends. It must not change anything by itself.
func HeldVar[T any](name, doc string, get func(context.Context) (T, error), set func(context.Context, T) error, hold func(ctx context.Context) (back func(ctx context.Context) error, err error)) File {
	if _, err := parse[T](""); err == errNoParser {
		panic("nodes: Var " + name + ": no way to parse " + reflect.TypeFor[T]().String())
	}
	v := &variable[T]{get: get, set: set, hold: hold, setting: NewSetting(name)}
	v.setting.noted = true
	v.init(name, doc, KindVar, 0o600, textOf(get), jsonOf(get))
	return v
}

func (v *variable[T]) Open(ctx context.Context, flags Flags) (Handle, error) {
	var read *Snapshot
	if flags&Read != 0 {
		s, err := v.flight.do(ctx, v.name, false, v.capture)
		if err != nil {
			return nil, err
		}
		read = s
	}
	if flags&Write == 0 {
		return read, nil
	}
	return &commands{name: v.name, flags: flags, read: read, run: v.write, missing: "a value is missing"}, nil
}

func (v *variable[T]) write(ctx context.Context, line string) error {
	line, lease, err := cutFor(line)
	var x T
	if err == nil {
		x, err = parse[T](line)
	}
	if err != nil {
		return Errorf(fs.ErrInvalid, "%s: %v", v.name, err)
	}
	return v.setting.Change(ctx, lease, Change{
		Now:  v.now,
		Do:   func(ctx context.Context) error { return v.set(ctx, x) },
		Hold: v.holdOwn,
	})
}

// now returns the value as reading shows it.
func (v *variable[T]) now(ctx context.Context) (string, error) {
	x, err := v.get(ctx)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(string(AppendText(nil, x)), "\n"), nil
}

func (v *variable[T]) holdOwn(ctx context.Context) (func(context.Context) error, error) {
	if v.hold != nil {
		return v.hold(ctx)
	}
	own, err := v.get(ctx)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return v.set(ctx, own) }, nil
}

var errNoParser = Errorf(ErrNotSupported, "cannot be written")

// parse reads a T as a person writes it.
func parse[T any](s string) (x T, err error) {
	err = parseInto(&x, s)
	return x, err
}

// parseInto is parse for what p points to: one function for all types.
func parseInto(p any, s string) error {
	if u, ok := p.(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(s))
	}
	v := reflect.ValueOf(p).Elem()
	want := ""
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		switch s {
		case "true", "on", "yes", "1":
			v.SetBool(true)
		case "false", "off", "no", "0":
		default:
			want = "true or false"
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if v.Type() == reflect.TypeFor[time.Duration]() {
			d, err := time.ParseDuration(s)
			if err != nil {
				want = "a duration such as 250ms or 1m30s"
			}
			v.SetInt(int64(d))
			break
		}
		n, err := strconv.ParseInt(s, 10, v.Type().Bits())
		if err != nil {
			want = "a whole number" + rangeHint(err, v.Type().Bits())
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(s, 10, v.Type().Bits())
		if err != nil {
			want = "a whole number of 0 or more" + rangeHint(err, v.Type().Bits())
		}
		v.SetUint(n)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(s, v.Type().Bits())
		if err != nil {
			want = "a number"
		}
		v.SetFloat(f)
	default:
		return errNoParser
	}
	if want != "" {
		v.SetZero()
		return Errorf(fs.ErrInvalid, "%q is not %s", printable(s), want)
	}
	return nil
}

func rangeHint(err error, bits int) string {
	if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange {
		return " of " + strconv.Itoa(bits) + " bits"
	}
	return ""
}
