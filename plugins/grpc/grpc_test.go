package grpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/internal/trigger"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/nodes/nodetest"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

// hold begins a unary call that waits in its handler until it is released or its
// context is done, and returns its id and what the client gets.
func hold(t *testing.T, ctx context.Context, patient bool) (id uint64, release func(), result <-chan error) {
	t.Helper()
	ids, stop, done := make(chan uint64), make(chan struct{}), make(chan error, 1)
	conn := serving(t, &service{unary: func(ctx context.Context, s string) (string, error) {
		child := make(chan struct{})
		go childOfCall(child)
		defer close(child)
		request.FromContext(ctx).Log([]byte("a line of the log"))
		ids <- idOf(ctx)
		if patient {
			<-stop
			return s, nil
		}
		select {
		case <-stop:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
		return s, nil
	}})
	go func() {
		_, err := callUnary(ctx, conn, "hello")
		done <- err
	}()
	released := false
	release = func() {
		if !released {
			released = true
			close(stop)
		}
	}
	t.Cleanup(release)
	return <-ids, release, done
}

// childOfCall is looked for in stacks.
func childOfCall(stop chan struct{}) { <-stop }

func TestTree(t *testing.T) {
	hold(t, t.Context(), true)
	nodetest.Check(t, func(t *testing.T) (nodes.Dir, io.Closer) {
		dir, closer, err := Plugin.Open(plugintest.Config(t, "grpc", ""))
		if err != nil {
			t.Fatal(err)
		}
		return dir, closer
	})
}

func TestConfig(t *testing.T) {
	for _, tt := range []struct{ text, err string }{
		{`slow = "0s"`, `test.toml:2: grpc.slow: must be a duration of more than 0 with its unit, such as "1s" or "250ms", not "0s"`},
		{`slow = "-1s"`, `test.toml:2: grpc.slow: must be a duration of more than 0 with its unit, such as "1s" or "250ms", not "-1s"`},
		{`slow = 5`, `test.toml:2: grpc.slow: must be a duration of more than 0 with its unit, such as "1s" or "250ms", not 5`},
		{`slow = "5"`, `such as "1s" or "250ms", not "5"`},
		{`slow = true`, `such as "1s" or "250ms", not true`},
		{"recent = 0", "test.toml:2: grpc.recent: must be from 1 to 100000, not 0"},
		{"slow-recent = -1", "test.toml:2: grpc.slow-recent: must be from 1"},
		{"methods = 10001", "test.toml:2: grpc.methods: must be from 1 to 10000"},
		{"resent = 1", "resent"},
	} {
		_, _, err := Plugin.Open(plugintest.Config(t, "grpc", "[grpc]\n"+tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v", tt.text, err)
		}
	}
}

func TestLifeOfACall(t *testing.T) {
	dir := opened(t, "[grpc]\nslow = \"1ns\"\n")
	cause := request.New("test")
	defer cause.Done()
	ctx, stop := context.WithTimeout(metadata.AppendToOutgoingContext(cause.Context(t.Context()), "authorization", "Bearer verysecret", "x-tenant", "blue", "x-blob-bin", "\xff\x00"), time.Hour)
	defer stop()
	id, release, result := hold(t, ctx, true)
	row := plugintest.Row(t, dir, "active", id)
	if row == nil || row["method"] != "/test.Service/Unary" || row["type"] != "unary" || row["messages_in"] != 1.0 || row["received"] == 0.0 || !strings.HasPrefix(fmt.Sprint(row["deadline_left"]), "59m") {
		t.Errorf("active: %v", row)
	}
	held, err := plugintest.OpenFile(t, dir, fileOf(id), nodes.Read)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	text := plugintest.ReadHandle(t, held)
	f := plugintest.Facts(text)
	if f["metadata authorization"] != "[redacted]" || f["metadata x-tenant"] != "blue" || strings.Contains(text, "verysecret") || f["log"] != "a line of the log" || f["security"] != "-" || f["peer"] == "-" {
		t.Errorf("%s", text)
	}
	if _, rest, ok := strings.Cut(text, "# started by the request\n"); !strings.Contains(text, "grpc.hold.") || !ok || !strings.Contains(rest, "childOfCall") {
		t.Errorf("stacks: %s", text)
	}
	var js map[string]any
	if err := json.Unmarshal([]byte(plugintest.Read(t, dir, fileOf(id)+".json")), &js); err != nil || js["id"] != float64(id) || js["goroutine_count"] != 2.0 {
		t.Errorf("json: %v, %v", err, js["goroutine_count"])
	}

	var out uint64
	for _, e := range outgoing.active() {
		if e.cause == cause.ID() {
			out = e.id
		}
	}
	text = plugintest.Read(t, dir, "outgoing/"+fileOf(out))
	if f := plugintest.Facts(text); f["request"] != fmt.Sprint(cause.ID()) || f["metadata authorization"] != "[redacted]" || f["messages_out"] != "1" || !strings.Contains(text, "grpc.callUnary(...)") {
		t.Errorf("outgoing: %s", text)
	}
	if calls := inflight.CallsOf(cause.ID(), nil); len(calls) != 1 || calls[0].File != "grpc/outgoing/"+fileOf(out) || calls[0].State != "unary" || calls[0].What != "/test.Service/Unary" {
		t.Errorf("what the cause waits for: %+v", calls)
	}
	if stats := plugintest.Read(t, dir, "stats"); !strings.Contains(stats, "/test.Service/Unary\tnone\t0\t1") {
		t.Errorf("stats: %s", stats)
	}
	release()
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"recent", "slow"} {
		plugintest.Ended(t, dir, id)
		if row := plugintest.Row(t, dir, name, id); row["code"] != "OK" || row["state"] != "" || row["messages_out"] != 1.0 {
			t.Errorf("%s: %v", name, row)
		}
	}
	if row := plugintest.Row(t, dir, "outgoing/recent", out); row["code"] != "OK" || row["messages_in"] != 1.0 {
		t.Errorf("outgoing/recent: %v", row)
	}
	if plugintest.ReadHandle(t, held)[:20] == "" || plugintest.Row(t, dir, "active", id) != nil {
		t.Error("it is still there, or its snapshot is not")
	}
	if f := plugintest.Facts(plugintest.Read(t, dir, fileOf(id))); f["code"] != "OK" || f["duration"] == "" {
		t.Errorf("after the end: %v", f)
	}
	if stats := plugintest.Read(t, dir, "stats"); !strings.Contains(stats, "/test.Service/Unary\tOK\t1\t0\t0") {
		t.Errorf("stats: %s", stats)
	}
	if err := plugintest.Write(t, dir, "ctl", "clear"); err != nil || plugintest.Row(t, dir, "recent", id) != nil {
		t.Error("clear", err)
	}
}

func TestStreams(t *testing.T) {
	dir := opened(t, "")
	ids, goOn := make(chan uint64), make(chan struct{})
	conn := serving(t, &service{stream: func(ss grpc.ServerStream) error {
		for {
			m := new(wrapperspb.StringValue)
			if err := ss.RecvMsg(m); err == io.EOF {
				break
			} else if err != nil {
				return err
			}
		}
		ids <- idOf(ss.Context())
		for range 2 {
			if err := ss.SendMsg(wrapperspb.String("reply")); err != nil {
				return err
			}
		}
		<-goOn
		return status.Error(codes.NotFound, "nothing like password=hidden")
	}}, grpc.NumStreamWorkers(2))
	for _, tt := range []struct {
		method string
		desc   grpc.StreamDesc
		sent   int
		kind   string
	}{
		{"Client", grpc.StreamDesc{ClientStreams: true}, 3, "client stream"},
		{"Server", grpc.StreamDesc{ServerStreams: true}, 1, "server stream"},
		{"Both", grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, 3, "bidirectional stream"},
	} {
		cs, err := conn.NewStream(t.Context(), &tt.desc, "/test.Service/"+tt.method)
		if err != nil {
			t.Fatal(err)
		}
		for range tt.sent {
			if err := cs.SendMsg(wrapperspb.String("message")); err != nil {
				t.Fatal(err)
			}
		}
		if err := cs.CloseSend(); err != nil {
			t.Fatal(err)
		}
		id := <-ids
		row := plugintest.Row(t, dir, "active", id)
		if row["type"] != tt.kind || row["messages_in"] != float64(tt.sent) {
			t.Errorf("%s: active: %v", tt.method, row)
		}
		goOn <- struct{}{}
		for err = nil; err == nil; {
			err = cs.RecvMsg(new(wrapperspb.StringValue))
		}
		row = plugintest.Ended(t, dir, id)
		if row["code"] != "NotFound" || row["messages_out"] != 2.0 || row["error"] != "nothing like password=[redacted]" {
			t.Errorf("%s: recent: %v", tt.method, row)
		}
		if status.Code(err) != codes.NotFound && tt.method != "Client" {
			t.Errorf("%s: %v", tt.method, err)
		}
	}
}

func TestCancel(t *testing.T) {
	dir := opened(t, "")
	for _, patient := range []bool{false, true} {
		id, release, result := hold(t, t.Context(), patient)
		if err := plugintest.Write(t, dir, "ctl", fmt.Sprint("cancel ", id)); err != nil {
			t.Fatal(err)
		}
		if err := <-result; status.Code(err) != codes.Canceled || !strings.Contains(err.Error(), "operator") {
			t.Errorf("the client got %v", err)
		}
		if patient {
			if plugintest.Row(t, dir, "active", id)["state"] != "cancelled by operator" {
				t.Error("a handler that does not look is not shown any more")
			}
		}
		release()
		if row := plugintest.Ended(t, dir, id); row["state"] != "cancelled by operator" {
			t.Errorf("recent: %v", row)
		}
		if err := plugintest.Write(t, dir, "ctl", fmt.Sprint("cancel ", id)); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "ended") {
			t.Errorf("a call that has ended: %v", err)
		}
	}
	for command, want := range map[string]error{"cancel x": fs.ErrInvalid, "cancel 99999999": fs.ErrNotExist, "slow x": fs.ErrInvalid, "slow 0s": fs.ErrInvalid, "slow 1h": nil} {
		if err := plugintest.Write(t, dir, "ctl", command); !errors.Is(err, want) {
			t.Errorf("%s: %v", command, err)
		}
	}
	other := request.New("other")
	defer other.Done()
	if err := plugintest.Write(t, dir, "ctl", fmt.Sprint("cancel ", other.ID())); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("another kind: %v", err)
	}
}

