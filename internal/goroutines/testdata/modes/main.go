// Modes prints a dump of itself, for the test that builds it in several ways.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"

	"github.com/ispyd/ispyd/internal/goroutines"
)

func main() {
	stop := make(chan struct{})
	var ready sync.WaitGroup
	ready.Add(3)
	ctx := pprof.WithLabels(context.Background(), pprof.Labels("shelf", "top"))
	go waiter(&ready, stop)
	pprof.Do(ctx, pprof.Labels("book", "red"), func(context.Context) { go labelled(&ready, stop) })
	go lockedDown(&ready, stop)
	ready.Wait()
	d, err := goroutines.Take(context.Background())
	if err == nil {
		err = d.WriteText(context.Background(), os.Stdout, goroutines.Options{})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

//go:noinline
func waiter(ready *sync.WaitGroup, stop chan struct{}) { ready.Done(); <-stop }

//go:noinline
func labelled(ready *sync.WaitGroup, stop chan struct{}) { ready.Done(); <-stop }

//go:noinline
func lockedDown(ready *sync.WaitGroup, stop chan struct{}) {
	runtime.LockOSThread()
	ready.Done()
	<-stop
}
