package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/ispyd/ispyd"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

// program is a program that embeds ispyd: program CONFIG [calm]. It runs until it
// is killed, and says what happens a line each. A calm one has no directories that
// are made for trouble.
func program() {
	dirs := []nodes.Dir{probesDir()}
	if len(os.Args) < 3 {
		dirs = append(dirs, testDir(), largeDir())
	}
	var list []plugins.Plugin
	for _, d := range dirs {
		list = append(list, plugins.Plugin{Name: d.Name(), Doc: d.Doc(),
			Open: func(plugins.Config) (nodes.Dir, io.Closer, error) { return d, nil, nil }})
	}
	srv, err := ispyd.Start(os.Args[1], list...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ready", srv.Addr())
	select {}
}

func say(verb string) func(context.Context, []string) error {
	return func(_ context.Context, args []string) error {
		fmt.Printf("%s %q\n", verb, args)
		return nil
	}
}

func testDir() nodes.Dir {
	return nodes.Directory("test", "for tests",
		nodes.Static("hello", "a greeting", []byte("hello, world\n")),
		nodes.Text("hang", "never ends", func(ctx context.Context, _ io.Writer) error {
			fmt.Println("hanging")
			<-ctx.Done()
			fmt.Println("cancelled")
			return ctx.Err()
		}),
		nodes.Text("off", "always fails", func(context.Context, io.Writer) error {
			return nodes.Errorf(nodes.ErrDisabled, "set enabled = true in [test]")
		}),
		nodes.Value("number", "a number", func(context.Context) (int, error) { return 42, nil }),
		nodes.Ctl("ctl", "acts", nodes.Verb{Name: "say", Args: "word...", Doc: "says it", Run: say("said")},
			nodes.Verb{Name: "kill", Doc: "has the name of a builtin of sh", Run: say("killed")},
			nodes.Verb{Name: "find", Args: "NAME", Doc: "finds nothing", Run: func(_ context.Context, args []string) error {
				return nodes.Errorf(fs.ErrNotExist, "%s: no such thing", args[0])
			}}),
	)
}

// probesDir is shaped like a debugger.
func probesDir() nodes.Dir {
	caught := func(n string) nodes.Dir {
		return nodes.Directory(n, "what was caught",
			nodes.Static("stack", "where", []byte("stack of "+n+"\n")), nodes.Static("args", "with what", []byte("args of "+n+"\n")))
	}
	return nodes.Directory("probes", "shaped like a debugger",
		nodes.Ctl("ctl", "acts",
			nodes.Verb{Name: "insert", Args: "<functions> [if=COND]", Doc: "inserts a probe", Run: say("inserted")},
			nodes.Verb{Name: "reset", Doc: "removes all", Run: say("reset")}),
		nodes.Static("functions", "what can be probed", []byte("main.(*Server).order\nmain.main\n")),
		nodes.Static("probes", "the probes", []byte("main.(*Server).order\n")),
		nodes.Static("goroutines", "what runs", []byte("goroutine 1 [running]:\n")),
		nodes.Directory("tracebacks", "what was caught", caught("1"), caught("2")),
		nodes.Directory("requests", "what is asked",
			nodes.Static("1", "one", []byte("GET /one\n")), nodes.Static("2", "another", []byte("GET /two\n"))),
	)
}

// largeDir has what is too much for the careless.
func largeDir() nodes.Dir {
	many := make([]nodes.Node, 100_000)
	byName := map[string]nodes.Node{}
	for i := range many {
		name := fmt.Sprintf("n%05d", i)
		many[i] = nodes.Static(name, "one of many", []byte(name+"\n"))
		byName[name] = many[i]
	}
	return nodes.Directory("large", "too much for the careless",
		nodes.Text("text", "35 MB", func(_ context.Context, w io.Writer) error {
			line := append(bytes.Repeat([]byte("x"), 99), '\n')
			for i := range 350_000 {
				copy(line, strconv.Itoa(i)+" ")
				if _, err := w.Write(line); err != nil {
					return err
				}
			}
			return nil
		}),
		nodes.Static("binary", "no text", []byte("\x00\x01\xff\x1b]0;evil\a")),
		nodes.Dynamic("many", "100,000 files", func(_ context.Context, name string) (nodes.Node, error) {
			if n := byName[name]; n != nil {
				return n, nil
			}
			return nil, fs.ErrNotExist
		}, func(context.Context) ([]nodes.Node, error) { return many, nil },
			nodes.Help{Path: "NAME", Kind: nodes.KindStatic, Doc: "one of many"}),
	)
}
