package sql

import (
	"database/sql/driver"
	"io"
	"reflect"
)

// rows are those of a query, which ends when they are closed.
type rows struct {
	own driver.Rows
	q   *query
	err error // the last one of Next, io.EOF aside
	end bool
}

// rowsNext have more than one result set.
type rowsNext struct {
	*rows
	next driver.RowsNextResultSet
}

func wrapRows(own driver.Rows, q *query) driver.Rows {
	r := &rows{own: own, q: q}
	if next, ok := own.(driver.RowsNextResultSet); ok {
		return &rowsNext{r, next}
	}
	return r
}

// Columns implements driver.Rows.
func (r *rows) Columns() []string { return r.own.Columns() }

// Next implements driver.Rows.
func (r *rows) Next(dest []driver.Value) error {
	if r.q.killed.Load() {
		r.err = ErrCanceledByOperator
		return r.err
	}
	returned := false
	defer func() {
		if !returned {
			r.over("panic", nil)
		}
	}()
	err := r.own.Next(dest)
	returned = true
	if err == nil {
		r.q.rows.Add(1)
	} else if err != io.EOF {
		r.err = err
	}
	return err
}

// Close implements driver.Rows.
func (r *rows) Close() error {
	returned := false
	defer func() {
		if !returned {
			r.over("panic", nil)
		}
	}()
	err := r.own.Close()
	returned = true
	seen := r.err
	if seen == nil {
		seen = err
	}
	r.over("", seen)
	return err
}

func (r *rows) over(state string, err error) {
	if !r.end {
		r.end = true
		_ = r.q.end(state, err)
	}
}

// HasNextResultSet implements driver.RowsNextResultSet.
func (r *rowsNext) HasNextResultSet() bool { return r.next.HasNextResultSet() }

// NextResultSet implements driver.RowsNextResultSet.
func (r *rowsNext) NextResultSet() error { return r.next.NextResultSet() }

// ColumnTypeScanType implements driver.RowsColumnTypeScanType; it and the others
// answer for a driver without as database/sql does.
func (r *rows) ColumnTypeScanType(i int) reflect.Type {
	if c, ok := r.own.(driver.RowsColumnTypeScanType); ok {
		return c.ColumnTypeScanType(i)
	}
	return reflect.TypeFor[any]()
}

// ColumnTypeDatabaseTypeName implements driver.RowsColumnTypeDatabaseTypeName.
func (r *rows) ColumnTypeDatabaseTypeName(i int) string {
	if c, ok := r.own.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return c.ColumnTypeDatabaseTypeName(i)
	}
	return ""
}

// ColumnTypeLength implements driver.RowsColumnTypeLength.
func (r *rows) ColumnTypeLength(i int) (int64, bool) {
	if c, ok := r.own.(driver.RowsColumnTypeLength); ok {
		return c.ColumnTypeLength(i)
	}
	return 0, false
}

// ColumnTypeNullable implements driver.RowsColumnTypeNullable.
func (r *rows) ColumnTypeNullable(i int) (nullable, ok bool) {
	if c, ok := r.own.(driver.RowsColumnTypeNullable); ok {
		return c.ColumnTypeNullable(i)
	}
	return false, false
}

// ColumnTypePrecisionScale implements driver.RowsColumnTypePrecisionScale.
func (r *rows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	if c, ok := r.own.(driver.RowsColumnTypePrecisionScale); ok {
		return c.ColumnTypePrecisionScale(i)
	}
	return 0, 0, false
}
