package grpc

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/stats"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/nodes"
)

// connect serves over a real socket with these options.
func connect(b *testing.B, s *service, so []grpc.ServerOption, do []grpc.DialOption) *grpc.ClientConn {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := grpc.NewServer(so...)
	server.RegisterService(s.desc(), s)
	go server.Serve(l)
	conn, err := grpc.NewClient("passthrough:///"+l.Addr().String(), append(do, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		conn.Close()
		server.Stop()
	})
	return conn
}

// nothing is a stats handler that does nothing.
type nothing struct{}

func (nothing) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (nothing) HandleRPC(context.Context, stats.RPCStats)                         {}
func (nothing) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (nothing) HandleConn(context.Context, stats.ConnStats)                       {}

// BenchmarkUnary compares a bare server and connection with seen ones, and with
// what gRPC itself does for any stats handler.
func BenchmarkUnary(b *testing.B) {
	s := &service{unary: func(_ context.Context, s string) (string, error) { return s, nil }}
	for _, bb := range []struct {
		name string
		so   []grpc.ServerOption
		do   []grpc.DialOption
	}{{"bare", nil, nil}, {"empty stats handler", []grpc.ServerOption{grpc.StatsHandler(nothing{})}, []grpc.DialOption{grpc.WithStatsHandler(nothing{})}}, {"server seen", ServerOptions(), nil}, {"both seen", ServerOptions(), DialOptions()}} {
		conn := connect(b, s, bb.so, bb.do)
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := callUnary(b.Context(), conn, "hello"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkInFlight looks at 10,000 calls in flight.
func BenchmarkInFlight(b *testing.B) {
	const n = 10_000
	started, release := make(chan uint64, n), make(chan struct{})
	conn := connect(b, &service{unary: func(ctx context.Context, _ string) (string, error) {
		started <- idOf(ctx)
		<-release
		return "", nil
	}}, ServerOptions(), nil)
	ended := make(chan error, n)
	for range n {
		go func() {
			_, err := callUnary(b.Context(), conn, "hello")
			ended <- err
		}()
	}
	var id uint64
	for range n {
		id = <-started
	}
	defer func() {
		close(release)
		for range n {
			<-ended
		}
	}()
	dir := opened(b, "")
	v := &view{dumps: new(inflight.Dumps)}
	for _, bb := range []struct {
		name string
		f    func() error
	}{
		{"ls calls", func() error {
			d, _ := nodes.Walk(b.Context(), dir, "calls")
			l, err := d.(nodes.Dir).List(b.Context())
			if len(l) != n {
				return fmt.Errorf("%d of %d: %w", len(l), n, err)
			}
			return nil
		}},
		{"cat active", func() error {
			return inflight.Table[entry]{Redact: v.redact, Columns: columns}.WriteText(io.Discard, incoming.active())
		}},
		{"cat one", func() error {
			v.dumps.Drop()
			return (&detail{v, incoming, id}).text(b.Context(), io.Discard)
		}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			for b.Loop() {
				if err := bb.f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
