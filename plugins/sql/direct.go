package sql

import (
	"context"
	"database/sql/driver"
	"errors"
)

// database/sql converts arguments for a driver that executes statements directly,
// before it knows whether the driver will: so that must not be claimed of one that
// does not.
type (
	connExec  struct{ *conn }
	connQuery struct{ *conn }
	connBoth  struct {
		connExec
		connQuery
	}
)

func (c connBoth) base() *conn { return c.connExec.conn }

// The methods of conn are there twice in connBoth.

// Prepare implements driver.Conn.
func (c connBoth) Prepare(query string) (driver.Stmt, error) { return c.base().Prepare(query) }

// Close implements driver.Conn.
func (c connBoth) Close() error { return c.base().Close() }

// Begin implements driver.Conn.
func (c connBoth) Begin() (driver.Tx, error) { return c.base().Begin() }

// PrepareContext implements driver.ConnPrepareContext.
func (c connBoth) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.base().PrepareContext(ctx, query)
}

// BeginTx implements driver.ConnBeginTx.
func (c connBoth) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.base().BeginTx(ctx, o)
}

// Ping implements driver.Pinger.
func (c connBoth) Ping(ctx context.Context) error { return c.base().Ping(ctx) }

// ResetSession implements driver.SessionResetter.
func (c connBoth) ResetSession(ctx context.Context) error { return c.base().ResetSession(ctx) }

// IsValid implements driver.Validator.
func (c connBoth) IsValid() bool { return c.base().IsValid() }

// CheckNamedValue implements driver.NamedValueChecker.
func (c connBoth) CheckNamedValue(v *driver.NamedValue) error { return c.base().CheckNamedValue(v) }

// The interfaces that are deprecated, and that drivers still have.
type (
	oldExecer interface {
		Exec(query string, args []driver.Value) (driver.Result, error)
	}
	oldQueryer interface {
		Query(query string, args []driver.Value) (driver.Rows, error)
	}
	oldStmt interface {
		Exec(args []driver.Value) (driver.Result, error)
		Query(args []driver.Value) (driver.Rows, error)
	}
	columnConverter interface {
		ColumnConverter(idx int) driver.ValueConverter
	}
)

func execer(c driver.Conn) (driver.ExecerContext, oldExecer, bool) {
	e, is := c.(driver.ExecerContext)
	old, was := c.(oldExecer)
	return e, old, is || was
}

func queryer(c driver.Conn) (driver.QueryerContext, oldQueryer, bool) {
	q, is := c.(driver.QueryerContext)
	old, was := c.(oldQueryer)
	return q, old, is || was
}

// ExecContext implements driver.ExecerContext.
func (c connExec) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return run(c.conn, ctx, "exec", query, len(args), func(ctx context.Context) (driver.Result, error) {
		e, old, _ := execer(c.own)
		if e != nil {
			return e.ExecContext(ctx, query, args)
		}
		values, err := plain(ctx, args)
		if err != nil {
			return nil, err
		}
		return old.Exec(query, values)
	})
}

// QueryContext implements driver.QueryerContext.
func (c connQuery) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return read(c.conn, ctx, query, len(args), func(ctx context.Context) (driver.Rows, error) {
		q, old, _ := queryer(c.own)
		if q != nil {
			return q.QueryContext(ctx, query, args)
		}
		values, err := plain(ctx, args)
		if err != nil {
			return nil, err
		}
		return old.Query(query, values)
	})
}

// plain returns arguments for a driver that knows neither names nor contexts, as
// database/sql makes them.
func plain(ctx context.Context, args []driver.NamedValue) ([]driver.Value, error) {
	values := make([]driver.Value, len(args))
	for i, a := range args {
		if a.Name != "" {
			return nil, errors.New("sql: driver does not support the use of Named Parameters")
		}
		values[i] = a.Value
	}
	return values, ctx.Err()
}

// stmt is a prepared statement.
type stmt struct {
	own   driver.Stmt
	conn  *conn
	query string
}

// stmtConverter is one whose driver converts arguments by their columns.
type stmtConverter struct {
	*stmt
	columnConverter
}

// Close implements driver.Stmt.
func (s *stmt) Close() error { return s.own.Close() }

// NumInput implements driver.Stmt.
func (s *stmt) NumInput() int { return s.own.NumInput() }

// CheckNamedValue implements driver.NamedValueChecker: the statement's, or else the
// connection's, as database/sql does.
func (s *stmt) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := s.own.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return s.conn.CheckNamedValue(v)
}

// Exec implements driver.Stmt.
func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), named(args))
}

// Query implements driver.Stmt.
func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), named(args))
}

func named(args []driver.Value) []driver.NamedValue {
	list := make([]driver.NamedValue, len(args))
	for i, v := range args {
		list[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return list
}

// ExecContext implements driver.StmtExecContext.
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return run(s.conn, ctx, "exec", s.query, len(args), func(ctx context.Context) (driver.Result, error) {
		if e, ok := s.own.(driver.StmtExecContext); ok {
			return e.ExecContext(ctx, args)
		}
		values, err := plain(ctx, args)
		if err != nil {
			return nil, err
		}
		return oldStmt(s.own).Exec(values)
	})
}

// QueryContext implements driver.StmtQueryContext.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return read(s.conn, ctx, s.query, len(args), func(ctx context.Context) (driver.Rows, error) {
		if q, ok := s.own.(driver.StmtQueryContext); ok {
			return q.QueryContext(ctx, args)
		}
		values, err := plain(ctx, args)
		if err != nil {
			return nil, err
		}
		return oldStmt(s.own).Query(values)
	})
}
