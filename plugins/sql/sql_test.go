package sql

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/nodes/nodetest"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

// base opens an SQLite database with a table of ten people.
func base(t testing.TB, name string) *sql.DB {
	t.Helper()
	db, err := Open(name, "sqlite", filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	for _, s := range []string{"CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL)", "INSERT INTO people (name) VALUES ('a'),('b'),('c'),('d'),('e'),('f'),('g'),('h'),('i'),('j')"} {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// forever counts without end.
const forever = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n) SELECT count(*) FROM n WHERE x <> 'hunter2'"

// run runs a statement without end, and returns its row in active and its error.
func runForever(t *testing.T, dir nodes.Dir, db *sql.DB, ctx context.Context) (row map[string]any, result <-chan error) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		var n int
		done <- db.QueryRowContext(ctx, forever).Scan(&n)
	}()
	for t.Context().Err() == nil {
		var rows []map[string]any
		if err := json.Unmarshal([]byte(plugintest.Read(t, dir, "active.json")), &rows); err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if strings.HasPrefix(fmt.Sprint(r["statement"]), "WITH") {
				return r, done
			}
		}
	}
	return nil, nil
}

func sub(t testing.TB, dir nodes.Dir, name string) nodes.Dir {
	t.Helper()
	n, err := nodes.Walk(t.Context(), dir, name)
	if err != nil {
		t.Fatal(err)
	}
	return n.(nodes.Dir)
}

// theConn returns the row of the only connection.
func theConn(t testing.TB, dir nodes.Dir) map[string]any {
	t.Helper()
	var rows []map[string]any
	if err := json.Unmarshal([]byte(plugintest.Read(t, dir, "connections.json")), &rows); err != nil || len(rows) != 1 {
		t.Fatal(err, rows)
	}
	return rows[0]
}

func TestTree(t *testing.T) {
	db := base(t, "a/b")
	rows, err := db.Query("SELECT name FROM people WHERE name <> 'secret'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	nodetest.Check(t, func(t *testing.T) (nodes.Dir, io.Closer) {
		dir, closer, err := Plugin.Open(plugintest.Config(t, "sql", ""))
		if err != nil {
			t.Fatal(err)
		}
		return dir, closer
	})
}

