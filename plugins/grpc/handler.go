package grpc

import (
	"context"
	"net"
	"runtime"

	"google.golang.org/grpc/stats"

	"github.com/ispyd/ispyd/internal/request"
)

// handler sees the calls of a family.
type handler struct{ family *family }

var _ stats.Handler = (*handler)(nil)

// TagConn implements stats.Handler.
func (h *handler) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (h *handler) HandleConn(context.Context, stats.ConnStats) {}

// TagRPC implements stats.Handler.
func (h *handler) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	c := &call{Context: ctx, outer: ctx, family: h.family, method: info.FullMethodName, cause: request.FromContext(ctx).ID()}
	if h.family == outgoing {
		runtime.Callers(2, c.callers[:])
	}
	return c
}

// HandleRPC implements stats.Handler.
func (h *handler) HandleRPC(ctx context.Context, s stats.RPCStats) {
	c := h.family.from(ctx)
	if c == nil {
		return
	}
	switch s := s.(type) {
	case *stats.Begin:
		c.begin(s)
	case *stats.InHeader:
		if !s.Client {
			c.header.Store(&header{peer: text(s.RemoteAddr), local: text(s.LocalAddr), compression: s.Compression, metadata: s.Header})
		}
	case *stats.OutHeader:
		if s.Client {
			c.header.Store(&header{peer: text(s.RemoteAddr), local: text(s.LocalAddr), authority: s.Authority, compression: s.Compression, metadata: s.Header})
		}
	case *stats.InPayload:
		c.in.add(s.WireLength, s.RecvTime)
	case *stats.OutPayload:
		c.out.add(s.WireLength, s.SentTime)
	case *stats.End:
		c.end(s)
	}
}

func text(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}
