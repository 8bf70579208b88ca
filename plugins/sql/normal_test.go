package sql

import (
	"strings"
	"testing"
)

func TestNormal(t *testing.T) {
	for _, tt := range []struct{ in, out string }{
		{"", ""},
		{"SELECT 1", "SELECT ?"},
		{"select  *\n\tfrom users -- who\nwhere id = 17;", "select * from users where id = ?"},
		{"SELECT 'it''s', 'b' FROM \"users\".\"id\", `x y`", `SELECT ?, ... FROM "users"."id", ` + "`x y`"},
		{"SELECT a1, t2.b_3 FROM t2 WHERE x=-1.5e-3 AND y<0xFF AND z = .5", "SELECT a1, t2.b_3 FROM t2 WHERE x=-? AND y<? AND z = .?"},
		{"SELECT $1, $2, ?1, @p1, :name, :1, x::int", "SELECT $1, $2, ?1, @p1, :name, :1, x::int"},
		{"SELECT $$it's secret$$, $tag$ $$ secret $tag$ FROM t", "SELECT ?, ... FROM t"},
		{"SELECT $tag$ secret", "SELECT ?..."},
		{"SELECT v$session FROM x", "SELECT v$session FROM x"},
		{"SELECT /* it's /* nested 'secret' */ a */ b", "SELECT b"},
		{"SELECT a /* 'secret", "SELECT a"},
		{"INSERT INTO t VALUES (1, 'secret', NULL), (2, 'secret', NULL), (3, 'x', NULL)", "INSERT INTO t VALUES (?, ..., NULL)"},
		{"INSERT INTO t VALUES (?, ?, ?), (?,?,?)", "INSERT INTO t VALUES (?, ...)"},
		{"SELECT * FROM t WHERE id IN (1,2,3,4)", "SELECT * FROM t WHERE id IN (?, ...)"},
		{`SELECT 'a\' -- secret`, "SELECT ?..."},
		{`SELECT 'a\\', b`, "SELECT ?, b"},
		{`SELECT E'a\'secret', b`, "SELECT E?, b"},
		{`SELECT q'[it's secret]', b`, "SELECT q?..."},
		{`SELECT nq'[it's secret]', b`, "SELECT nq?..."},
		{"SELECT 'secret", "SELECT ?..."},
		{"SELECT \"secret", "SELECT ?..."},
		{"SELECT X'AB12', N'x'", "SELECT X?, N?"},
		{"SELECT 'a'\n'secret'", "SELECT ? ?"},
		{"SELECT größe FROM t", "SELECT größe FROM t"},
		{"SELECT 5--5\n+a", "SELECT ? +a"},
	} {
		if got := normal(tt.in, false); got != tt.out {
			t.Errorf("%q\n got %q\nwant %q", tt.in, got, tt.out)
		}
	}
	if got := normal(`SELECT "it's secret", a`, true); got != "SELECT ?, a" {
		t.Errorf("MySQL: %q", got)
	}
	long := normal("SELECT "+strings.Repeat("a+", 100_000), false)
	if len(long) != maxText+3 {
		t.Errorf("%d bytes of a long one", len(long))
	}
}

func TestHide(t *testing.T) {
	for _, tt := range []struct{ in, out string }{
		{`invalid input "hunter2"`, `invalid input "?"`},
		{`no such table "users"`, `no such table "users"`},
		{`near 'it`, `near '?`},
		{`can't do that`, `can't do that`},
		{`Duplicate entry 'a@b.c' for key "x"`, `Duplicate entry '?' for key "?"`},
		{"plain", "plain"},
	} {
		if got := hide(tt.in, "SELECT a FROM users"); got != tt.out {
			t.Errorf("%q: %q", tt.in, got)
		}
	}
}

func TestTransaction(t *testing.T) {
	for text, want := range map[string]int{
		"BEGIN": 1, "begin immediate": 1, "START TRANSACTION READ ONLY": 1, "START SLAVE": 0, "COMMIT": -1, "END": -1, "ROLLBACK": -1,
		"ROLLBACK TO x": 0, "ROLLBACK TRANSACTION TO SAVEPOINT x": 0, "ROLLBACK WORK": -1, "SELECT ?": 0, "": 0, "SAVEPOINT x": 0,
	} {
		if got := transaction(text); got != want {
			t.Errorf("%q: %d", text, got)
		}
	}
}

// FuzzNormal: no value is ever seen, whatever surrounds it.
func FuzzNormal(f *testing.F) {
	f.Add("SELECT a FROM b WHERE c = ", " AND d = 'x'")
	f.Add("-- it's\n", "$$")
	f.Fuzz(func(t *testing.T, before, after string) {
		got := normal(before+after, false)
		if len(got) > maxText+16 {
			t.Errorf("%d bytes", len(got))
		}
		// A string in a statement whose quotes are balanced so far.
		if strings.ContainsAny(before, "'\"`$\\/-*") || len(before) > maxText || strings.ContainsAny(before, "qQ") {
			return
		}
		if got := normal(before+" 'sEcReT'"+after, false); strings.Contains(got, "sEcReT") && !strings.Contains(before+after, "sEcReT") {
			t.Errorf("%q, %q: %q", before, after, got)
		}
	})
}
