package process

import (
	"encoding/json"
	"fmt"

	"github.com/ispyd/ispyd/nodes"
)

// table is a list of rows that says what it left out.
type table[T any] struct {
	rows []T
	more int    // rows that are not here
	what string // of them, with its verb: "threads run"
}

// MarshalText makes a header and one row a line; where some are missing, the
// last line says how many.
func (t table[T]) MarshalText() ([]byte, error) {
	b := nodes.AppendText(nil, t.rows)
	if t.more > 0 {
		b = fmt.Appendf(b, "# %d more %s and are not shown\n", t.more, t.what)
	}
	return b, nil
}

// MarshalJSON makes an array of the rows; where some are missing, its last
// element says how many.
func (t table[T]) MarshalJSON() ([]byte, error) {
	rows := make([]any, 0, len(t.rows)+1)
	for i := range t.rows {
		rows = append(rows, &t.rows[i])
	}
	if t.more > 0 {
		rows = append(rows, map[string]int{"more": t.more})
	}
	return json.Marshal(rows)
}
