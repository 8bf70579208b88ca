package grpc

import (
	"context"
	"net"
	"strconv"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

// opened opens the plugin with a configuration.
func opened(t testing.TB, text string) nodes.Dir {
	t.Helper()
	return plugintest.Open(t, Plugin, text)
}

// idOf returns the id of the call that a handler serves.
func idOf(ctx context.Context) uint64 { return request.FromContext(ctx).ID() }

func fileOf(id uint64) string { return "calls/" + strconv.FormatUint(id, 10) }

// service is what a test serves.
type service struct {
	unary  func(context.Context, string) (string, error)
	stream func(grpc.ServerStream) error // of all three kinds
}

func (s *service) desc() *grpc.ServiceDesc {
	stream := func(_ any, ss grpc.ServerStream) error { return s.stream(ss) }
	return &grpc.ServiceDesc{
		ServiceName: "test.Service",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Unary", Handler: func(srv any, ctx context.Context, dec func(any) error, in grpc.UnaryServerInterceptor) (any, error) {
			req := new(wrapperspb.StringValue)
			if err := dec(req); err != nil {
				return nil, err
			}
			h := func(ctx context.Context, req any) (any, error) {
				s, err := s.unary(ctx, req.(*wrapperspb.StringValue).Value)
				return wrapperspb.String(s), err
			}
			if in == nil {
				return h(ctx, req)
			}
			return in(ctx, req, &grpc.UnaryServerInfo{Server: srv, FullMethod: "/test.Service/Unary"}, h)
		}}},
		Streams: []grpc.StreamDesc{
			{StreamName: "Client", Handler: stream, ClientStreams: true},
			{StreamName: "Server", Handler: stream, ServerStreams: true},
			{StreamName: "Both", Handler: stream, ClientStreams: true, ServerStreams: true},
		},
	}
}

// serving serves over a real socket and returns a connection. more go before
// ServerOptions.
func serving(t testing.TB, s *service, more ...grpc.ServerOption) *grpc.ClientConn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(append(more, ServerOptions()...)...)
	server.RegisterService(s.desc(), s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	conn, err := grpc.NewClient("passthrough:///"+l.Addr().String(), append(DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Stop()
		<-done
	})
	return conn
}

// call makes a unary call.
func callUnary(ctx context.Context, conn *grpc.ClientConn, text string) (string, error) {
	reply := new(wrapperspb.StringValue)
	err := conn.Invoke(ctx, "/test.Service/Unary", wrapperspb.String(text), reply)
	return reply.Value, err
}
