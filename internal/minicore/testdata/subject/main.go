// Subject panics in every way, and writes a core of each panic, for tests:
//
//	subject CORE KIND
//
// It prints how long the capture took, and how many bytes it has.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/ispyd/ispyd/internal/minicore"
)

type item struct {
	Name string
	Tags []string
	next *item
}

type store struct {
	items  []item
	byName map[string]*item
	lock   chan struct{}
}

type server struct {
	store  *store
	hits   int
	any    any
	counts map[string]int
}

type problem struct {
	Code int
	Why  string
}

func (p *problem) Error() string { return fmt.Sprint(p.Code, " ", p.Why) }

var (
	greeting = "bob, good morning"
	total    = 4711
	counters [4]int
	kinds    = map[string]func(s *server, id int, user string){
		"string":    func(s *server, id int, user string) { panic("no order for " + user) },
		"error":     func(s *server, id int, user string) { panic(errors.New("broken")) },
		"custom":    func(s *server, id int, user string) { panic(&problem{404, "no such order for " + user}) },
		"nil":       func(s *server, id int, user string) { s.hits = s.store.byName["nobody"].next.size() },
		"index":     func(s *server, id int, user string) { s.hits = len(s.store.items[id+10].Name) },
		"slice":     func(s *server, id int, user string) { s.hits = len(s.store.items[id+10:]) },
		"divide":    func(s *server, id int, user string) { s.hits /= counters[id] },
		"assertion": func(s *server, id int, user string) { s.hits = s.any.(int) },
		"nilmap":    func(s *server, id int, user string) { s.counts[user] = id },
		"closed":    func(s *server, id int, user string) { close(s.store.lock); close(s.store.lock) },
		"nilpanic":  func(s *server, id int, user string) { panic(nil) },
		"goexit":    func(s *server, id int, user string) { runtime.Goexit() },
		"copy":      func(s *server, id int, user string) { fail(s, id, user) },
		"deep":      func(s *server, id int, user string) { deep(30000, user) },
	}
)

//go:noinline
func (i *item) size() int { return len(i.Name) }

//go:noinline
func deep(n int, user string) int {
	var pad [64]byte
	pad[n%64] = 1
	if n == 0 {
		panic("deep " + user)
	}
	return deep(n-1, user) + int(pad[0])
}

// fail is captured as a function that returns an error.
//
//go:noinline
func fail(s *server, id int, user string) error {
	err := error(&problem{id, "no such order for " + user})
	note := []string{"red", user}
	s.any = note
	copied = grab(err)
	s.hits += len(note)
	runtime.KeepAlive(s)
	runtime.KeepAlive(user)
	return err
}

//go:noinline
func order(s *server, id int, user string, do func(*server, int, string)) (n int) {
	local := []string{"a", user, s.store.items[1].Name}
	s.any = local
	before := s.hits
	s.hits++
	do(s, id, user)
	runtime.KeepAlive(s)
	runtime.KeepAlive(user)
	return len(local) + before + id
}

var copied *minicore.Copy

func main() {
	file, kind := os.Args[1], os.Args[2]
	do := kinds[kind]
	if do == nil {
		fmt.Fprintln(os.Stderr, "no kind", kind)
		os.Exit(2)
	}
	if len(os.Args) > 3 {
		greeting, total = os.Args[3], total+1
	}
	// The first use of the heap's maps and the buffers is not what is measured.
	warm(2)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			var snapshot *minicore.Snapshot
			var err error
			begin := time.Now()
			if copied != nil {
				snapshot, err = minicore.FromCopy(*copied)
			} else {
				v := recover()
				snapshot, err = minicore.Capture(minicore.Frame{}, v, minicore.Limits{Time: time.Minute})
			}
			took := time.Since(begin)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			write(file, snapshot)
			fmt.Println(took, snapshot.Size())
			snapshot.Close()
		}()
		s := &server{store: &store{byName: map[string]*item{}, lock: make(chan struct{})}, hits: 41}
		s.store.items = []item{{Name: "i0"}, {Name: "i1", Tags: []string{"x"}}, {Name: "i2", Tags: []string{"red", "blue"}}}
		s.store.byName["i1"] = &s.store.items[1]
		s.store.byName["nobody"] = &item{Name: "nobody"}
		order(s, total-4709, greeting[:3], do)
	}()
	<-done
}

func warm(n int) {
	for range n {
		if snapshot, err := minicore.Capture(minicore.Frame{}, nil, minicore.Limits{}); err == nil {
			snapshot.Close()
		}
	}
}

func write(file string, s *minicore.Snapshot) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = s.WriteTo(f)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
