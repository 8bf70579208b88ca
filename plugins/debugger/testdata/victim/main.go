// Victim is a program with debug information, which a binary of go test has not,
// and with the plugin debugger in it. It does what the lines on its standard input
// say, and answers each with one line, quoted as in Go.
//
//	ctl LINE      writes to debugger/ctl: "ok", or the error
//	read PATH     the file
//	list PATH     the names in a directory
//	pay CENTS     calls pay, whose error is the answer
//	order ID      calls order, whose panic is the answer
//	visit ID      calls visit, whose panic (7) or error (6) is the answer
//	pace N        the longest pause of a goroutine while N calls of order panic
//	nested ID     calls nested, which panics with a number, and in a deferred call with
//	              another; the last is the answer
//	typednil      calls typedNil, whose error is the answer
//	mute          calls mute, whose error's method panics: the error's type is the answer
//	verify        how many bytes of the text are not those of the file
//	close         closes the plugin
//	die           panics, and nobody recovers
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ispyd/ispyd/internal/config"
	"github.com/ispyd/ispyd/internal/probes/jump"
	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins/debugger"
)

type section struct{ file *config.File }

func (s section) Decode(v any) error       { return s.file.Decode("debugger", v) }
func (s section) Redact() *redact.Redactor { return nil }
func (s section) Logger() *slog.Logger     { return slog.New(slog.DiscardHandler) }

// Shop is what orders are placed in.
type Shop struct {
	Items []Item
	Name  string
}

// Item is one of its goods.
type Item struct {
	Name string
	Tags []string
}

var errTooMuch = errors.New("too much")

//go:noinline
func (s *Shop) order(id int, customer string) string {
	return s.Items[id].Name + " for " + customer
}

//go:noinline
func (s *Shop) pay(cents int, password string) (rest int, err error) {
	if cents > 100 {
		return 0, fmt.Errorf("%d cents: %w", cents, errTooMuch)
	}
	return 100 - cents, nil
}

//go:noinline
func (s *Shop) nested(id int, customer string) {
	defer s.clean(id+1, customer)
	panic(id)
}

//go:noinline
func (s *Shop) clean(id int, customer string) {
	if customer != "" {
		panic(id)
	}
}

// Invalid is an error whose nil pointer has no text.
type Invalid struct{ field string }

func (i *Invalid) Error() string { return "invalid " + i.field }

//go:noinline
func (s *Shop) typedNil(id int) (n int, err error) {
	var i *Invalid
	if id > 100 {
		i = &Invalid{s.Name}
		s.crowd(1)
	}
	return id, i
}

// leaf has no frame, and no check of its stack.
//
//go:noinline
func leaf(n int) int { return n * 7 }

// Mute is an error without words.
type Mute struct{ words []string }

func (m *Mute) Error() string {
	time.Sleep(20 * time.Millisecond) // more than any function is held up
	return m.words[0]
}

//go:noinline
func (s *Shop) mute(id int) (n int, err error) {
	if id == 0 {
		err = &Mute{make([]string, id)}
		s.crowd(1)
	}
	return id, err
}

//go:noinline
func (s *Shop) crowd(n int) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range n {
				if _, err := s.pay(i%200, "none"); (err != nil) != (i%200 > 100) {
					panic("a wrong result")
				}
			}
		})
	}
	wg.Wait()
}

func main() {
	debug.SetTraceback("single")
	file, err := config.Parse("victim", []byte(os.Args[1]))
	if err != nil {
		fmt.Println(strconv.Quote(err.Error()))
		os.Exit(1)
	}
	dir, closer, err := debugger.Plugin.Open(section{file})
	if err != nil {
		fmt.Println(strconv.Quote(err.Error()))
		os.Exit(1)
	}
	shop := &Shop{Items: []Item{{"apple", []string{"red"}}, {"bread", nil}}, Name: "corner shop"}
	tree := nodes.FS(context.Background(), dir)
	say := func(s string) { fmt.Println(strconv.Quote(s)) }
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		verb, arg, _ := strings.Cut(lines.Text(), " ")
		n, _ := strconv.Atoi(arg)
		switch verb {
		case "ctl":
			say(write(dir, arg))
		case "read":
			b, err := fs.ReadFile(tree, arg)
			if err != nil {
				b = []byte("error: " + err.Error())
			}
			say(string(b))
		case "list":
			entries, _ := fs.ReadDir(tree, arg)
			var names []string
			for _, e := range entries {
				names = append(names, e.Name())
			}
			say(strings.Join(names, " "))
		case "pay":
			rest, err := shop.pay(n, "hunter2")
			say(fmt.Sprint(rest, " ", err))
		case "crowd":
			shop.crowd(n)
			say("ok")
		case "order":
			func() {
				defer func() {
					if v := recover(); v != nil {
						say(fmt.Sprint(v))
					}
				}()
				say(shop.order(n, "Ada"))
			}()
		case "nested":
			func() {
				defer func() { say(fmt.Sprint(recover())) }()
				shop.nested(n, "Ada")
			}()
		case "typednil":
			_, err := shop.typedNil(n)
			say(fmt.Sprint(err == (*Invalid)(nil)))
		case "mute":
			_, err := shop.mute(leaf(n))
			say(fmt.Sprintf("%T", err))
		case "visit":
			func() {
				defer func() {
					if v := recover(); v != nil {
						say(fmt.Sprint(v))
					}
				}()
				total, err := shop.visit(n, "Ada")
				say(fmt.Sprint(total > 0, " ", err))
			}()
		case "pace":
			say(shop.pace(n))
		case "verify":
			d, err := jump.Verify()
			say(fmt.Sprint(len(d), " ", err))
		case "close":
			say(fmt.Sprint(closer.Close()))
		case "die":
			shop.order(n, "Ada")
		}
	}
}

func write(dir nodes.Dir, line string) string {
	ctx := context.Background()
	n, err := nodes.Lookup(ctx, dir, "ctl")
	if err != nil {
		return err.Error()
	}
	h, err := n.(nodes.File).Open(ctx, nodes.Write)
	if err != nil {
		return err.Error()
	}
	defer h.Close()
	if _, err := h.WriteAt(ctx, []byte(line+"\n"), 0); err != nil {
		return err.Error()
	}
	return "ok"
}
