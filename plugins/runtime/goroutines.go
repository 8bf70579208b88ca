package runtime

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strconv"

	"github.com/ispyd/ispyd/internal/goroutines"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

// dumper writes dumps of goroutines as the configuration wants them.
type dumper struct{ options goroutines.Options }

func newDumper(c plugins.Config) dumper {
	// A JSON list that is cut needs its end.
	return dumper{goroutines.Options{Limit: nodes.MaxRendering - 4096, Label: c.Redact().Value}}
}

// take returns a dump that began after the call.
func take(ctx context.Context) (*goroutines.Dump, error) {
	dump, err := goroutines.Take(ctx)
	var p *goroutines.PanicError
	if errors.As(err, &p) {
		err = &nodes.PanicError{Value: p.Value, Stack: p.Stack}
	}
	return dump, err
}

// writer is a method of a dump that writes all of it.
type writer func(*goroutines.Dump, context.Context, io.Writer, goroutines.Options) error

func (d dumper) render(write writer) func(context.Context, io.Writer) error {
	return func(ctx context.Context, w io.Writer) error {
		dump, err := take(ctx)
		if err != nil {
			return err
		}
		return write(dump, ctx, w, d.options)
	}
}

func (d dumper) full(ctx context.Context, w io.Writer) error {
	return goroutines.WriteFull(ctx, w, d.options)
}

// nodes are the files about goroutines.
func (d dumper) nodes() []nodes.Node {
	return []nodes.Node{
		nodes.TextJSON("goroutines", "every goroutine with state, wait reason, stack and creator, in the format of Go's own dump, without a pause",
			d.render((*goroutines.Dump).WriteText), d.render((*goroutines.Dump).WriteJSON)),
		nodes.TextJSON("stacks", "goroutines grouped by identical stacks, most first: count, states, ids, labels",
			d.render((*goroutines.Dump).WriteStacks), d.render((*goroutines.Dump).WriteStacksJSON)),
		nodes.Unlisted(nodes.Text("goroutines.full", "the runtime's own dump, with arguments and minutes of waiting; the whole program stands still for it", d.full)),
		nodes.Dynamic("goroutine", "one goroutine by its id; none is listed, since each look takes a dump", d.lookup, nil,
			nodes.Help{Path: "ID", Kind: nodes.KindText, Doc: "the goroutine of this id, as goroutines shows it"}),
	}
}

// lookup makes the file of one id. Whether there is such a goroutine shows when it
// is opened.
func (d dumper) lookup(_ context.Context, name string) (nodes.Node, error) {
	id, err := strconv.ParseUint(name, 10, 64)
	if err != nil || id == 0 || strconv.FormatUint(id, 10) != name {
		return nil, nodes.Errorf(fs.ErrNotExist, "%q is no goroutine id", name)
	}
	one := func(write func(*goroutines.Dump, io.Writer, uint64, goroutines.Options) (bool, error)) func(context.Context, io.Writer) error {
		return func(ctx context.Context, w io.Writer) error {
			dump, err := take(ctx)
			if err != nil {
				return err
			}
			if !dump.HasIDs() {
				return nodes.Errorf(nodes.ErrBusy, "ids are not known now: %s; ../stacks shows all goroutines, grouped", dump.NoIDs())
			}
			found, err := write(dump, w, id, d.options)
			if err == nil && !found {
				err = nodes.Errorf(fs.ErrNotExist, "no goroutine %d: it has ended, or never was", id)
			}
			return err
		}
	}
	return nodes.TextJSON(name, "goroutine "+name+": state, wait reason, stack, creator",
		one((*goroutines.Dump).WriteGoroutine), one((*goroutines.Dump).WriteGoroutineJSON)), nil
}
