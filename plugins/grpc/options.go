package grpc

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ErrCanceledByOperator is the cause (see [context.Cause]) of a call's context that
// was cancelled by writing "cancel ID" to grpc/ctl or grpc/outgoing/ctl.
// As the error of a handler it has the code Canceled.
var ErrCanceledByOperator error = operatorError{}

type operatorError struct{}

func (operatorError) Error() string { return "cancelled by the operator" }

// GRPCStatus is what gRPC looks for.
func (operatorError) GRPCStatus() *status.Status {
	return status.New(codes.Canceled, operatorError{}.Error())
}

// ServerOptions returns the options of a server whose calls are to be seen: a stats
// handler, which sees them, and two interceptors, which see panics and let the
// operator end a call. They belong at the end of the server's options, once: so the
// interceptors are the innermost, and see a panic before one that recovers. Panics
// pass through untouched.
//
// The context of a call can be cancelled by the operator, with the cause
// [ErrCanceledByOperator]. The client is then answered with the code Canceled,
// unless the handler answers first, and calls of Recv and Send that the handler
// waits in return; a handler that does not look at its context goes on. Its goroutine has the profiler label
// ispyd.request with the call's id beside those of the call's context.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.StatsHandler(&handler{incoming}),
		grpc.ChainUnaryInterceptor(unary),
		grpc.ChainStreamInterceptor(stream),
	}
}

// DialOptions returns the options of a connection whose calls are to be seen: a
// stats handler. A call whose context is that of an incoming request is shown with
// its id. The operator can cancel it: it fails with the code Canceled then.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithStatsHandler(&handler{outgoing})}
}

func unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (reply any, err error) {
	err = serve(ctx, func() error {
		reply, err = next(ctx, req)
		return err
	})
	return reply, err
}

func stream(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	return serve(ss.Context(), func() error { return next(srv, ss) })
}

// serve is on the stack of each goroutine that serves a call.
func serve(ctx context.Context, next func() error) error {
	c := incoming.from(ctx)
	if c == nil {
		return next() // another interceptor has replaced the context
	}
	if t, ok := grpc.ServerTransportStreamFromContext(ctx).(finisher); ok {
		c.transport.Store(&t)
	}
	returned := false
	defer func() {
		gone := c.outer.Err()
		c.handled.Store(&gone)
		if !returned {
			c.panicked.Store(true)
		}
	}()
	err := next()
	returned = true
	return err
}