func TestConfig(t *testing.T) {
	for _, tt := range []struct{ text, err string }{
		{`slow = "0s"`, `test.toml:2: sql.slow: must be a duration of more than 0 with its unit, such as "1s" or "250ms", not "0s"`},
		{`slow = "-1s"`, `test.toml:2: sql.slow: must be a duration of more than 0 with its unit, such as "1s" or "250ms", not "-1s"`},
		{`slow = 5`, `test.toml:2: sql.slow: must be a duration of more than 0 with its unit, such as "1s" or "250ms", not 5`},
		{`slow = "5"`, `such as "1s" or "250ms", not "5"`},
		{`slow = true`, `such as "1s" or "250ms", not true`},
		{"recent = 0", "test.toml:2: sql.recent: must be from 1 to 100000, not 0"},
		{"slow-recent = -1", "test.toml:2: sql.slow-recent: must be from 1"},
		{"statements = 10001", "test.toml:2: sql.statements: must be from 1 to 10000"},
		{"resent = 1", "resent"},
	} {
		_, _, err := Plugin.Open(plugintest.Config(t, "sql", "[sql]\n"+tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v", tt.text, err)
		}
	}
}

func TestPools(t *testing.T) {
	dir := opened(t, "")
	first, second := base(t, "x/y"), base(t, "x/y")
	list := func() (names []string) {
		l, err := dir.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range l {
			names = append(names, n.Name())
		}
		return names
	}
	if got := fmt.Sprint(list()); got != "[x%2Fy x%2Fy-2]" {
		t.Error(got)
	}
	var paths []string
	for _, h := range nodes.Explain(t.Context(), dir) {
		paths = append(paths, h.Path)
	}
	if got := strings.Join(paths, " "); got != "POOL POOL/active POOL/connections POOL/ctl POOL/holders POOL/queries POOL/queries/ID POOL/recent POOL/slow POOL/statements POOL/stats" {
		t.Error(got)
	}
	first.Close()
	if got := fmt.Sprint(list()); got != "[x%2Fy-2]" {
		t.Error(got)
	}
	second.Close()
	if _, err := nodes.Walk(t.Context(), dir, "x%2Fy"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestStatements(t *testing.T) {
	root := opened(t, "[sql]\nslow = \"1ns\"\n")
	db := base(t, "main")
	dir := sub(t, root, "main")
	cause := request.New("test")
	defer cause.Done()
	ctx := cause.Context(t.Context())
	rows, err := db.QueryContext(ctx, "SELECT id FROM people WHERE name <> 'hunter2'")
	if err != nil {
		t.Fatal(err)
	}
	calls := inflight.CallsOf(cause.ID(), nil)
	if len(calls) != 1 || !strings.HasPrefix(calls[0].File, "sql/main/queries/") || calls[0].State != "reading rows" || calls[0].What != "SELECT id FROM people WHERE name <> ?" {
		t.Errorf("what the cause waits for: %+v", calls)
	} else if one := plugintest.Facts(plugintest.Read(t, root, strings.TrimPrefix(calls[0].File, "sql/"))); one["request"] != fmt.Sprint(cause.ID()) {
		t.Errorf("%s: %v", calls[0].File, one)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	if calls := inflight.CallsOf(cause.ID(), nil); len(calls) != 0 {
		t.Errorf("after the end: %+v", calls)
	}
	for i := range 3 {
		var name string
		if err := db.QueryRowContext(ctx, fmt.Sprintf("SELECT name FROM people WHERE id = %d AND name <> 'hunter2'", i+1)).Scan(&name); err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(ctx, "UPDATE people SET name = ? WHERE id = ?", "swordfish", i+1); err != nil {
			t.Fatal(err)
		}
	}
	st, err := db.PrepareContext(ctx, "SELECT id FROM people WHERE name = ?")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	var id int
	if err := st.QueryRowContext(ctx, "j").Scan(&id); err != nil || id != 10 {
		t.Fatal(id, err)
	}
	if _, err := db.ExecContext(ctx, "INSERT INTO people (id, name) VALUES (1, 'swordfish')"); err == nil {
		t.Fatal("no error")
	}
	if _, err := db.ExecContext(ctx, `SELECT * FROM "hunter2`); err == nil {
		t.Fatal("no error")
	}
	if err := db.PingContext(ctx); err != nil {
		t.Fatal(err)
	}
	all := ""
	for _, name := range []string{"stats", "connections", "holders", "active", "recent", "slow", "statements"} {
		all += "== " + name + "\n" + plugintest.Read(t, dir, name) + plugintest.Read(t, dir, name+".json")
	}
	for _, secret := range []string{"hunter2", "swordfish"} {
		if strings.Contains(all, secret) {
			t.Errorf("%s is shown:\n%s", secret, all)
		}
	}
	stats := plugintest.Read(t, dir, "statements")
	for _, want := range []string{
		"query\tSELECT name FROM people WHERE id = ? AND name <> ?\t3\t0\t0\t", "exec\tUPDATE people SET name = ? WHERE id = ?\t3\t0\t0\t",
		"prepare\tSELECT id FROM people WHERE name = ?\t1\t", "query\tSELECT id FROM people WHERE name = ?\t1\t", "ping\tPING\t1",
		"exec\tINSERT INTO people (id, name) VALUES (?, ...)\t1\t0\t1\t",
	} {
		if !strings.Contains(stats, want) {
			t.Errorf("%q is missing:\n%s", want, stats)
		}
	}
	e := known.list()[0].Recent.List()
	if e[0].op != "ping" || e[1].err == "" || e[3].rows != 1 || e[3].args != 1 || e[3].cause != cause.ID() {
		t.Errorf("recent: %+v", e[:4])
	}
	one := plugintest.Read(t, dir, fmt.Sprint("queries/", e[3].id))
	if f := plugintest.Facts(one); f["statement"] != "SELECT id FROM people WHERE name = ?" || f["request"] != fmt.Sprint(cause.ID()) {
		t.Errorf("%s", one)
	}
	if f := plugintest.Facts(plugintest.Read(t, dir, "stats")); f["open"] != "1" || f["idle"] != "1" || f["in_use"] != "0" || f["max_open"] != "unlimited" || f["wait_count"] != "0" {
		t.Errorf("stats: %v", f)
	}
	if err := plugintest.Write(t, dir, "ctl", "clear"); err != nil || len(known.list()[0].Recent.List()) != 0 {
		t.Error("clear", err)
	}
}

// leakRows is looked for as the holder.
func leakRows(t *testing.T, db *sql.DB) *sql.Rows {
	rows, err := db.QueryContext(t.Context(), "SELECT name FROM people WHERE id > 3")
	if err != nil {
		t.Fatal(err)
	}
	rows.Next()
	return rows
}

// TestExhausted: rows that nobody closes keep a pool's only connection.
func TestExhausted(t *testing.T) {
	root := opened(t, "")
	db := base(t, "main")
	dir := sub(t, root, "main")
	db.SetMaxOpenConns(1)
	rows := leakRows(t, db)
	defer rows.Close()
	got := make(chan error, 1)
	go func() { got <- db.PingContext(t.Context()) }()
	for db.Stats().WaitCount == 0 && t.Context().Err() == nil {
	}
	stats := plugintest.Facts(plugintest.Read(t, dir, "stats"))
	if stats["in_use"] != "1" || stats["max_open"] != "1" || stats["reading_rows"] != "1" || stats["wait_count"] != "1" || !strings.Contains(stats["note"], "all connections are in use") {
		t.Errorf("stats: %v", stats)
	}
	c := theConn(t, dir)
	if c["state"] != "reading rows" || !strings.HasSuffix(fmt.Sprint(c["holder"]), "sql.leakRows") || c["statement"] != "SELECT name FROM people WHERE id > ?" {
		t.Errorf("connection: %v", c)
	}
	holders := plugintest.Read(t, dir, "holders")
	if !strings.Contains(holders, "sql.leakRows(...)") || !strings.Contains(holders, "sql.TestExhausted(...)") || strings.Contains(holders, "(*conn") {
		t.Errorf("holders: %s", holders)
	}
	if longestHeld() <= 0 || oldestRunning() != 0 {
		t.Error("sources of triggers")
	}
	one := plugintest.Read(t, dir, fmt.Sprint("queries/", c["query"]))
	if f := plugintest.Facts(one); f["state"] != "reading rows" || f["rows"] != "1" || !strings.Contains(one, "sql.leakRows(...)") {
		t.Errorf("%s", one)
	}
	// The operator ends the reading.
	if err := plugintest.Write(t, dir, "ctl", fmt.Sprint("cancel ", c["query"])); err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
	}
	if !errors.Is(rows.Err(), ErrCanceledByOperator) && !errors.Is(rows.Err(), context.Canceled) {
		t.Errorf("the reader got %v", rows.Err())
	}
	if err := <-got; err != nil {
		t.Errorf("who waited got %v", err)
	}
	if c := theConn(t, dir); c["state"] != "idle" || c["held"] != "" {
		t.Errorf("connection: %v", c)
	}
}

// TestOpenTransaction: the classical leak, by BeginTx and by a statement.
func TestOpenTransaction(t *testing.T) {
	root := opened(t, "")
	db := base(t, "main")
	dir := sub(t, root, "main")
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "DELETE FROM people WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	c := theConn(t, dir)
	if c["state"] != "idle in transaction" || c["transaction"] == "" || !strings.HasSuffix(fmt.Sprint(c["holder"]), "sql.TestOpenTransaction") || c["statement"] != "DELETE FROM people WHERE id = ?" {
		t.Errorf("connection: %v", c)
	}
	if f := plugintest.Facts(plugintest.Read(t, dir, "stats")); f["idle_in_transaction"] != "1" || f["in_transaction"] != "1" {
		t.Errorf("stats: %v", f)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if c := theConn(t, dir); c["state"] != "idle" || c["transaction"] != "" {
		t.Errorf("connection: %v", c)
	}
	held, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if c := theConn(t, dir); c["state"] != "checked out" {
		t.Errorf("connection: %v", c)
	}
	for _, s := range []struct{ text, state string }{{"BEGIN IMMEDIATE", "idle in transaction"}, {"SAVEPOINT a", "idle in transaction"}, {"ROLLBACK TO a", "idle in transaction"}, {"COMMIT", "checked out"}} {
		if _, err := held.ExecContext(t.Context(), s.text); err != nil {
			t.Fatal(err)
		}
		if c := theConn(t, dir); c["state"] != s.state {
			t.Errorf("after %s: %v", s.text, c)
		}
	}
	if err := held.Raw(func(c any) error {
		if own := fmt.Sprintf("%T", Unwrap(c)); own != "*sqlite.conn" {
			t.Errorf("unwrapped is a %s", own)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestLocked: a statement that waits for the lock of another connection.
func TestLocked(t *testing.T) {
	root := opened(t, "")
	db := base(t, "main")
	dir := sub(t, root, "main")
	holder, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	if _, err := holder.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	waiter, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer waiter.Close()
	if _, err := waiter.ExecContext(t.Context(), "PRAGMA busy_timeout = 600000"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := waiter.ExecContext(t.Context(), "DELETE FROM people WHERE name = 'secret'")
		done <- err
	}()
	for !strings.Contains(plugintest.Read(t, dir, "active"), "running\t2\t0\t0\t-\texec\tDELETE FROM people WHERE name = ?") && t.Context().Err() == nil {
	}
	if c := plugintest.Read(t, dir, "connections"); !strings.Contains(c, "1\tidle in transaction\t") || !strings.Contains(c, "2\trunning\t") {
		t.Errorf("connections: %s", c)
	}
	if _, err := holder.ExecContext(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestCancel(t *testing.T) {
	root := opened(t, "")
	db := base(t, "main")
	dir := sub(t, root, "main")
	row, result := runForever(t, dir, db, t.Context())
	id := fmt.Sprint(row["id"])
	if oldestRunning() <= 0 || row["state"] != "running" {
		t.Errorf("active: %v", row)
	}
	if err := plugintest.Write(t, dir, "ctl", "cancel "+id); err != nil {
		t.Fatal(err)
	}
	if err := <-result; !errors.Is(err, ErrCanceledByOperator) {
		t.Errorf("the program got %v", err)
	}
	if e := known.list()[0].Recent.List()[0]; e.state != "cancelled by operator" || e.err == "" {
		t.Errorf("recent: %+v", e)
	}
	if err := plugintest.Write(t, dir, "ctl", "cancel "+id); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "ended") {
		t.Errorf("one that has ended: %v", err)
	}

	ctx, stop := context.WithCancel(t.Context())
	_, result = runForever(t, dir, db, ctx)
	stop()
	if err := <-result; err == nil || errors.Is(err, ErrCanceledByOperator) {
		t.Errorf("the program got %v", err)
	}
	other := request.New("other")
	defer other.Done()
	for command, want := range map[string]error{"cancel x": fs.ErrInvalid, "cancel 99999999": fs.ErrNotExist, fmt.Sprint("cancel ", other.ID()): fs.ErrInvalid, "slow x": fs.ErrInvalid, "slow 1h": nil} {
		if err := plugintest.Write(t, dir, "ctl", command); !errors.Is(err, want) {
			t.Errorf("%s: %v", command, err)
		}
	}
	if got := plugintest.Read(t, dir, "ctl"); !strings.Contains(got, "\nslow\tduration [for=DURATION]\t") || !strings.Contains(got, "; now 1h0m0s\n") {
		t.Errorf("ctl reads\n%s", got)
	}
	// With a context that nobody can cancel there is nothing to do.
	locked, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer locked.Close()
	q, _ := known.list()[0].list()[0].begin(context.Background(), "exec", "SELECT 1", 0)
	if err := plugintest.Write(t, dir, "ctl", fmt.Sprint("cancel ", q.req.ID())); !errors.Is(err, nodes.ErrNotSupported) {
		t.Errorf("context.Background: %v", err)
	}
	_ = q.end("", nil)
}

// TestSlow: thresholds hold from the opening on.
func TestSlow(t *testing.T) {
	root := opened(t, "[sql]\nslow = \"1h\"\nrecent = 2\nstacks = false\n")
	base(t, "main")
	p := known.list()[0]
	if len(p.Slowly.List()) != 0 || len(p.Recent.List()) != 2 || p.Slow() != time.Hour {
		t.Errorf("slow %v, recent %v", p.Slowly.List(), p.Recent.List())
	}
	if c := theConn(t, sub(t, root, "main")); c["holder"] != "" {
		t.Errorf("connection: %v", c)
	}
}
