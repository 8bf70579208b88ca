package http

import (
	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/redact"
)

type column = inflight.Column[entry]

var (
	colID     = column{Name: "id", Value: func(_ *redact.Redactor, e *entry) any { return e.id }}
	colStart  = column{Name: "start", Value: func(_ *redact.Redactor, e *entry) any { return e.start }}
	colTook   = column{Name: "duration", Value: func(_ *redact.Redactor, e *entry) any { return e.took }}
	colStatus = column{Name: "status", Value: func(_ *redact.Redactor, e *entry) any { return inflight.Number(e.status) }}
	colIn     = column{Name: "received", Value: func(_ *redact.Redactor, e *entry) any { return uint64(e.in) }}
	colOut    = column{Name: "sent", Value: func(_ *redact.Redactor, e *entry) any { return uint64(e.out) }}
	colMethod = column{Name: "method", Value: func(_ *redact.Redactor, e *entry) any { return e.method }}
	colHost   = column{Name: "host", Value: func(_ *redact.Redactor, e *entry) any { return e.host }}
	colURL    = column{Name: "url", Value: func(r *redact.Redactor, e *entry) any { return r.URL(e.url) }}
	colRoute  = column{Name: "route", Value: func(_ *redact.Redactor, e *entry) any { return e.pattern }}
	colRemote = column{Name: "remote", Value: func(_ *redact.Redactor, e *entry) any { return e.remote }}
	colProto  = column{Name: "protocol", Value: func(_ *redact.Redactor, e *entry) any { return e.proto }}
	colState  = column{Name: "state", Value: func(_ *redact.Redactor, e *entry) any { return e.state }}
	colCause  = column{Name: "request", Value: func(_ *redact.Redactor, e *entry) any { return inflight.Number(e.cause) }}
	colError  = column{Name: "error", Value: func(r *redact.Redactor, e *entry) any { return r.Text(e.err) }}
)

// The columns of incoming and outgoing requests. Columns are only ever added.
var (
	columnsIn  = []column{colID, colStart, colTook, colStatus, colIn, colOut, colMethod, colHost, colURL, colRoute, colRemote, colProto, colState}
	columnsOut = []column{colID, colStart, colTook, colStatus, colIn, colOut, colMethod, colHost, colURL, colRemote, colState, colCause, colError}
)
