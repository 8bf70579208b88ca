package sql

import (
	"context"
	"database/sql/driver"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/request"
)

// conn is a connection of a pool. database/sql takes one out by ResetSession, or
// uses it at once where it is new, and asks IsValid when it puts it back.
type conn struct {
	pool   *pool
	own    driver.Conn
	id     uint64
	opened time.Time

	mu      sync.Mutex
	held    bool      // somebody has it
	since   time.Time // held or not
	callers [24]uintptr
	cause   uint64   // the request that it was taken for, 0 for none
	running []*query // more than one where rows are open
	count   uint64   // of statements
	last    string
	changed time.Time // when running became empty
	inTx    bool
	txSince time.Time
	txStop  context.CancelCauseFunc // ends the context that the transaction was begun with
}

// connected returns what database/sql is given for a new connection.
func (p *pool) connected(ctx context.Context, own driver.Conn) driver.Conn {
	now := time.Now()
	c := &conn{pool: p, own: own, id: p.lastID.Add(1), opened: now, since: now, changed: now}
	// One that is opened for the pool goes to whoever waits, or to nobody.
	var callers [8]uintptr
	forPool := slices.ContainsFunc(inflight.Frames(callers[:runtime.Callers(3, callers[:])]), func(f runtime.Frame) bool {
		return strings.HasSuffix(f.Function, ").openNewConnection")
	})
	if !forPool {
		c.hold(ctx)
	}
	p.opened.Add(1)
	p.mu.Lock()
	p.conns[c] = struct{}{}
	p.mu.Unlock()
	_, _, exec := execer(own)
	_, _, query := queryer(own)
	switch {
	case exec && query:
		return connBoth{connExec{c}, connQuery{c}}
	case exec:
		return connExec{c}
	case query:
		return connQuery{c}
	}
	return c
}

func (c *conn) base() *conn { return c }

// hold notes who has the connection from now on. c.mu is held, or nobody else has c.
func (c *conn) hold(ctx context.Context) {
	c.held, c.since = true, time.Now()
	c.changed = c.since
	c.cause = request.FromContext(ctx).ID()
	clear(c.callers[:])
	if c.pool.stacks.Load() {
		runtime.Callers(3, c.callers[:])
	}
}

func (c *conn) started(ctx context.Context, q *query) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.held {
		c.hold(ctx)
	}
	c.running = append(c.running, q)
	c.last = q.text
	c.count++
}

func (c *conn) done(q *query) {
	c.changed = time.Now()
	if i := slices.Index(c.running, q); i >= 0 {
		c.running = slices.Delete(c.running, i, i+1)
	}
}

// skipped forgets a query that the driver wants to be asked in another way.
func (c *conn) skipped(q *query) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done(q)
	c.count--
}

func (c *conn) ended(q *query, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done(q)
	change := 0
	switch q.op {
	case "begin":
		change = 1
	case "commit", "rollback":
		c.inTx = false
	case "exec", "query":
		change = transaction(q.text)
	}
	if !ok || change == 0 {
		return
	}
	if c.inTx = change > 0; c.inTx {
		c.txSince = q.start
	}
}

// keep takes what ends the context of a transaction, and ends that of the one before.
func (c *conn) keep(stop context.CancelCauseFunc) {
	c.mu.Lock()
	old := c.txStop
	c.txStop = stop
	c.mu.Unlock()
	if old != nil {
		old(context.Canceled)
	}
}

// state is a connection as it is now.
type state struct {
	id, count, cause    uint64
	opened, since       time.Time
	held, inTx, reading bool
	txSince, changed    time.Time
	callers             [24]uintptr
	running             *query // the newest of those that run, or else that are read
	last, name          string
}

