package nodes

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"strings"
)

// twinSuffix marks the JSON form of a file.
const twinSuffix = ".json"

type value[T any] struct {
	text
	twin text
}

// Value returns a file that shows one typed value, computed when it is opened.
// Its text is that of [AppendText]; the unlisted twin name.json is the value as
// JSON. Both are rendered as [Text] says.
func Value[T any](name, doc string, get func(context.Context) (T, error)) File {
	v := &value[T]{}
	v.init(name, doc, KindValue, 0o444, get)
	return v
}

func (v *value[T]) init(name, doc string, kind Kind, mode fs.FileMode, get func(context.Context) (T, error)) {
	v.name, v.doc, v.kind, v.mode = name, doc, kind, mode
	v.render = func(ctx context.Context, w io.Writer) error {
		x, err := get(ctx)
		if err != nil {
			return err
		}
		_, err = w.Write(AppendText(nil, x))
		return err
	}
	t := &v.twin
	t.name, t.doc, t.kind, t.mode = name+twinSuffix, doc+", as JSON", KindValue, mode&0o444
	t.render = jsonOf(get)
}

func (v *value[T]) Twin() File { return &v.twin }

func jsonOf[T any](get func(context.Context) (T, error)) func(context.Context, io.Writer) error {
	return func(ctx context.Context, w io.Writer) error {
		x, err := get(ctx)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(x); err != nil {
			return err
		}
		// JSON that was cut is no JSON.
		if b.Len() > MaxRendering {
			return Errorf(ErrTooLarge, "%d bytes of JSON: more than %d are not rendered", b.Len(), MaxRendering)
		}
		_, err = b.WriteTo(w)
		return err
	}
}

// lookupTwin finds name.json's twin; err is the error of the exact name.
func lookupTwin(ctx context.Context, dir Dir, name string, err error) (Node, error) {
	stem, ok := strings.CutSuffix(name, twinSuffix)
	if !ok || stem == "" || !isNotExist(err) {
		return nil, err
	}
	n, stemErr := dir.Lookup(ctx, stem)
	if stemErr != nil {
		return nil, err
	}
	t, ok := n.(Twinned)
	if !ok {
		return nil, Errorf(fs.ErrNotExist, "%s: %s has no JSON form", name, stem)
	}
	return t.Twin(), nil
}
