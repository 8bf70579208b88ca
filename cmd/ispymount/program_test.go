//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ispyd/ispyd/fs"
	"github.com/ispyd/ispyd/internal/rendezvous"
	"github.com/ispyd/ispyd/nodes"
)

// httpSuffix makes of a program's address that of its HTTP server, the peer in
// benchmarks.
const httpSuffix = ".http"

// program serves a tree of every kind of file at the address that the pattern
// args[0] gives it, with args[1] files in the directory many, until its standard
// input ends.
func program(args []string) int {
	addr, err := rendezvous.Expand(args[0], os.Getpid(), "host")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	l, err := fs.Listen(addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	entries, err := strconv.Atoi(args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	srv := fs.NewServer(fs.Options{Root: testTree(entries)})
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	if web, err := net.Listen("unix", addr+httpSuffix); err == nil {
		defer web.Close()
		go http.Serve(web, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, os.Getpid()) }))
	}
	fmt.Println("ready", l.Addr())
	io.Copy(io.Discard, os.Stdin)
	srv.Close()
	if err := <-served; err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// changing renders "begin N", up to 300 KB of lines "line N", and "end N": N and
// the length are others each time.
func changing(renders *atomic.Int64) func(context.Context, io.Writer) error {
	return func(_ context.Context, w io.Writer) error {
		n := renders.Add(1)
		_, err := fmt.Fprintf(w, "begin %d\n%send %d\n", n, strings.Repeat(fmt.Sprintf("line %d\n", n), int(n%7)*5000), n)
		return err
	}
}

func testTree(entries int) nodes.Dir {
	var renders, captures, cancelled, asked atomic.Int64
	count := func(n *atomic.Int64) func(context.Context) (int64, error) {
		return func(context.Context) (int64, error) { return n.Load(), nil }
	}
	level := "warm"
	ring := nodes.NewRing(64 << 10)
	ring.Append([]byte("first"))
	ring.Append([]byte("second"))

	many := nodes.Directory("many", "many files")
	for i := range entries {
		many.Add(nodes.Static(fmt.Sprintf("n%04d", i), "a number", fmt.Appendln(nil, i)))
	}
	gone := nodes.Directory("come", "what ctl's verbs come and go make")
	big := bytes.Repeat([]byte("0123456789abcde\n"), 60<<20/16)

	ctl := nodes.Ctl("ctl", "control",
		nodes.Verb{Name: "log", Args: "word...", Doc: "append a record to stream", Run: func(_ context.Context, args []string) error {
			ring.Append([]byte(strings.Join(args, " ")))
			return nil
		}},
		nodes.Verb{Name: "fail", Doc: "fail with a text", Run: func(context.Context, []string) error {
			return nodes.Errorf(iofs.ErrExist, "the text of the failure")
		}},
		nodes.Verb{Name: "hang", Doc: "take until it is cancelled", Run: func(ctx context.Context, _ []string) error {
			<-ctx.Done()
			cancelled.Add(1)
			return ctx.Err()
		}},
		nodes.Verb{Name: "come", Args: "name", Doc: "make a file in come", Run: func(_ context.Context, args []string) error {
			return gone.Add(nodes.Static(args[0], "it came", []byte("here\n")))
		}},
		nodes.Verb{Name: "go", Args: "name", Doc: "remove it", Run: func(_ context.Context, args []string) error {
			gone.Remove(args[0])
			return nil
		}},
	)
	return nodes.Directory("", "every kind of file",
		nodes.Static("static", "constant", []byte("hello\n")),
		nodes.Static("empty", "nothing", nil),
		nodes.Value("pid", "the process", func(context.Context) (int, error) { return os.Getpid(), nil }),
		nodes.Directory("text", "renderings",
			nodes.Text("changing", "up to 300 KB, never twice the same", changing(&renders)),
			nodes.Text("other", "the same", changing(new(atomic.Int64))),
		),
		nodes.Text("broken", "fails", func(context.Context, io.Writer) error { return errors.New("no such luck") }),
		nodes.Value("renders", "how often text/changing was rendered", count(&renders)),
		nodes.Value("captures", "how many captures were begun", count(&captures)),
		nodes.Value("cancelled", "how many operations were cancelled", count(&cancelled)),
		nodes.Value("asked", "how many requests to hang sessions got", count(&asked)),
		nodes.Directory("large", "large renderings",
			nodes.Text("big", "3 MiB", func(_ context.Context, w io.Writer) error {
				_, err := w.Write(big[:3<<20])
				return err
			}),
			nodes.Unlisted(nodes.Text("huge", "60 MiB", func(_ context.Context, w io.Writer) error {
				_, err := w.Write(big)
				return err
			}))),
		ctl,
		nodes.Var("level", "a word",
			func(context.Context) (string, error) { return level, nil },
			func(_ context.Context, s string) error {
				if s == "bad" {
					return nodes.Errorf(iofs.ErrInvalid, "level: bad is not good")
				}
				level = s
				return nil
			}),
		nodes.Stream("stream", "records", ring),
		nodes.Session("session", "answers in capitals", func(context.Context) (nodes.Conversation, error) {
			return shouter{&asked, &cancelled}, nil
		}),
		nodes.Timed("timed", "takes its time", time.Minute, func(ctx context.Context, d time.Duration, w io.Writer) error {
			n := captures.Add(1)
			select {
			case <-time.After(d):
			case <-ctx.Done():
				cancelled.Add(1)
				return ctx.Err()
			}
			_, err := fmt.Fprintf(w, "capture %d\n%s", n, strings.Repeat("sample\n", int(n)*10000))
			return err
		}),
		many,
		gone,
	)
}

// shouter answers in capitals, and "hang" when it is cancelled.
type shouter struct{ asked, cancelled *atomic.Int64 }

func (s shouter) Ask(ctx context.Context, request []byte) ([]byte, error) {
	if bytes.HasPrefix(request, []byte("hang")) {
		s.asked.Add(1)
		<-ctx.Done()
		s.cancelled.Add(1)
		return nil, ctx.Err()
	}
	return bytes.ToUpper(request), nil
}

func (shouter) Close() error { return nil }
