// Cgo prints a dump of itself while goroutines are in C, and while C has called
// back into Go on a thread of Go's and on one of its own.
package main

/*
#cgo LDFLAGS: -lpthread
#include <pthread.h>
#include <unistd.h>

extern void called(int);

static void wait_in_c(int fd) { char c; while (read(fd, &c, 1) < 0) {} }
static void call_back(int who) { called(who); }
static void *own_thread(void *arg) { called(2); return 0; }
static int start_thread(void) { pthread_t t; return pthread_create(&t, 0, own_thread, 0); }
*/
import "C"

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/ispyd/ispyd/internal/goroutines"
)

var (
	backInGo sync.WaitGroup
	stop     = make(chan struct{})
)

//export called
func called(who C.int) {
	backInGo.Done()
	<-stop
}

func main() {
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	defer w.Close()
	backInGo.Add(2)
	go func() { C.wait_in_c(C.int(r.Fd())) }()
	go func() { C.call_back(1) }()
	if C.start_thread() != 0 {
		panic("no thread")
	}
	backInGo.Wait()
	for deadline := time.Now().Add(time.Minute); ; {
		var text, full strings.Builder
		err := goroutines.WriteFull(context.Background(), &full, goroutines.Options{})
		if err == nil {
			var d *goroutines.Dump
			if d, err = goroutines.Take(context.Background()); err == nil {
				err = d.WriteText(context.Background(), &text, goroutines.Options{})
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if settled := strings.Count(full.String(), "main.called(") == 2 && strings.Contains(full.String(), "_Cfunc_wait_in_c"); settled || time.Now().After(deadline) {
			fmt.Printf("%s\f%s", text.String(), full.String())
			return
		}
	}
}
