package sql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
)

// query is one thing that a driver has been asked to do.
type query struct {
	req     request.Request
	conn    *conn
	op      string
	text    string
	args    int
	start   time.Time
	cause   uint64 // the request that it is for, 0 for none
	cancel  context.CancelCauseFunc
	killed  atomic.Bool
	reading atomic.Bool // rows are being read
	rows    atomic.Int64
}

// begin starts a query. The context that it returns is for the driver: one that can
// be cancelled, unless the program's own cannot: drivers do without a goroutine
// then.
func (c *conn) begin(ctx context.Context, op, raw string, args int) (*query, context.Context) {
	q := &query{conn: c, op: op, args: args, start: time.Now(), cause: request.FromContext(ctx).ID()}
	if q.text = raw; op != "begin" && op != "commit" && op != "rollback" && op != "ping" {
		q.text = c.pool.text(raw)
	}
	if ctx.Done() != nil {
		ctx, q.cancel = context.WithCancelCause(ctx)
	}
	c.started(ctx, q)
	q.req.Start(kind, q)
	return q, ctx
}

// end files the query, unless the driver has skipped it. It returns the error that
// the program is to see.
func (q *query) end(state string, err error) error {
	if q.op == "begin" && err == nil && state == "" {
		// Some drivers use the context until the transaction ends.
		q.conn.keep(q.cancel)
	} else if q.cancel != nil {
		q.cancel(context.Canceled)
	}
	q.req.Done()
	if err == driver.ErrSkip {
		q.conn.skipped(q)
		return err
	}
	e := q.entry()
	q.conn.ended(q, err == nil && state == "")
	if q.killed.Load() && err != nil {
		err = fmt.Errorf("%w: %w", ErrCanceledByOperator, err)
	}
	if state != "" {
		e.state = state
	} else if !q.killed.Load() {
		e.state = ""
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			e.state = "context ended"
		}
	}
	if err != nil {
		text := err.Error()
		if len(text) > maxText {
			text = text[:maxText] + "..."
		}
		e.err = hide(text, q.text)
	}
	p := q.conn.pool
	p.Keep(&e, e.took, true)
	p.Stats.Add(e.text, slices.Index(ops, e.op), e.took, err != nil || e.state == "panic", e.start.Add(e.took))
	return err
}

// kill cancels the query for the operator; false where that has been done before.
func (q *query) kill() (bool, error) {
	if q.cancel == nil && !q.reading.Load() {
		return false, nodes.Errorf(nodes.ErrNotSupported, "statement %d cannot be cancelled: the program runs it with a context that cannot be, such as context.Background()", q.req.ID())
	}
	if q.killed.Swap(true) {
		return false, nil
	}
	if q.cancel != nil {
		q.cancel(ErrCanceledByOperator)
	}
	return true, nil
}

// entry is what the tables show of one query, running or ended.
type entry struct {
	id, conn uint64
	start    time.Time
	took     time.Duration // so far, where it runs
	op, text string
	args     int
	rows     int64
	state    string
	err      string
	cause    uint64
}

func (q *query) entry() entry {
	e := entry{id: q.req.ID(), conn: q.conn.id, start: q.start, took: time.Since(q.start), op: q.op, text: q.text, args: q.args, rows: q.rows.Load(), cause: q.cause, state: "running"}
	switch {
	case q.killed.Load():
		e.state = "cancelled by operator"
	case q.reading.Load():
		e.state = "reading rows"
	}
	return e
}

// Cause implements inflight.Caller.
func (q *query) Cause() uint64 { return q.cause }

// Call implements inflight.Caller.
func (q *query) Call(r *redact.Redactor) (inflight.Call, bool) {
	e := q.entry()
	return inflight.Call{
		File: "sql/" + nodes.Escape(q.conn.pool.name) + "/queries/" + strconv.FormatUint(e.id, 10),
		Age:  e.took, State: e.state, What: r.Text(e.text),
	}, true
}

// run lets the driver do something that is over when it returns.
func run[T any](c *conn, ctx context.Context, op, raw string, args int, f func(context.Context) (T, error)) (v T, err error) {
	q, ctx := c.begin(ctx, op, raw, args)
	returned := false
	defer func() {
		if !returned {
			_ = q.end("panic", nil)
		}
	}()
	v, err = f(ctx)
	returned = true
	return v, q.end("", err)
}

// read lets the driver begin something that is over when its rows are closed.
func read(c *conn, ctx context.Context, raw string, args int, f func(context.Context) (driver.Rows, error)) (driver.Rows, error) {
	q, ctx := c.begin(ctx, "query", raw, args)
	returned := false
	defer func() {
		if !returned {
			_ = q.end("panic", nil)
		}
	}()
	own, err := f(ctx)
	returned = true
	if err != nil || own == nil {
		return own, q.end("", err)
	}
	q.reading.Store(true)
	return wrapRows(own, q), nil
}

// transaction tells what a statement does to the transaction of its connection: 1
// begins one, -1 ends it.
func transaction(text string) int {
	first, rest, _ := strings.Cut(text, " ")
	if len(first) > len("savepoint") {
		return 0
	}
	second, _, _ := strings.Cut(rest, " ")
	third := func() string { f := append(strings.Fields(rest), "", ""); return f[1] }
	switch strings.ToUpper(first) {
	case "BEGIN":
		return 1
	case "START":
		if strings.EqualFold(second, "TRANSACTION") {
			return 1
		}
	case "COMMIT", "END":
		return -1
	case "ROLLBACK":
		if !strings.EqualFold(second, "TO") && !strings.EqualFold(third(), "TO") {
			return -1
		}
	}
	return 0
}
