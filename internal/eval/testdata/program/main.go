// Program is what a test evaluates in: it reads requests, a line of JSON each, and
// answers them.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/ispyd/ispyd/internal/eval"
)

type item struct {
	Name string
	Tags []string
	n    int
}

type store struct {
	mu    sync.Mutex
	items map[int]*item
	limit int
}

//go:noinline
func (s *store) order(id int) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	it := s.items[id]
	if it == nil {
		return "", errors.New("no such item")
	}
	it.n++
	return it.Name, nil
}

//go:noinline
func (s store) size() int { return len(s.items) }

type tags []string

//go:noinline
func (t *tags) add(l ...string) { *t = append(*t, l...) }

func (t *tags) first() string { return (*t)[0] }

var marks = &tags{"a"}

type small struct{ a, b int8 }

//go:noinline
func mixed(a int8, s string, f float64, p small, m map[string]int, more ...int) (int, string, float32) {
	return int(a) + len(more) + int(p.a) + m["x"], s + "!", float32(f)
}

//go:noinline
func fail(n int) int {
	if n == 0 {
		panic("zero")
	}
	return list[n]
}

//go:noinline
func block() { <-make(chan int) }

//go:noinline
func apply(f func(int) int, n int) int { return f(n) }

//go:noinline
func describe(err error) string { return "error: " + err.Error() }

// A storage is what a session implements.
type storage interface {
	Put(key string, n int, weight float64, p small, more ...string) (small, error)
	Sum() float64
	big() (a, b, c, d, e, f, g, h, i, j, k string)
}

//go:noinline
func fill(s storage) (string, error) {
	p, err := s.Put("k", 7, 2.5, small{1, 2}, "x", "y")
	if err != nil {
		return "", err
	}
	a, _, _, _, _, _, _, _, _, _, k := s.big()
	return fmt.Sprint(p, " ", s.Sum(), " ", a, " ", k), nil
}

// kept is called by a goroutine of the program alone.
var (
	kept  storage
	sums  = make(chan float64)
	serve = make(chan bool)
)

func server() {
	for range serve {
		sums <- kept.Sum()
	}
}

const maximum = 99

var (
	limit   = 50
	list    = []int{1, 2, 3}
	names   = map[string]int{"a": 1, "b": 2}
	shop    = &store{items: map[int]*item{3: {Name: "three", Tags: []string{"x"}}}, limit: 7}
	timeout = 3 * time.Second
	level   struct{ debug bool }
	client  = &http.Client{Timeout: time.Minute}
	churn   = map[int]int{}
	dice    = rand.New(rand.NewSource(1))
)

func main() {
	if limit == -1 { // keep all of it
		mixed(1, "", 2, small{}, nil)
		fail(1)
		block()
		apply(nil, 1)
		shop.order(1)
		shop.size()
		marks.add(marks.first())
		fmt.Println(describe(nil), maximum, level, client, marks)
		fill(nil)
		new(http.ServeMux).Handle("/", nil)
		new(http.ServeMux).ServeHTTP(nil, nil)
		_, ok := any(level).(storage)
		fmt.Println(ok, dice)
	}
	if len(os.Args) > 1 { // mutate as fast as it goes
		go func() {
			for i := 0; ; i++ {
				churn[i%1000] = i
				if i%3 == 0 {
					delete(churn, (i*7)%1000)
				}
			}
		}()
	}
	go server()
	s := eval.NewSession(&eval.Live{}, eval.Options{Timeout: 20 * time.Second})
	in := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var src string
		json.Unmarshal(in.Bytes(), &src)
		if name, ok := strings.CutPrefix(src, ":doc "); ok {
			text, err := s.Describe(context.Background(), name)
			if err != nil {
				text += "error: " + err.Error()
			}
			out.Encode(text)
			continue
		}
		r, err := s.Eval(context.Background(), src)
		text := r.Output
		for _, vs := range r.Values {
			for i, v := range vs {
				if i > 0 {
					text += ", "
				}
				text += v.Text
			}
		}
		if err != nil {
			text += "error: " + err.Error()
		}
		out.Encode(text)
	}
}
