package grpc

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"strconv"
	"strings"
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
	dir, closer, err := Plugin.Open(plugintest.Config(t, "grpc", text))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closer.Close() })
	return dir
}

func openFile(t testing.TB, dir nodes.Dir, name string, flags nodes.Flags) (nodes.Handle, error) {
	t.Helper()
	n, err := nodes.Walk(t.Context(), dir, name)
	if err != nil {
		return nil, err
	}
	return n.(nodes.File).Open(t.Context(), flags)
}

// read returns what a file shows.
func read(t testing.TB, dir nodes.Dir, name string) string {
	t.Helper()
	h, err := openFile(t, dir, name, nodes.Read)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer h.Close()
	return readHandle(t, h)
}

func readHandle(t testing.TB, h nodes.Handle) string {
	t.Helper()
	size, _ := h.Stat()
	b := make([]byte, size)
	if n, err := h.ReadAt(t.Context(), b, 0); err != nil && err != io.EOF || n != len(b) {
		t.Fatal(n, err)
	}
	return string(b)
}

// write writes a command to a file.
func write(t testing.TB, dir nodes.Dir, name, command string) error {
	t.Helper()
	h, err := openFile(t, dir, name, nodes.Write)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer h.Close()
	_, err = h.WriteAt(t.Context(), []byte(command+"\n"), 0)
	return err
}

// facts parses "name\tvalue" lines.
func facts(text string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(text) {
		if line == "\n" {
			break
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		m[name] = value
	}
	return m
}

// rowOf returns the row of a call in a table, nil where it is not there.
func rowOf(t testing.TB, dir nodes.Dir, name string, id uint64) map[string]any {
	t.Helper()
	var rows []map[string]any
	if err := json.Unmarshal([]byte(read(t, dir, name+".json")), &rows); err != nil {
		t.Fatalf("%s.json: %v", name, err)
	}
	for _, r := range rows {
		if r["id"] == float64(id) {
			return r
		}
	}
	return nil
}

// ended waits until a call has ended and returns what recent says.
func ended(t testing.TB, dir nodes.Dir, id uint64) map[string]any {
	t.Helper()
	for t.Context().Err() == nil {
		if row := rowOf(t, dir, "recent", id); row != nil {
			return row
		}
	}
	return nil
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
