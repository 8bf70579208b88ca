package sql

import (
	"database/sql"
	"path/filepath"
	"testing"
)

// BenchmarkQuery compares the bare driver with the wrapped one.
func BenchmarkQuery(b *testing.B) {
	for _, bb := range []struct {
		name    string
		wrapped bool
		stacks  bool
	}{{"bare", false, false}, {"wrapped, no stacks", true, false}, {"wrapped", true, true}} {
		var db *sql.DB
		var err error
		dsn := filepath.Join(b.TempDir(), "test.db")
		if bb.wrapped {
			db, err = Open("bench", "sqlite", dsn)
		} else {
			db, err = sql.Open("sqlite", dsn)
		}
		if err != nil {
			b.Fatal(err)
		}
		for _, p := range known.list() {
			p.stacks.Store(bb.stacks)
		}
		if _, err := db.Exec("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT); INSERT INTO t (x) VALUES ('a'), ('b')"); err != nil {
			b.Fatal(err)
		}
		for _, op := range []struct {
			name string
			f    func() error
		}{
			{"query", func() error {
				var x string
				return db.QueryRowContext(b.Context(), "SELECT x FROM t WHERE id = ?", 2).Scan(&x)
			}},
			{"exec", func() error {
				_, err := db.ExecContext(b.Context(), "DELETE FROM t WHERE id = 99")
				return err
			}},
		} {
			b.Run(op.name+"/"+bb.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := op.f(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		db.Close()
	}
}

// BenchmarkNormal is what a statement costs that has not been seen before.
func BenchmarkNormal(b *testing.B) {
	const s = "SELECT o.id, o.total FROM orders o JOIN users u ON u.id = o.user_id WHERE u.email = 'somebody@example.com' AND o.state IN (1, 2, 3) ORDER BY o.created_at DESC LIMIT 10"
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		normal(s, false)
	}
}
