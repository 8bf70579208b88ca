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

// twinned is a text that can also be read as JSON.
type twinned struct {
	text
	twin text
}

// Value returns a file that shows one typed value, computed when it is opened.
// Its text is that of [AppendText]; the unlisted twin name.json is the value as
// JSON. Both are rendered as [Text] says.
func Value[T any](name, doc string, get func(context.Context) (T, error)) File {
	v := &twinned{}
	v.init(name, doc, KindValue, 0o444, textOf(get), jsonOf(get))
	return v
}

// TextJSON returns a file like [Text] with an unlisted twin name.json, for what is
// too large or too particular for [Value]. json writes one JSON value; it must
// keep below [MaxRendering] by itself.
func TextJSON(name, doc string, text, json func(ctx context.Context, w io.Writer) error) File {
	v := &twinned{}
	v.init(name, doc, KindText, 0o444, text, json)
	return v
}

//go:noinline
func (v *twinned) init(name, doc string, kind Kind, mode fs.FileMode, text, json func(context.Context, io.Writer) error) {
	v.name, v.doc, v.kind, v.mode, v.render = name, doc, kind, mode, text
	t := &v.twin
	t.name, t.doc, t.kind, t.mode, t.render = name+twinSuffix, doc+", as JSON", kind, mode&0o444, json
}

func (v *twinned) Twin() File { return &v.twin }

func textOf[T any](get func(context.Context) (T, error)) func(context.Context, io.Writer) error {
	return func(ctx context.Context, w io.Writer) error {
		x, err := get(ctx)
		if err != nil {
			return err
		}
		_, err = w.Write(AppendText(nil, x))
		return err
	}
}

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
