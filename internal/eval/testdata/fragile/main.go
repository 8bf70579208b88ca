// Fragile is what a test tries to kill from within: it reads requests, a line of JSON
// each, and answers them. Only its own end is a failure.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"math/big"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ispyd/ispyd/internal/eval"
)

// killer is an interface that hides what kills.
type killer interface {
	Kill() error
	Signal(os.Signal) error
}

// guarded has locks in all the ways there are.
type guarded struct {
	mu  sync.Mutex
	rw  sync.RWMutex
	any sync.Locker
	inner
	f func()
}

type inner struct{ sync.Mutex }

type reading struct{ *sync.RWMutex }

// counted has an Unlock of its own, which is none of sync's.
type counted struct {
	sync.Mutex
	n int
}

func (c *counted) Unlock() { c.n++ }

type holder struct{ *log.Logger }

var (
	theServer = &guarded{}
	mine      = &counted{}
	read      = reading{new(sync.RWMutex)}
	lockers   = []sync.Locker{&theServer.mu, &theServer.inner, mine, read, theServer.rw.RLocker()}
	logs      = holder{log.New(os.Stderr, "", 0)}
	busy      = map[int]int{}
	calm      = map[int]int{1: 1}
	callback  func(int) int
	ask       = make(chan int)
	answers   = make(chan int)
	killing   killer
	deadly    os.Signal = syscall.SIGKILL
	server              = &http.Server{Addr: ":0"}
	sum                 = big.NewInt(1)
	cond                = sync.NewCond(&theServer.mu)
	self, _             = os.FindProcess(os.Getpid())
	shift               = (*big.Int).Lsh
	current   atomic.Pointer[numbered]
)

type numbered struct{ n int }

//go:noinline
func apply(f func(int) int, n int) int { return f(n) }

//go:noinline
func forever() { <-make(chan int) }

//go:noinline
func say(err error) string { return fmt.Sprintf("%v", err) }

func main() {
	theServer.any = &theServer.rw
	killing = self
	current.Store(&numbered{7})
	theServer.f = theServer.mu.Unlock
	if len(os.Args) == 100 { // keep all of it
		apply(nil, 1)
		forever()
		say(nil)
		logs.Fatal(lockers, self.Kill(), self.Signal(nil), syscall.Kill(1, 0), syscall.Exec("", nil, nil))
		syscall.RawSyscall(1, 2, 3, 4)
		cond.Wait()
		fmt.Println(bytes.Repeat(nil, 1), new(bytes.Buffer), server, killing.Kill(), killing.Signal(nil))
		fmt.Println(shift(sum, sum, 1), deadly, current.Load().n)
		json.Marshal(server)
	}
	go func() {
		for n := range ask {
			answers <- callback(n)
		}
	}()
	go func() { // writes now and then, never together with what a session writes for long
		for i := 0; ; i++ {
			busy[i%100] = i
			time.Sleep(time.Second)
		}
	}()
	s := eval.NewSession(&eval.Live{}, eval.Options{Timeout: 30 * time.Second, Told: func(text string) { fmt.Fprintln(os.Stderr, "told:", text) }})
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var src string
		json.Unmarshal(in.Bytes(), &src)
		ctx, cancel := context.WithCancel(context.Background())
		if len(src) > 7 && src[:7] == "//stop " { // as somebody who does not wait
			src = src[7:]
			time.AfterFunc(200*time.Millisecond, cancel)
		}
		r, err := s.Eval(ctx, src)
		cancel()
		answer := r.Output
		for _, vs := range r.Values {
			for i, v := range vs {
				if i > 0 {
					answer += ", "
				}
				answer += v.Text
			}
		}
		if err != nil {
			answer += "error: " + err.Error()
		}
		out.Encode(answer)
	}
}
