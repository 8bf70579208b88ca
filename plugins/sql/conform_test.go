package sql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// odd is a driver that has only what old drivers have; those below have more.
// Its statements return their arguments as they came.
type odd struct{ log *[]string }

func (d odd) note(format string, args ...any) { *d.log = append(*d.log, fmt.Sprintf(format, args...)) }

type connectorOf struct {
	make func() driver.Conn
}

func (c connectorOf) Connect(context.Context) (driver.Conn, error) { return c.make(), nil }
func (c connectorOf) Driver() driver.Driver                        { return nil }

func (d odd) Prepare(query string) (driver.Stmt, error) {
	d.note("prepare %s", query)
	if strings.Contains(query, "panic") {
		panic("boom")
	}
	if strings.Contains(query, "bad") {
		return nil, driver.ErrBadConn
	}
	return oddStmt{d, query}, nil
}
func (d odd) Close() error { return nil }
func (d odd) Begin() (driver.Tx, error) {
	d.note("begin")
	return d, nil
}
func (d odd) Commit() error   { d.note("commit"); return nil }
func (d odd) Rollback() error { d.note("rollback"); return nil }

type oddStmt struct {
	odd
	query string
}

func (s oddStmt) NumInput() int { return strings.Count(s.query, "?") }
func (s oddStmt) Exec(args []driver.Value) (driver.Result, error) {
	s.note("exec %v", args)
	return driver.RowsAffected(len(args)), nil
}
func (s oddStmt) Query(args []driver.Value) (driver.Rows, error) {
	s.note("query %v", args)
	return &oddRows{args: args}, nil
}

type oddRows struct {
	args []driver.Value
	done bool
}

func (r *oddRows) Columns() []string { return make([]string, len(r.args)) }
func (r *oddRows) Close() error      { return nil }
func (r *oddRows) Next(dest []driver.Value) error {
	if r.done {
		return io.EOF
	}
	r.done = true
	copy(dest, r.args)
	return nil
}

// oddExec executes some statements directly.
type oddExec struct{ odd }

func (d oddExec) Exec(query string, args []driver.Value) (driver.Result, error) {
	d.note("direct %s %v", query, args)
	if strings.Contains(query, "skip") {
		return nil, driver.ErrSkip
	}
	return driver.RowsAffected(7), nil
}

// oddConvert converts by columns.
type oddConvert struct{ odd }

func (d oddConvert) Prepare(query string) (driver.Stmt, error) {
	s, err := d.odd.Prepare(query)
	if err != nil {
		return nil, err
	}
	return oddConvertStmt{s.(oddStmt)}, nil
}

type oddConvertStmt struct{ oddStmt }

func (oddConvertStmt) ColumnConverter(int) driver.ValueConverter { return upper{} }

type upper struct{}

func (upper) ConvertValue(v any) (driver.Value, error) {
	return strings.ToUpper(fmt.Sprint(v)), nil
}

// oddCheck checks arguments itself.
type oddCheck struct{ odd }

func (d oddCheck) CheckNamedValue(v *driver.NamedValue) error {
	switch v.Value.(type) {
	case struct{}:
		v.Value = "checked"
		return nil
	case chan int:
		return driver.ErrRemoveArgument
	}
	return driver.ErrSkip
}

// oddSession resets, validates and pings.
type oddSession struct{ odd }

func (d oddSession) ResetSession(context.Context) error { d.note("reset"); return nil }
func (d oddSession) IsValid() bool                      { d.note("valid"); return true }
func (d oddSession) Ping(context.Context) error         { d.note("ping"); return errors.New("no answer") }

// aChannel is an argument that few take.
var aChannel = make(chan int)

// script is what a program does; it returns what it sees.
func script(ctx context.Context, db *sql.DB) (seen []string) {
	see := func(v ...any) { seen = append(seen, fmt.Sprintln(v...)) }
	exec := func(query string, args ...any) {
		r, err := db.ExecContext(ctx, query, args...)
		if err != nil {
			see(query, err, errors.Is(err, driver.ErrBadConn), errors.Is(err, context.Canceled))
			return
		}
		n, err := r.RowsAffected()
		see(query, n, err)
	}
	see(db.PingContext(ctx))
	for _, q := range []string{"insert into t values (?)", "skip insert into t values (?)", "bad", "nothing"} {
		exec(q, "x")
		exec(q, 1, 2)
		exec(q, struct{}{})
		exec(q, aChannel)
		exec(q, sql.Named("n", 1))
		exec(q)
	}
	for _, q := range []string{"select ?, ?", "select"} {
		rows, err := db.QueryContext(ctx, q, []byte("a"), time.Unix(0, 0).UTC())
		see(q, err)
		if err != nil {
			continue
		}
		columns, err := rows.Columns()
		types, err2 := rows.ColumnTypes()
		see(columns, err, err2)
		for _, ct := range types {
			l, lok := ct.Length()
			n, nok := ct.Nullable()
			p, s, dok := ct.DecimalSize()
			see(ct.Name(), ct.DatabaseTypeName(), ct.ScanType(), l, lok, n, nok, p, s, dok)
		}
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			see(rows.Scan(values...))
			for _, v := range values {
				see(*v.(*any))
			}
		}
		see(rows.NextResultSet(), rows.Err(), rows.Close())
	}
	for _, o := range []*sql.TxOptions{nil, {ReadOnly: true}, {Isolation: sql.LevelSerializable}} {
		tx, err := db.BeginTx(ctx, o)
		see(err)
		if err == nil {
			_, err = tx.ExecContext(ctx, "insert into t values (?)", "y")
			see(err, tx.Commit(), tx.Rollback())
		}
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	_, err := db.ExecContext(canceled, "insert into t values (?)", "x")
	see(err)
	st, err := db.PrepareContext(ctx, "insert into t values (?)")
	see(err)
	if err == nil {
		_, err = st.ExecContext(ctx, struct{}{})
		see(err)
		_, err = st.ExecContext(ctx, "z", "too many")
		see(err)
		_, err = st.ExecContext(ctx, "z")
		see(err, st.Close())
	}
	return seen
}

