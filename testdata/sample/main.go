// Sample is a program to look into: an HTTP service that answers, waits, fails
// and gets stuck on demand, with ispyd embedded as any program would do it.
//
//	sample -config testdata/ispyd.toml -http localhost:8080
//
// GET / tells what it can do. It ends on SIGINT and SIGTERM.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/ispyd/ispyd"
	ispydhttp "github.com/ispyd/ispyd/plugins/http"
	ispydlog "github.com/ispyd/ispyd/plugins/log"
	"github.com/ispyd/ispyd/plugins/vars"
)

var (
	config = flag.String("config", "ispyd.toml", "`file` with ispyd's configuration")
	addr   = flag.String("http", "localhost:8080", "`address` to serve on; port 0 takes any, without a host it is the loopback")
	format = flag.String("log", "text", "`form` of the log on standard error: text or json")
)

func main() {
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "sample: %q is not a flag; it takes no arguments\n", flag.Arg(0))
		os.Exit(2)
	}
	logger, err := newLogger(os.Stderr, *format)
	if err != nil {
		fmt.Fprintln(os.Stderr, "sample:", err)
		os.Exit(2)
	}
	slog.SetDefault(logger)

	srv, err := ispyd.Start(*config, ispydhttp.Plugin, vars.Plugin)
	if err != nil {
		log.Print(err)
	}
	defer srv.Close()
	if srv.Addr() != "" {
		fmt.Println("ispyd on", srv.Addr())
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, *addr, os.Stdout); err != nil {
		srv.Close()
		log.Fatal(err)
	}
}

// newLogger returns a logger whose level and last lines ispyd shows.
func newLogger(w io.Writer, format string) (*slog.Logger, error) {
	switch format {
	case "text":
		return slog.New(ispydlog.Handler(slog.NewTextHandler(w, nil))), nil
	case "json":
		return slog.New(ispydlog.Handler(slog.NewJSONHandler(w, nil))), nil
	}
	return nil, fmt.Errorf("-log %s: text and json are the forms there are", format)
}

// grace is how long requests may go on after the program was told to end.
const grace = 3 * time.Second

// run serves on addr until the context ends, and says on out where.
func run(ctx context.Context, addr string, out io.Writer) error {
	l, err := listen(addr)
	if err != nil {
		return err
	}
	url := "http://" + l.Addr().String()
	fmt.Fprintln(out, "listening on", url)

	server := NewServer(url)
	working, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	jobs := server.Start(working)
	h := &http.Server{
		Handler:           server,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelError),
	}
	served := make(chan error, 1)
	go func() { served <- h.Serve(l) }()
	select {
	case err = <-served:
	case <-ctx.Done():
		slog.Info("ending")
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		if err := h.Shutdown(late); err != nil {
			slog.Warn("requests are cut off", "err", err)
			h.Close()
		}
		err = <-served
	}
	end()
	jobs.Wait()
	server.client.CloseIdleConnections()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// listen listens on the loopback unless addr names a host.
func listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.Listen("tcp", net.JoinHostPort(host, port))
}
