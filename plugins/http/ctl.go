package http

import (
	"context"
	"io/fs"
	"strconv"
	"time"

	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
)

func (f *family) ctl() nodes.Node {
	return nodes.Ctl("ctl", "acts on these requests",
		nodes.Verb{Name: "cancel", Args: "<requests>", Doc: "cancel the context of the request of this id, with the cause ErrCanceledByOperator", Run: f.cancel},
		nodes.Verb{Name: "slow", Args: "duration", Doc: "from now on keep in slow what takes as long, such as 250ms, or longer", Run: f.setSlow},
		nodes.Verb{Name: "clear", Doc: "forget what recent, slow and stats have", Run: func(context.Context, []string) error {
			f.clear()
			return nil
		}},
	)
}

func (f *family) cancel(_ context.Context, args []string) error {
	id, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil {
		return nodes.Errorf(fs.ErrInvalid, "%q is no id of a request: a number, as active shows them", args[0])
	}
	r := request.Lookup(id)
	if r == nil {
		if e, ok := f.find(id); ok {
			return nodes.Errorf(fs.ErrNotExist, "no such request any more: %d ended %s ago; see recent", id, time.Since(e.start.Add(e.took)).Round(time.Millisecond))
		}
		return gone(id)
	}
	if r.Kind() != f.kind {
		return nodes.Errorf(fs.ErrInvalid, "request %d is not one of these, but of %s", id, r.Kind())
	}
	r.Owner().(running).cancel()
	return nil
}

func (f *family) setSlow(_ context.Context, args []string) error {
	d, err := time.ParseDuration(args[0])
	if err != nil || d <= 0 {
		return nodes.Errorf(fs.ErrInvalid, "%q is no duration of more than 0, such as 250ms or 1m30s", args[0])
	}
	f.slow.Store(int64(d))
	return nil
}