// TestSameBehaviour: a program sees the same, wrapped and bare, and so does the
// driver.
func TestSameBehaviour(t *testing.T) {
	drivers := map[string]func(log *[]string) driver.Conn{
		"old":     func(l *[]string) driver.Conn { return odd{l} },
		"exec":    func(l *[]string) driver.Conn { return oddExec{odd{l}} },
		"convert": func(l *[]string) driver.Conn { return oddConvert{odd{l}} },
		"check":   func(l *[]string) driver.Conn { return oddCheck{odd{l}} },
		"session": func(l *[]string) driver.Conn { return oddSession{odd{l}} },
	}
	for name, conn := range drivers {
		var bare, wrapped []string
		db := sql.OpenDB(connectorOf{func() driver.Conn { return conn(&bare) }})
		want := script(t.Context(), db)
		db.Close()
		db = OpenDB("odd", connectorOf{func() driver.Conn { return conn(&wrapped) }})
		got := script(t.Context(), db)
		db.Close()
		for i := range want {
			if i >= len(got) || got[i] != want[i] {
				t.Errorf("%s: the program saw %q, not %q", name, got[i:], want[i:])
				break
			}
		}
		if !reflect.DeepEqual(bare, wrapped) {
			t.Errorf("%s: the driver saw\n%q\nnot\n%q", name, wrapped, bare)
		}
	}
	var seen [2][]string
	for i := range seen {
		dsn := filepath.Join(t.TempDir(), "test.db")
		db, err := sql.Open("sqlite", dsn)
		if i == 1 {
			db, err = Open("same", "sqlite", dsn)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("CREATE TABLE t (x TEXT)"); err != nil {
			t.Fatal(err)
		}
		seen[i] = script(t.Context(), db)
		db.Close()
	}
	if !reflect.DeepEqual(seen[0], seen[1]) {
		t.Errorf("sqlite: bare\n%q\nwrapped\n%q", seen[0], seen[1])
	}
}

// TestInterfaces: no more is claimed than the driver has, where it matters.
func TestInterfaces(t *testing.T) {
	var log []string
	p := known.add("interfaces", nil)
	defer known.remove(p)
	for _, tt := range []struct {
		own         driver.Conn
		exec, query bool
	}{{odd{&log}, false, false}, {oddExec{odd{&log}}, true, false}} {
		c := p.connected(t.Context(), tt.own)
		_, exec := c.(driver.ExecerContext)
		_, query := c.(driver.QueryerContext)
		if exec != tt.exec || query != tt.query || Unwrap(c) != tt.own {
			t.Errorf("%T: %v, %v", tt.own, exec, query)
		}
		s, err := c.Prepare("select")
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := s.(columnConverter); ok {
			t.Errorf("%T: ColumnConverter", tt.own)
		}
		c.Close()
	}
	if Unwrap(3) != 3 {
		t.Error("Unwrap of something else")
	}
}

// TestPanic: the very panic reaches the program, and the statement is filed.
func TestPanic(t *testing.T) {
	var log []string
	db := OpenDB("panic", connectorOf{func() driver.Conn { return odd{&log} }})
	defer db.Close()
	func() {
		defer func() {
			if v := recover(); v != "boom" {
				t.Errorf("recovered %v", v)
			}
		}()
		_, _ = db.ExecContext(t.Context(), "panic 'secret'")
	}()
	var p *pool
	for _, p = range known.list() {
		if p.name == "panic" {
			break
		}
	}
	if e := p.Recent.List(); len(e) != 1 || e[0].state != "panic" || e[0].text != "panic ?" {
		t.Errorf("recent: %+v", e)
	}
	if len(p.active()) != 0 {
		t.Error("it is still active")
	}
}