func (c *conn) now() state {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := state{
		id: c.id, count: c.count, cause: c.cause, opened: c.opened, since: c.since, held: c.held, inTx: c.inTx,
		txSince: c.txSince, changed: c.changed, callers: c.callers, last: c.last,
	}
	for _, q := range c.running {
		if s.running == nil || s.reading || !q.reading.Load() {
			s.running, s.reading = q, q.reading.Load()
		}
	}
	switch {
	case s.reading:
		s.name, s.changed = "reading rows", s.running.start
	case s.running != nil:
		s.name, s.changed = "running", s.running.start
	case s.inTx:
		s.name = "idle in transaction"
	case s.held:
		s.name = "checked out"
	default:
		s.name, s.changed = "idle", s.since
	}
	return s
}

// ResetSession implements driver.SessionResetter.
func (c *conn) ResetSession(ctx context.Context) error {
	c.mu.Lock()
	c.hold(ctx)
	c.mu.Unlock()
	if r, ok := c.own.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

// IsValid implements driver.Validator.
func (c *conn) IsValid() bool {
	c.mu.Lock()
	c.held, c.since = false, time.Now()
	c.mu.Unlock()
	if v, ok := c.own.(driver.Validator); ok {
		return v.IsValid()
	}
	return true
}

// Close implements driver.Conn.
func (c *conn) Close() error {
	c.pool.mu.Lock()
	delete(c.pool.conns, c)
	c.pool.mu.Unlock()
	c.pool.removed.Add(1)
	defer c.keep(nil)
	return c.own.Close()
}

// Ping implements driver.Pinger.
func (c *conn) Ping(ctx context.Context) error {
	p, ok := c.own.(driver.Pinger)
	if !ok {
		return nil
	}
	_, err := run(c, ctx, "ping", "PING", 0, func(ctx context.Context) (struct{}, error) { return struct{}{}, p.Ping(ctx) })
	return err
}

// CheckNamedValue implements driver.NamedValueChecker; ErrSkip is as if it did not.
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := c.own.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// Prepare implements driver.Conn.
func (c *conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	own, err := run(c, ctx, "prepare", query, 0, func(ctx context.Context) (driver.Stmt, error) {
		if p, ok := c.own.(driver.ConnPrepareContext); ok {
			return p.PrepareContext(ctx, query)
		}
		s, err := c.own.Prepare(query)
		if err == nil && ctx.Err() != nil {
			_ = s.Close()
			return nil, ctx.Err()
		}
		return s, err
	})
	if err != nil || own == nil {
		return own, err
	}
	s := &stmt{own, c, query}
	if cc, ok := own.(columnConverter); ok {
		return &stmtConverter{s, cc}, nil
	}
	return s, nil
}

// Begin implements driver.Conn.
func (c *conn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// beginner is the part of driver.Conn that is deprecated.
type beginner interface{ Begin() (driver.Tx, error) }

// BeginTx implements driver.ConnBeginTx, for others as database/sql does without.
func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	own, err := run(c, ctx, "begin", "BEGIN", 0, func(ctx context.Context) (driver.Tx, error) {
		if b, ok := c.own.(driver.ConnBeginTx); ok {
			return b.BeginTx(ctx, o)
		}
		switch {
		case o.Isolation != 0:
			return nil, errors.New("sql: driver does not support non-default isolation level")
		case o.ReadOnly:
			return nil, errors.New("sql: driver does not support read-only transactions")
		}
		tx, err := beginner(c.own).Begin()
		if err == nil && ctx.Err() != nil {
			_ = tx.Rollback()
			return nil, ctx.Err()
		}
		return tx, err
	})
	if err != nil || own == nil {
		return own, err
	}
	return &tx{own, c}, nil
}

type tx struct {
	own  driver.Tx
	conn *conn
}

// Commit implements driver.Tx.
func (t *tx) Commit() error { return t.end("commit", "COMMIT", t.own.Commit) }

// Rollback implements driver.Tx.
func (t *tx) Rollback() error { return t.end("rollback", "ROLLBACK", t.own.Rollback) }

func (t *tx) end(op, text string, f func() error) error {
	defer t.conn.keep(nil)
	_, err := run(t.conn, context.Background(), op, text, 0, func(context.Context) (struct{}, error) { return struct{}{}, f() })
	return err
}
