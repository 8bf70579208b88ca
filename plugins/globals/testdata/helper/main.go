// Command helper serves its own variables to the tests: a test binary has no debug
// information. A request is a line on the standard input, an operation, a path below
// globals and perhaps a text; the answer is a line of JSON.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
	"github.com/ispyd/ispyd/plugins/globals"

	"github.com/ispyd/ispyd/internal/config"
	"github.com/ispyd/ispyd/internal/redact"
	"log/slog"
)

type level uint8

type item struct {
	Tags []string
	next *item
}

type inner struct{ Depth int }

type store struct {
	inner
	mu     sync.Mutex
	items  map[int]*item
	byName map[string]int
	hits   atomic.Int64
	wait   time.Duration
	since  time.Time
	level  level
	sink   any
	err    error
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

type point struct{ x, y int }

type empty struct{}

var (
	limit    = 40
	label    = "first"
	ratio    = 0.5
	enabled  bool
	pace     = time.Second
	small    int8
	flag     atomic.Bool
	count    atomic.Int64
	levels   = []level{1, 2, 3}
	points   = map[point]string{{1, 2}: "a", {3, 4}: "b"}
	words    = map[string]*item{"a/b": {Tags: []string{"slash"}}, "x.y": {Tags: []string{"dot"}}}
	anyBy    = map[any]int{1: 10, "one": 11, true: 12}
	generic  = pair[string, []byte]{"k", []byte("bytes")}
	main3    = &store{}
	ring     *item
	queue    = make(chan int, 4)
	blocked  = make(chan int)
	callback func(string) error
	nothing  empty
	zeroes   [3]struct{}
	raw      = []byte{0, 1, 0xff}
	matrix   [2][3]float32
	cplx     = 1 + 2i
	nilMap   map[string]int
	nilSlice []int
	nilPtr   *store
	nilChan  chan int
	nilFunc  func()
	nilIface error
	anyNil   any
	password = "hunter2"
	dsn      = "postgres://user:sesame@db/x"
	huge     []byte
	many     map[int]int
	locked   sync.Mutex
	readers  sync.RWMutex
	unsafely unsafe.Pointer
	deep     *item
	when     = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	pointer  atomic.Pointer[item]
	churn    = map[int]string{}
	churned  []string
	growing  = map[int]*inner{}
	boxed    any

	// Maps, and what they lead to.
	stocks = map[string]*inner{"a": {Depth: 1}, "b": nil}
	depths = map[int]*inner{}
	byVal  = map[string]inner{"a": {Depth: 1}}
	sinks  = map[string]any{"p": &inner{Depth: 3}, "v": inner{Depth: 4}}
	lists  = map[string][]int{"a": {1, 2}}
	wideBy = map[int][20]int64{1: {5}}
	nested = map[string]map[string]*inner{"x": {"y": {Depth: 9}}}
	byPtr  = map[*inner]int{nil: 1}

	// What is larger or stranger than the rest.
	waiting = make(chan int)
	keyed   = struct {
		key     int
		apiKeys []int
		keyName string
	}{12, []int{34}, "x"}
	made      any // of a type that was made at run time
	madePtr   any
	zeroPtr   = &empty{}
	zeroSlice = make([]empty, 5)
	zeroMap   = map[empty]empty{{}: {}}
	selfMap   = map[string]any{}
	selfSlice = make([]any, 1)
	node      = &generic2[string]{Value: "root"}
	bound     func()
	allNil    struct {
		p *item
		m map[int]int
		s []int
		c chan int
		f func()
		e error
		a any
		u unsafe.Pointer
	}
	pieces [][]byte // of one array

	// What has ways of its own to be read or written.
	typedBy   = map[any]string{1: "int", int64(1): "int64", level(1): "level"}
	anyNames  = map[any]any{"password": "hunter2", "user": "u"}
	runes     = map[rune]int{'a': 1, 'b': 2}
	anyInner  atomic.Value
	embedsNil = struct {
		*inner
		x int
	}{}
	embedsOther embedsOtherType
	port        = new(int)
	portPtr     = &port
	nilInt      *int
	ports       = map[string]*int{"a": new(int)}
	single      = float32(0.5)
	group       sync.WaitGroup
	synced      sync.Map
	berlin      = time.FixedZone("Somewhere", 3600)
	ip4         = net.IPv4(10, 1, 2, 3)
	noIP        = net.IP{1}
	prefix      = netip.MustParsePrefix("10.0.0.0/8")
	bigInts     = []*big.Int{big.NewInt(-5), new(big.Int), new(big.Int)}
	byAddr      = map[*inner]string{{Depth: 8}: "eight"}
)

const constant = 12

type Secret struct{ User string }

type embedsOtherType struct {
	Secret
	Name string
}

// generic2 is generic, contains itself, and embeds.
type generic2[T any] struct {
	*inner
	Value T
	next  *generic2[T]
	all   map[string]*generic2[T]
}

// fill gives the variables values that the compiler cannot know.
func fill() {
	*main3 = store{
		inner: inner{Depth: 7}, items: map[int]*item{3: {Tags: []string{"a", "b"}}}, byName: map[string]int{"x": 1, "y": 2},
		wait: 90 * time.Second, level: 3, sink: &item{Tags: []string{"in"}}, err: fs.ErrNotExist,
	}
	main3.hits.Store(5)
	ring = &item{Tags: []string{"ring"}}
	ring.next = ring
	queue <- 1
	queue <- 2
	go func() { blocked <- 1 }()
	callback = func(s string) error { return errors.New(s) }
	locked.Lock()
	readers.RLock()
	for range 200 {
		deep = &item{next: deep}
	}
	pointer.Store(ring)
	boxed = level(9)
	for i := range 5000 {
		depths[i] = &inner{Depth: i}
	}
	for range 3 {
		go func() { <-waiting }()
	}
	st := reflect.StructOf([]reflect.StructField{{Name: "A", Type: reflect.TypeFor[int]()}, {Name: "B", Type: reflect.TypeFor[[7]string]()}})
	made, madePtr = reflect.New(st).Elem().Interface(), reflect.New(st).Interface()
	selfMap["self"] = selfMap
	selfSlice[0] = selfSlice
	node.inner = &main3.inner
	node.next = node
	node.all = map[string]*generic2[string]{"root": node}
	bound = main3.mu.Unlock
	anyInner.Store(&inner{Depth: 3})
	embedsOther = embedsOtherType{Secret{"somebody"}, "n"}
	*port = 80
	group.Add(2)
	synced.Store(1, "one")
	synced.Store("two", &inner{Depth: 2})
	synced.Store("password", "hunter2")
	bigInts[2].SetString("123456789012345678901234567890", 10)
	whole := make([]byte, 1<<20)
	for i := range 1000 {
		pieces = append(pieces, whole[i:])
	}
}

// keep refers to what the linker would drop.
func keep() {
	fmt.Fprint(io.Discard, limit, label, ratio, enabled, pace, small, flag.Load(), count.Load(), levels, points, anyBy, generic.key, nothing,
		zeroes, raw, matrix, cplx, nilMap, nilSlice, nilPtr == nil, nilChan, nilFunc == nil, nilIface, anyNil, password, dsn, len(huge), len(many),
		len(stocks), len(depths), len(byVal), len(sinks), len(lists), len(wideBy), len(nested), len(byPtr), len(waiting), keyed.key, made == nil, madePtr == nil,
		zeroPtr, zeroSlice, zeroMap, len(selfMap), len(selfSlice), node == nil, bound == nil, allNil.p == nil, len(pieces),
		len(typedBy), len(anyNames), len(runes), anyInner.Load(), embedsNil.x, embedsOther.Name, port, portPtr, nilInt, len(ports), single, &group, &synced, berlin, ip4, noIP, prefix, bigInts, len(byAddr), constant,
		unsafely, deep == nil, &nothing, &zeroes, when, len(churn), len(churned), boxed, words["x"])
}

type request struct{ Op, Path, Text string }

type answer struct {
	Text  string
	Names []string
	Error string
	Mode  uint32
	Kind  string
}

func main() {
	fill()
	keep()
	_ = len(growing)
	f, err := config.Parse("test.toml", []byte(os.Args[1]))
	check(err)
	dir, closer, err := globals.Plugin.Open(section{f, len(os.Args) < 3})
	check(err)
	dir = nodes.Directory("root", "the tree", dir, nodes.Value("pid", "for comparison", func(context.Context) (int, error) { return os.Getpid(), nil }))
	if closer != nil {
		defer closer.Close()
	}
	in := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var r request
		check(json.Unmarshal(in.Bytes(), &r))
		check(out.Encode(handle(dir, r)))
	}
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// handle answers a request; paths are below globals, but for that of bench.
func handle(root nodes.Dir, r request) answer {
	if r.Op == "bench" {
		return bench(context.Background(), root, r.Path)
	}
	dir, err := nodes.Walk(context.Background(), root, "globals")
	check(err)
	return serve(dir.(nodes.Dir), r)
}

func serve(dir nodes.Dir, r request) (a answer) {
	ctx := nodes.Detached(context.Background())
	fail := func(err error) answer {
		a.Error = err.Error()
		return a
	}
	switch r.Op {
	case "conform":
		return conform(dir)
	case "soak":
		return soak(ctx, dir, r.Text)
	case "large":
		huge = make([]byte, 100<<20)
		n := 10_000_000
		if r.Text != "" {
			fmt.Sscan(r.Text, &n)
		}
		many = make(map[int]int, n)
		for i := range n {
			many[i] = i
		}
		return a
	case "heap": // bytes that the program holds, and those of many
		runtime.GC()
		var with, without runtime.MemStats
		runtime.ReadMemStats(&with)
		many = nil
		runtime.GC()
		runtime.ReadMemStats(&without)
		a.Names = []string{fmt.Sprint(with.HeapAlloc), fmt.Sprint(with.HeapAlloc - without.HeapAlloc)}
		return a
	case "go":
		keep()
		a.Text = fmt.Sprint(map[string]any{
			"limit": limit, "label": label, "ratio": ratio, "enabled": enabled, "pace": pace, "small": small, "flag": flag.Load(),
			"count": count.Load(), "level": main3.level, "levels": levels, "depth": main3.Depth, "tag": main3.items[3].Tags[0], "x": matrix[1][2], "stock": stocks["a"].Depth, "depths": depths[4321].Depth, "sink": sinks["p"].(*inner).Depth,
			"port": *port, "ports": *ports["a"], "swapped": pointer.Load().Tags[0], "anyInner": anyInner.Load().(*inner).Depth, "single": single,
			"list": lists["a"], "nested": nested["x"]["y"].Depth, "hits": main3.hits.Load(),
		}[r.Text])
		return a
	}
	n, err := nodes.Walk(ctx, dir, r.Path)
	if err != nil {
		return fail(err)
	}
	switch n := n.(type) {
	case nodes.Dir:
		list, err := n.List(ctx)
		if err != nil {
			return fail(err)
		}
		for _, c := range list {
			a.Names = append(a.Names, c.Name())
		}
	case nodes.File:
		a.Mode, a.Kind = uint32(n.Attr().Mode), string(n.Attr().Kind)
		flags := nodes.Read
		if r.Op == "write" {
			flags = nodes.Write
		}
		h, err := n.Open(ctx, flags)
		if err != nil {
			return fail(err)
		}
		defer h.Close()
		if r.Op == "write" {
			if _, err := h.WriteAt(ctx, []byte(r.Text+"\n"), 0); err != nil {
				return fail(err)
			}
			return a
		}
		size, _ := h.Stat()
		b, err := io.ReadAll(io.NewSectionReader(reader{ctx, h}, 0, size))
		if err != nil {
			return fail(err)
		}
		a.Text = string(b)
	}
	return a
}

type reader struct {
	ctx context.Context
	h   nodes.Handle
}

func (r reader) ReadAt(p []byte, off int64) (int, error) { return r.h.ReadAt(r.ctx, p, off) }

type section struct {
	file  *config.File
	local bool
}

func (s section) Decode(v any) error       { return s.file.Decode("globals", v) }
func (s section) Redact() *redact.Redactor { return nil }
func (s section) Logger() *slog.Logger     { return slog.New(slog.DiscardHandler) }
func (s section) Local() bool              { return s.local }

var _ plugins.Config = section{}

// conform walks the whole tree and reads every file in it.
func conform(dir nodes.Dir) (a answer) {
	ctx := context.Background()
	x, err := symbols.Open(ctx)
	if err != nil {
		a.Error = err.Error()
		return a
	}
	defer x.Close()
	files := 0
	var walk func(nodes.Dir, string)
	walk = func(d nodes.Dir, p string) {
		list, err := d.List(ctx)
		if err != nil {
			a.Names = append(a.Names, p+": "+err.Error())
		}
		for _, c := range list {
			found, err := nodes.Lookup(ctx, d, c.Name())
			if err != nil || found.Name() != c.Name() {
				a.Names = append(a.Names, fmt.Sprint(p, c.Name(), ": Lookup: ", err))
				continue
			}
			switch c := c.(type) {
			case nodes.Dir:
				walk(c, p+c.Name()+"/")
			case nodes.File:
				files++
				for _, name := range []string{c.Name(), c.Name() + ".json"} {
					b := serve(dir, request{"read", p + name, ""})
					if b.Error != "" || b.Text == "" || strings.HasPrefix(b.Text, "?") && !strings.Contains(b.Text, "is no type that") {
						a.Names = append(a.Names, fmt.Sprintf("%s%s: %.100q %s", p, name, b.Text, b.Error))
					}
					if strings.HasSuffix(name, ".json") && !json.Valid([]byte(b.Text)) {
						a.Names = append(a.Names, fmt.Sprintf("%s%s: no JSON: %.200q", p, name, b.Text))
					}
				}
			}
		}
	}
	walk(dir, "")
	a.Text = fmt.Sprint(files)
	return a
}

// soak reads while the program writes as fast as it can and collects garbage.
//
//go:norace
func soak(ctx context.Context, dir nodes.Dir, text string) (a answer) {
	d, err := time.ParseDuration(text)
	if err != nil {
		a.Error = err.Error()
		return a
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Add(2)
	go func() {
		defer wg.Done()
		mutate(done)
	}()
	go func() {
		defer wg.Done()
		for {
			select {
			case <-done:
				return
			default:
				runtime.GC()
			}
		}
	}()
	n, written := 0, 0
	for end := time.Now().Add(d); time.Now().Before(end); n++ {
		for _, key := range []string{"5", "500"} {
			b := serve(dir, request{"write", "main.growing[" + key + "].Depth", "-1"})
			switch {
			case b.Error == "":
				written++
			case !strings.Contains(b.Error, "no such key") && !strings.Contains(b.Error, "try again") && !strings.Contains(b.Error, "is nil"):
				a.Names = append(a.Names, "growing: "+b.Error)
			}
		}
		for _, name := range []string{"main.churn", "main.churned", "main.boxed", "main.label", "main.main3", "main.churn.json", "main.churn[5]", "main.queue", "top"} {
			if name == "top" && n%1000 != 0 {
				continue
			}
			b := serve(dir, request{"read", name, ""})
			if b.Text == "" && !strings.Contains(b.Error, "no such key") && b.Error != "" {
				a.Names = append(a.Names, name+": "+b.Error)
			}
		}
	}
	if written == 0 {
		a.Names = append(a.Names, "nothing was written through a map")
	}
	close(done)
	wg.Wait()
	a.Text = fmt.Sprint(n)
	return a
}

// mutate is a program with races: nobody is to learn from it.
//
//go:norace
func mutate(done chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-done:
			return
		default:
		}
		churn[i%5000] = fmt.Sprint("value ", i)
		growing[i%3000] = &inner{Depth: i}
		if i%5 == 0 {
			delete(growing, i%2999)
		}
		if i%10000 == 0 {
			growing = map[int]*inner{5: {}}
		}
		if i%7 == 0 {
			delete(churn, i%4999)
		}
		if i%20000 == 0 {
			churn = map[int]string{5: "five"}
		}
		churned = append(churned, label)
		if len(churned) > 300 {
			churned = nil
		}
		label = strings.Repeat("x", i%100)
		switch i % 4 {
		case 0:
			boxed = i
		case 1:
			boxed = label
		case 2:
			boxed = &item{Tags: churned}
		case 3:
			boxed = pair[string, []byte]{label, []byte(label)}
		}
		main3.sink = boxed
		main3.items = map[int]*item{i: {Tags: churned}}
	}
}

// bench measures one reading, lookup to close.
func bench(ctx context.Context, dir nodes.Dir, path string) (a answer) {
	serve(dir, request{"read", path, ""})
	const n = 2000
	start := time.Now()
	for range n {
		if b := serve(dir, request{"read", path, ""}); b.Error != "" {
			return b
		}
	}
	a.Text = fmt.Sprint(int(time.Since(start).Nanoseconds() / n))
	return a
}