// TestCancelReceiving: a stream whose handler waits for its client.
func TestCancelReceiving(t *testing.T) {
	dir := opened(t, "")
	ids, got := make(chan uint64), make(chan error, 1)
	conn := serving(t, &service{stream: func(ss grpc.ServerStream) error {
		ids <- idOf(ss.Context())
		err := ss.RecvMsg(new(wrapperspb.StringValue))
		got <- context.Cause(ss.Context())
		return err
	}})
	cs, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/test.Service/Both")
	if err != nil {
		t.Fatal(err)
	}
	id := <-ids
	if err := plugintest.Write(t, dir, "ctl", fmt.Sprint("cancel ", id)); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != ErrCanceledByOperator {
		t.Errorf("the handler got %v", err)
	}
	if err := cs.RecvMsg(new(wrapperspb.StringValue)); status.Code(err) != codes.Canceled {
		t.Errorf("the client got %v", err)
	}
	plugintest.Ended(t, dir, id)
}

func TestCancelOutgoing(t *testing.T) {
	dir := opened(t, "")
	id, _, result := hold(t, t.Context(), false)
	out := outgoing.active()[0].id
	if err := plugintest.Write(t, dir, "outgoing/ctl", fmt.Sprint("cancel ", out)); err != nil {
		t.Fatal(err)
	}
	if err := <-result; status.Code(err) != codes.Canceled {
		t.Errorf("the caller got %v", err)
	}
	if row := plugintest.Row(t, dir, "outgoing/recent", out); row["state"] != "cancelled by operator" || row["code"] != "Canceled" {
		t.Errorf("outgoing/recent: %v", row)
	}
	if row := plugintest.Ended(t, dir, id); row["state"] != "client gone" {
		t.Errorf("recent: %v", row)
	}
}

