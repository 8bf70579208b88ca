package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// fail answers with an error that came a long way.
func fail(http.ResponseWriter, *http.Request) error {
	if err := charge(4200); err != nil {
		return fmt.Errorf("cannot charge: %w", err)
	}
	return nil
}

//go:noinline
func charge(cents int) error {
	if err := dialBank(); err != nil {
		return fmt.Errorf("%d cents: %w", cents, err)
	}
	return nil
}

var errBank = errors.New("the bank does not answer")

func dialBank() error { return errBank }

// crash panics in a nested call; net/http survives it.
func crash(w http.ResponseWriter, _ *http.Request) error {
	customer := &Customer{Name: "Ada", Token: "not to be shown"}
	basket := []Item{{ID: 1, Name: "apple", Cents: 150, Stock: 7}}
	fmt.Fprintln(w, total(customer, basket, 3))
	return nil
}

// total and price are not inlined: what a function needs after a call is kept where
// the debugger finds it.
//
//go:noinline
func total(customer *Customer, basket []Item, lines int) string {
	sum := 0
	for i := range lines {
		sum += price(basket, i)
	}
	return fmt.Sprint(customer.Name, " pays ", sum)
}

//go:noinline
func price(basket []Item, line int) int { return basket[line].Cents }

// leak starts goroutines that nobody will ever hear of.
func leak(w http.ResponseWriter, r *http.Request) error {
	n, err := number(r, "n", 10, 1_000_000)
	if err != nil {
		return err
	}
	for range n {
		askBackend()
	}
	leaked.Add(int64(n))
	fmt.Fprintln(w, "leaked", n)
	return nil
}

// askBackend returns without waiting for the answer: who answers waits for ever.
func askBackend() {
	answers := make(chan int)
	go func() { answers <- 42 }()
}

// burn keeps a CPU busy.
func burn(w http.ResponseWriter, r *http.Request) error {
	d, err := duration(r, "for", 5*time.Second)
	if err != nil {
		return err
	}
	sum, rounds := []byte("sample"), 0
	for end := time.Now().Add(d); time.Now().Before(end) && r.Context().Err() == nil; rounds++ {
		sum = hash(sum)
	}
	fmt.Fprintf(w, "burned %s in %d rounds\n", d, rounds)
	return nil
}

func hash(b []byte) []byte {
	for range 1000 {
		h := sha256.Sum256(b)
		b = h[:]
	}
	return b
}

// Hoard holds memory until it is told to let go.
type Hoard struct {
	mu     sync.Mutex
	blocks [][]byte
}

// alloc allocates memory, touches and keeps it.
func (h *Hoard) alloc(w http.ResponseWriter, r *http.Request) error {
	mb, err := number(r, "mb", 50, 1<<16)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for range mb {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		h.blocks = append(h.blocks, b)
	}
	allocated.Set(int64(len(h.blocks)) << 20)
	fmt.Fprintf(w, "holding %d MB\n", len(h.blocks))
	return nil
}

// free lets the memory go.
func (h *Hoard) free(w http.ResponseWriter, _ *http.Request) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	fmt.Fprintf(w, "let go of %d MB\n", len(h.blocks))
	h.blocks = nil
	allocated.Set(0)
	return nil
}

// Trap is a mutex that somebody keeps locked.
type Trap struct {
	mu      sync.Mutex
	state   sync.Mutex
	release chan struct{} // closed to have who holds mu let go; nil while nobody does
}

// stuck waits for the mutex, and does not look at its context meanwhile: nothing
// that waits for a sync.Mutex can.
func (t *Trap) stuck(w http.ResponseWriter, r *http.Request) error {
	t.spring()
	slog.InfoContext(r.Context(), "waiting for the mutex")
	since := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintln(w, "got the mutex after", time.Since(since).Round(time.Millisecond))
	return nil
}

// spring starts a goroutine that holds the mutex, if there is none, and returns
// when it does.
func (t *Trap) spring() {
	release := t.claim()
	if release == nil {
		return
	}
	locked := make(chan struct{})
	go t.keep(locked, release)
	<-locked
}

func (t *Trap) keep(locked chan<- struct{}, release <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(locked)
	<-release
}

// hold keeps the mutex locked, as a handler does that asks a slow backend while it
// holds one: as long as its request lasts.
func (t *Trap) hold(w http.ResponseWriter, r *http.Request) error {
	release := t.claim()
	if release == nil {
		fmt.Fprintln(w, "somebody holds it already")
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-release:
		fmt.Fprintln(w, "let go")
		return nil
	case <-r.Context().Done():
		t.free(release)
		return context.Cause(r.Context())
	}
}

// claim returns the channel that ends the hold of who called it, nil if somebody
// else holds the mutex, or is about to.
func (t *Trap) claim() chan struct{} {
	t.state.Lock()
	defer t.state.Unlock()
	if t.release != nil {
		return nil
	}
	t.release = make(chan struct{})
	return t.release
}

// free lets the next one claim the mutex.
func (t *Trap) free(release chan struct{}) {
	t.state.Lock()
	defer t.state.Unlock()
	if t.release == release {
		t.release = nil
	}
}

// unstick makes the holder let go.
func (t *Trap) unstick(w http.ResponseWriter, _ *http.Request) error {
	t.state.Lock()
	defer t.state.Unlock()
	if t.release == nil {
		fmt.Fprintln(w, "nobody is stuck")
		return nil
	}
	close(t.release)
	t.release = nil
	fmt.Fprintln(w, "let go")
	return nil
}
