package inflight

import (
	"slices"
	"strings"

	"github.com/ispyd/ispyd/internal/goroutines"
)

// connWorkers are the functions at the bottom of the goroutines that serve a
// connection. They have the label of the request for which it was made, but work for
// all that use it, and wait nearly always: on no request's account.
var connWorkers = []string{
	"net/http.(*persistConn).readLoop",
	"net/http.(*persistConn).writeLoop",
	"net/http.(*http2ClientConn).readLoop",
	"net/http/internal/http2.(*ClientConn).readLoop",
	"golang.org/x/net/http2.(*ClientConn).readLoop",
	"google.golang.org/grpc/internal/transport.(*http2Client).reader",
	"google.golang.org/grpc/internal/transport.(*http2Client).keepalive",
	"google.golang.org/grpc/internal/grpcsync.(*CallbackSerializer).run",
	"database/sql.(*DB).connectionOpener",
	"database/sql.(*DB).connectionCleaner",
}

// connClosures begin the names of such functions that have none of their own.
const connClosures = "google.golang.org/grpc/internal/transport.NewHTTP2Client."

func servesConn(stack []goroutines.Frame) bool {
	if len(stack) == 0 {
		return false
	}
	f := stack[len(stack)-1].Func
	return slices.Contains(connWorkers, f) || strings.HasPrefix(f, connClosures)
}

// withoutConns returns the goroutines that do not serve a connection, and how many do.
func withoutConns(d *goroutines.Dump, ids []uint64) (rest []uint64, conns int) {
	for _, id := range ids {
		if g, _ := d.Find(id); servesConn(g.Stack) {
			conns++
		} else {
			rest = append(rest, id)
		}
	}
	return rest, conns
}