func TestClientGoneAndDeadline(t *testing.T) {
	dir := opened(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	id, _, result := hold(t, ctx, false)
	cancel()
	<-result
	if row := plugintest.Ended(t, dir, id); row["state"] != "client gone" {
		t.Errorf("recent: %v", row)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	ids := make(chan uint64, 1)
	conn := serving(t, &service{unary: func(ctx context.Context, _ string) (string, error) {
		ids <- idOf(ctx)
		<-ctx.Done()
		return "", ctx.Err()
	}})
	if _, err := callUnary(ctx, conn, ""); status.Code(err) != codes.DeadlineExceeded {
		t.Fatal(err)
	}
	select {
	case id = <-ids:
		// Which of the two the server sees first is not known.
		if row := plugintest.Ended(t, dir, id); row["state"] != "deadline exceeded" && row["state"] != "client gone" {
			t.Errorf("recent: %v", row)
		}
	default: // a machine so slow that the call never got there
	}
}

// TestPanic: who recovers sees the very panic.
func TestPanic(t *testing.T) {
	dir := opened(t, "")
	recovered := make(chan any, 1)
	recovery := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (_ any, err error) {
		defer func() {
			recovered <- recover()
			err = status.Error(codes.Internal, "recovered")
		}()
		return next(ctx, req)
	}
	var id uint64
	conn := serving(t, &service{unary: func(ctx context.Context, _ string) (string, error) {
		id = idOf(ctx)
		panic("boom")
	}}, grpc.ChainUnaryInterceptor(recovery))
	if _, err := callUnary(t.Context(), conn, ""); status.Code(err) != codes.Internal {
		t.Errorf("the client got %v", err)
	}
	if v := <-recovered; v != "boom" {
		t.Errorf("recovered %v", v)
	}
	if row := plugintest.Ended(t, dir, id); row["state"] != "panic" || row["code"] != "Internal" {
		t.Errorf("recent: %v", row)
	}
	if stats := plugintest.Read(t, dir, "stats"); !strings.Contains(stats, "Internal\t1\t0\t1") {
		t.Errorf("stats: %s", stats)
	}
}

func TestUnknownMethod(t *testing.T) {
	opened(t, "")
	conn := serving(t, &service{})
	if err := conn.Invoke(t.Context(), "/test.Service/Nothing", wrapperspb.String(""), new(wrapperspb.StringValue)); status.Code(err) != codes.Unimplemented {
		t.Fatal(err)
	}
	if n := len(request.Live("grpc")); n != 0 || len(request.Live("grpc.outgoing")) != 0 {
		t.Errorf("%d are left", n)
	}
}

func TestTrigger(t *testing.T) {
	opened(t, "")
	if oldest() != 0 {
		t.Error("something is in flight")
	}
	hold(t, t.Context(), true)
	if oldest() <= 0 {
		t.Error("nothing is in flight")
	}
	found := false
	for _, s := range trigger.Sources() {
		found = found || s.Name == "grpc.slow"
	}
	if !found {
		t.Error("grpc.slow is not registered")
	}
}

// TestPanicUnrecovered: without an interceptor that recovers the program ends, as
// it does bare, and says where.
func TestPanicUnrecovered(t *testing.T) {
	const child = "GRPC_PANIC_CHILD"
	if os.Getenv(child) != "" {
		conn := serving(t, &service{unary: func(context.Context, string) (string, error) { panic("boom") }})
		_, err := callUnary(t.Context(), conn, "")
		t.Fatal("survived:", err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPanicUnrecovered$")
	cmd.Env = append(os.Environ(), child+"=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "panic: boom") || !strings.Contains(string(out), "TestPanicUnrecovered.func") || strings.Contains(string(out), "survived") {
		t.Errorf("%v\n%s", err, out)
	}
}
