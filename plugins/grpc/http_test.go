package grpc

import (
	"context"
	"crypto/x509"
	"fmt"
	"github.com/ispyd/ispyd/plugins/plugintest"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// TestBehindHTTP: a server that net/http serves.
func TestBehindHTTP(t *testing.T) {
	dir := opened(t, "")
	ids, causes := make(chan uint64), make(chan error, 1)
	s := &service{
		unary: func(ctx context.Context, s string) (string, error) { return fmt.Sprint(idOf(ctx)), nil },
		stream: func(ss grpc.ServerStream) error {
			ids <- idOf(ss.Context())
			err := ss.RecvMsg(new(wrapperspb.StringValue))
			causes <- context.Cause(ss.Context())
			return err
		},
	}
	server := grpc.NewServer(ServerOptions()...)
	server.RegisterService(s.desc(), s)
	h := httptest.NewUnstartedServer(server)
	h.EnableHTTP2 = true
	h.StartTLS()
	t.Cleanup(h.Close)
	roots := x509.NewCertPool()
	roots.AddCert(h.Certificate())
	conn, err := grpc.NewClient("passthrough:///"+h.Listener.Addr().String(), append(DialOptions(), grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, "example.com")))...)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	text, err := callUnary(t.Context(), conn, "")
	if err != nil {
		t.Fatal(err)
	}
	var id uint64
	if _, err := fmt.Sscan(text, &id); err != nil {
		t.Fatal(err)
	}
	if row := plugintest.Ended(t, dir, id); row["code"] != "OK" || row["state"] != "" {
		t.Errorf("recent: %v", row)
	}
	cs, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/test.Service/Both")
	if err != nil {
		t.Fatal(err)
	}
	id = <-ids
	if f := plugintest.Facts(plugintest.Read(t, dir, fileOf(id))); f["security"] != "tls" || f["type"] != "bidirectional stream" {
		t.Errorf("%v", f)
	}
	if err := plugintest.Write(t, dir, "ctl", fmt.Sprint("cancel ", id)); err != nil {
		t.Fatal(err)
	}
	if err := <-causes; err != ErrCanceledByOperator {
		t.Errorf("the handler got %v", err)
	}
	if err := cs.RecvMsg(new(wrapperspb.StringValue)); status.Code(err) != codes.Canceled {
		t.Errorf("the client got %v", err)
	}
	if row := plugintest.Ended(t, dir, id); row["state"] != "cancelled by operator" {
		t.Errorf("recent: %v", row)
	}
}
