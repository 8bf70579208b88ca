package nodes

import (
	"context"
	"encoding"
	"io/fs"
	"reflect"
	"strconv"
	"time"
)

type variable[T any] struct {
	twinned
	set func(context.Context, T) error
}

// Var returns a file that shows a value, as [Value] does, and sets it when it is
// written. Only the owner may read and write it. T is a string, bool, number,
// time.Duration (written as 1m30s) or a type whose pointer is an
// encoding.TextUnmarshaler; other types panic when the tree is built. What
// cannot be parsed is fs.ErrInvalid with a text that says what would be right.
func Var[T any](name, doc string, get func(context.Context) (T, error), set func(context.Context, T) error) File {
	if _, err := parse[T](""); err == errNoParser {
		panic("nodes: Var " + name + ": no way to parse " + reflect.TypeFor[T]().String())
	}
	v := &variable[T]{set: set}
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
	return &commands{name: v.name, flags: flags, read: read, run: v.write}, nil
}

func (v *variable[T]) write(ctx context.Context, line string) error {
	x, err := parse[T](line)
	if err != nil {
		return Errorf(fs.ErrInvalid, "%s: %v", v.name, err)
	}
	return v.set(ctx, x)
}

var errNoParser = Errorf(ErrNotSupported, "cannot be written")

// parse reads a T as a person writes it.
func parse[T any](s string) (x T, err error) {
	if u, ok := any(&x).(encoding.TextUnmarshaler); ok {
		return x, u.UnmarshalText([]byte(s))
	}
	v := reflect.ValueOf(&x).Elem()
	bad := func(want string) error {
		return Errorf(fs.ErrInvalid, "%q is not %s", printable(s), want)
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(s)
		if err != nil {
			return x, bad("a duration such as 250ms or 1m30s")
		}
		v.SetInt(int64(d))
		return x, nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		switch s {
		case "true", "on", "yes", "1":
			v.SetBool(true)
		case "false", "off", "no", "0":
		default:
			return x, bad("true or false")
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(s, 10, v.Type().Bits())
		if err != nil {
			return x, bad("a whole number" + rangeHint(err, v.Type().Bits()))
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(s, 10, v.Type().Bits())
		if err != nil {
			return x, bad("a whole number of 0 or more" + rangeHint(err, v.Type().Bits()))
		}
		v.SetUint(n)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(s, v.Type().Bits())
		if err != nil {
			return x, bad("a number")
		}
		v.SetFloat(f)
	default:
		return x, errNoParser
	}
	return x, nil
}

func rangeHint(err error, bits int) string {
	if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange {
		return " of " + strconv.Itoa(bits) + " bits"
	}
	return ""
}
