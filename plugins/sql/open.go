package sql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
)

// ErrCanceledByOperator is what a statement's error is, beside the driver's own,
// and the cause (see [context.Cause]) of the context that the driver had, where the
// statement was cancelled by writing "cancel ID" to the pool's ctl.
var ErrCanceledByOperator = errors.New("cancelled by the operator")

// Open opens a database as [sql.Open] does, by the names of driver and data source,
// and shows its pool under name. A name that is taken gets a number at its end. The
// pool is shown until the database is closed.
func Open(name, driverName, dataSourceName string) (*sql.DB, error) {
	db, err := sql.Open(driverName, dataSourceName)
	if err != nil {
		return nil, err
	}
	d := db.Driver()
	_ = db.Close() // it has no connections yet
	var c driver.Connector = &source{d, dataSourceName}
	if dc, ok := d.(driver.DriverContext); ok {
		// What sql.Open has made of it is closed.
		if c, err = dc.OpenConnector(dataSourceName); err != nil {
			return nil, err
		}
	}
	return OpenDB(name, c), nil
}

// source connects by a driver that has no connectors.
type source struct {
	driver driver.Driver
	name   string
}

func (s *source) Connect(context.Context) (driver.Conn, error) { return s.driver.Open(s.name) }
func (s *source) Driver() driver.Driver                        { return s.driver }

// OpenDB opens a database as [sql.OpenDB] does, and shows its pool under name.
func OpenDB(name string, c driver.Connector) *sql.DB {
	w := wrap(name, c)
	db := sql.OpenDB(w)
	w.pool.db.Store(db)
	return db
}

// Wrap returns a connector for [sql.OpenDB] whose pool is shown under name. What only
// the *sql.DB knows, such as the limit of connections, is not shown then; so prefer
// [OpenDB].
func Wrap(name string, c driver.Connector) driver.Connector { return wrap(name, c) }

func wrap(name string, c driver.Connector) *connector {
	return &connector{c, known.add(name, c.Driver())}
}

type connector struct {
	driver.Connector
	pool *pool
}

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	own, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return c.pool.connected(ctx, own), nil
}

// Close is called when the database is closed.
func (c *connector) Close() error {
	known.remove(c.pool)
	if closer, ok := c.Connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// Unwrap returns the driver's own connection of one that [sql.Conn.Raw] gives to its
// function, or else its argument.
func Unwrap(driverConn any) any {
	if c, ok := driverConn.(interface{ base() *conn }); ok {
		return c.base().own
	}
	return driverConn
}
