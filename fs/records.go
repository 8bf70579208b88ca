package fs

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/ispyd/ispyd/nodes"
)

// Operations, as records name them.
const (
	opOpen  = "open"
	opRead  = "read"
	opWrite = "write"
	opWalk  = "walk"
	opList  = "list"
	opLease = "lease"
)

// Sizes in bytes of what records keep.
const (
	errorsSize = 128 << 10
	auditSize  = 256 << 10
	maxText    = 1 << 10 // of the text of one record
)

// Records keeps what clients did: the operations that failed, the writes (and
// reads, where the server audits them), and the settings that differ from the
// program's own. Its files show them; they belong into the root of the tree
// whose servers it is given to.
type Records struct {
	errors, audit *nodes.Ring
	settings      settings
}

// NewRecords returns empty Records.
func NewRecords() *Records {
	return &Records{errors: nodes.NewRing(errorsSize), audit: nodes.NewRing(auditSize)}
}

// Errors returns the file "errors", a stream with a line for each walk, open,
// read, write or list that failed: time, operation, path, name of the errno, uid
// and pid of who asked (-1 where unknown), text, separated by tabs. A walk to a
// name that does not exist is no failure, unless its error is [nodes.ErrMisnamed].
func (r *Records) Errors() nodes.File {
	return nodes.Stream("errors", "operations that failed: time, operation, path, errno, uid, pid, text", r.errors)
}

// Audit returns the file "audit", a stream with a line for each write and each
// open for writing that failed, and with Options.AuditReads for the first read or
// list of each open file: time, operation, path, "ok" or the name of the errno,
// uid, pid, what was written. The end of a lease is one, too, with the uid and pid
// of who wrote it, "ok" where the value was put back.
func (r *Records) Audit() nodes.File {
	return nodes.Stream("audit", "what was written, and by whom: time, operation, path, result, uid, pid, text", r.audit)
}

// Settings returns the file "settings", a table of the settings that clients
// have given another value than the program's own: setting (its path), value,
// own, uid, pid, since, until (the end of a lease, else empty), note (why the last
// lease has not put the value back).
func (r *Records) Settings() nodes.File {
	return nodes.Value("settings", "settings changed from outside: the value now, the program's own, by whom, when that value was set, until when it stays", r.settings.table)
}

// Failed adds a line to "errors" for something that failed without a client having
// asked for it: op says what, path whose it is.
func (r *Records) Failed(op, path string, err error) {
	line := record{at: time.Now(), op: op, path: path, result: errnoName(Errno(err)), peer: nodes.Peer{UID: -1, PID: -1}, text: err.Error()}
	r.errors.Append(line.line())
}

// record is one operation of one client.
type record struct {
	at     time.Time
	op     string
	path   string
	result string
	peer   nodes.Peer
	text   string
}

// timeFormat is RFC 3339 with milliseconds.
const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// line is the record as the files show it.
func (r *record) line() []byte {
	b := r.at.AppendFormat(make([]byte, 0, 128), timeFormat)
	b = append(b, '\t')
	b = append(b, r.op...)
	b = append(b, '\t')
	b = nodes.AppendEscaped(b, r.path)
	b = append(b, '\t')
	b = append(b, r.result...)
	b = append(b, '\t')
	b = strconv.AppendInt(b, int64(r.peer.UID), 10)
	b = append(b, '\t')
	b = strconv.AppendInt(b, int64(r.peer.PID), 10)
	b = append(b, '\t')
	return nodes.AppendEscaped(b, cut(r.text))
}

// cut keeps a text within maxText, and says what is left out.
func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "... [" + strconv.Itoa(n) + " of " + strconv.Itoa(len(s)) + " bytes]"
}

func (r *record) attrs() []slog.Attr {
	return []slog.Attr{
		slog.String("op", r.op), slog.String("path", r.path), slog.String("result", r.result),
		slog.Int("uid", r.peer.UID), slog.Int("pid", r.peer.PID), slog.String("text", cut(r.text)),
	}
}

func (c *conn) record(op, path string, err error, text string) *record {
	result := "ok"
	if err != nil {
		result = errnoName(Errno(err))
	}
	return &record{at: time.Now(), op: op, path: path, result: result, peer: c.peer, text: text}
}

// failed records an operation that failed.
func (c *conn) failed(op, path string, err error) {
	text := err.Error()
	if errors.Is(err, context.Canceled) {
		if c.ctx.Err() != nil {
			return // the client has gone
		}
		// What a client waited for in vain tells of what hangs.
		text = "given up by the client before it was done"
	}
	var p *nodes.PanicError
	if errors.As(err, &p) {
		c.srv.log.limited("panic "+path, slog.LevelError, "panic in the code behind a file",
			slog.String("path", path), slog.Any("panic", p.Value), slog.String("stack", string(p.Stack)))
	}
	r := c.record(op, path, err, text)
	c.srv.records.errors.Append(r.line())
	c.srv.log.add(slog.LevelDebug, "operation failed", r.attrs()...)
}

// audit records an operation that is audited.
func (c *conn) audit(op, path string, err error, text string) {
	c.srv.audit(c.record(op, path, err, text))
}

// recordable is what was written to a variable, as records may have it.
func (s *Server) recordable(path, text string) string {
	if s.secret != nil && s.secret(path) {
		return "[" + strconv.Itoa(len(text)) + " bytes, redacted]"
	}
	return text
}

// auditWrite records a write. Names tell of secrets in variables alone: a session is one
// of commands.
func (f *fid) auditWrite(err error, text string) {
	path := f.at.path()
	if f.at.attr.Kind == nodes.KindVar {
		text = f.c.srv.recordable(path, text)
	}
	f.c.audit(opWrite, path, err, text)
}

func (s *Server) audit(r *record) {
	s.records.audit.Append(r.line())
	s.log.add(slog.LevelInfo, "audit", r.attrs()...)
}

// leaseEnded records the end of a lease.
func (s *Server) leaseEnded(l nodes.Lease) {
	s.records.settings.ended(l)
	r := &record{at: time.Now(), op: opLease, path: l.Setting, result: "ok", peer: l.Peer, text: "back to " + s.recordable(l.Setting, l.Back)}
	if l.Note != "" {
		r.result, r.text = errnoName(Errno(nodes.ErrBusy)), l.Note
	}
	s.audit(r)
}
