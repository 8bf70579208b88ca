package goroutines

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// invented is a dump whose content is known: n goroutines with a few stacks.
func invented(n int) *Dump {
	d := newDump(FlightRecorder)
	d.Taken = time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	d.Cost = Cost{Capture: 1234567, Whole: 2345678, Stop: 81920, Bytes: 4096, Looks: 1}
	frame := func(fn string, line int) Frame {
		return Frame{Func: fn, File: "/src/" + strings.ToLower(fn[strings.LastIndex(fn, ".")+1:]) + ".go", Line: line, PC: uintptr(line), entry: 1}
	}
	var stacks []uint32
	for i := range 3 {
		stacks = append(stacks, d.addStack([]Frame{
			{Func: "runtime.gopark", File: "/go/proc.go", Line: 1, PC: 1},
			frame(fmt.Sprintf("main.leaf%d", i), 10+i), frame("main.(*T[...]).run", 30),
		}))
	}
	d.labels = append(d.labels, []Label{{"k]", "v"}, {"token", "s3cret"}})
	d.frames = append(d.frames, frame("main.main", 7))
	creator := uint32(len(d.frames))
	receive := d.reasonIndex("chan receive")
	for i := range n {
		e := entry{id: uint64(i + 1), stack: stacks[i%3], state: Waiting, reason: receive, parent: 1, creator: creator}
		switch i {
		case 0:
			e.creator, e.parent = 0, 0
		case 1:
			e.state, e.reason, e.flags = Running, 0, inferred
		case 2:
			e.flags, e.labels = locked, 1
		case 3:
			e.stack, e.state, e.reason = 0, Runnable, 0
		}
		d.gs = append(d.gs, e)
	}
	return d
}

func TestText(t *testing.T) {
	const want = `# 5 goroutines, by instant trace in 2.35ms (slot held 1.23ms, 4096 bytes, 1 looks); longest stop of the program at most 81.92µs

goroutine 1 [chan receive]:
main.leaf0(...)
	/src/leaf0.go:10 +0xa
main.(*T[...]).run(...)
	/src/run.go:30 +0x1e

goroutine 2 [running, stack from profile]:
main.leaf1(...)
	/src/leaf1.go:11 +0xb
main.(*T[...]).run(...)
	/src/run.go:30 +0x1e
created by main.main in goroutine 1
	/src/main.go:7

goroutine 3 [chan receive, locked to thread, labels:{"k\x5d": "v", "token": "[redacted\x5d"}]:
main.leaf2(...)
	/src/leaf2.go:12 +0xc
main.(*T[...]).run(...)
	/src/run.go:30 +0x1e
created by main.main in goroutine 1
	/src/main.go:7

goroutine 4 [runnable]:
	goroutine running on other thread; stack unavailable
created by main.main in goroutine 1
	/src/main.go:7

goroutine 5 [chan receive]:
main.leaf1(...)
	/src/leaf1.go:11 +0xb
main.(*T[...]).run(...)
	/src/run.go:30 +0x1e
created by main.main in goroutine 1
	/src/main.go:7
`
	d := invented(5)
	hide := Options{Label: func(key, value string) string {
		if key == "token" {
			return "[redacted]"
		}
		return value
	}}
	var b bytes.Buffer
	if err := d.WriteText(t.Context(), &b, hide); err != nil {
		t.Fatal(err)
	}
	if b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
	if gs := parse(t, b.String()); len(gs) != 5 || !gs[2].Locked || gs[1].State != "running" {
		t.Errorf("panicparse reads %+v", gs)
	}
	b.Reset()
	if ok, err := d.WriteGoroutine(&b, 3, hide); !ok || err != nil || !strings.Contains(want, b.String()) {
		t.Errorf("goroutine 3: %v, %v, %s", ok, err, b.String())
	}
	if ok, err := d.WriteGoroutine(&b, 99, hide); ok || err != nil {
		t.Errorf("goroutine 99: %v, %v", ok, err)
	}
}

func TestStacksText(t *testing.T) {
	const want = `
4 goroutines [chan receive]:
ids 1 7 10 13
main.leaf0(...)
	/src/leaf0.go:10
main.(*T[...]).run(...)
	/src/run.go:30
created by main.main (3)
	/src/main.go:7

4 goroutines [chan receive]:
ids 3 6 9 12
labels {"k\x5d": "v", "token": "s3cret"} 1
main.leaf2(...)
	/src/leaf2.go:12
main.(*T[...]).run(...)
	/src/run.go:30
created by main.main
	/src/main.go:7

4 goroutines [chan receive 3, running 1]:
ids 2 5 8 11
main.leaf1(...)
	/src/leaf1.go:11
main.(*T[...]).run(...)
	/src/run.go:30
created by main.main
	/src/main.go:7

1 goroutine [runnable]:
ids 4
	goroutine running on other thread; stack unavailable
created by main.main
	/src/main.go:7
`
	var b bytes.Buffer
	if err := invented(13).WriteStacks(t.Context(), &b, Options{}); err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(b.String(), "\n")
	// Groups of the same size stand in the order of their stacks.
	want4 := strings.Split(strings.TrimPrefix(want, "\n"), "\n\n")
	got4 := strings.Split(strings.TrimPrefix(got, "\n"), "\n\n")
	slices.Sort(want4)
	slices.Sort(got4)
	if !slices.Equal(got4, want4) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	b.Reset()
	if err := invented(100).WriteStacks(t.Context(), &b, Options{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "ids 3 6 9 12 15 18 21 24 27 30, +23 more\n") {
		t.Errorf("more than ten ids:\n%s", b.String())
	}
}

// TestStacksDiff holds that a diff of two shows what grew and nothing else.
func TestStacksDiff(t *testing.T) {
	lines := func(n int) []string {
		var b bytes.Buffer
		d := invented(n)
		if err := d.WriteStacks(t.Context(), &b, Options{}); err != nil {
			t.Fatal(err)
		}
		return strings.Split(b.String(), "\n")
	}
	volatile := regexp.MustCompile(`^(#|ids |\d+ goroutines? \[|labels |created by .* \(\d+\)$)`)
	before, after := lines(300), lines(3000)
	if len(before) != len(after) {
		t.Fatalf("%d lines, then %d", len(before), len(after))
	}
	for i := range before {
		if before[i] != after[i] && !volatile.MatchString(before[i]) {
			t.Errorf("line %d: %q, then %q", i, before[i], after[i])
		}
	}
}

// TestStacksOrder holds that the groups of a real dump are most first, and that
// they are all the goroutines.
func TestStacksOrder(t *testing.T) {
	lock(t)
	newZoo(t)
	stop := make(chan struct{})
	defer close(stop)
	var parked sync.WaitGroup
	parked.Add(50)
	for range 50 {
		go parkAt(2, &parked, stop)
	}
	parked.Wait()
	d := takeUntil(t, func(d *Dump) bool { return d.Groups()[0].Count == 50 })
	groups := d.Groups()
	if !slices.IsSortedFunc(groups, func(a, b Group) int { return b.Count - a.Count }) {
		t.Error("the groups are not sorted")
	}
	all := 0
	for _, g := range groups {
		all += g.Count
		states := 0
		for _, s := range g.States {
			states += s.Count
		}
		if states != g.Count || len(g.IDs) != min(g.Count, 10) {
			t.Errorf("%d goroutines, %d states, %d ids", g.Count, states, len(g.IDs))
		}
	}
	if all != d.Len() {
		t.Errorf("%d goroutines in groups, the dump has %d", all, d.Len())
	}
}

func TestJSON(t *testing.T) {
	d := invented(13)
	type goroutine struct {
		ID        uint64  `json:"id"`
		State     string  `json:"state"`
		Wait      string  `json:"wait"`
		Locked    bool    `json:"locked"`
		Inferred  bool    `json:"inferred"`
		Labels    []Label `json:"labels"`
		Stack     []Frame `json:"stack"`
		CreatedBy *Frame  `json:"created_by"`
		Parent    uint64  `json:"parent"`
	}
	var all struct {
		summary
		Goroutines []goroutine `json:"goroutines"`
		Missing    int         `json:"missing"`
	}
	var b bytes.Buffer
	if err := d.WriteJSON(t.Context(), &b, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b.Bytes(), &all); err != nil {
		t.Fatalf("%v:\n%s", err, b.String())
	}
	if all.Count != 13 || len(all.Goroutines) != 13 || all.Missing != 0 || all.Way != FlightRecorder {
		t.Errorf("got %+v", all)
	}
	g := all.Goroutines[2]
	if g.ID != 3 || g.State != "waiting" || g.Wait != "chan receive" || !g.Locked || len(g.Stack) != 2 ||
		g.Stack[0].Func != "main.leaf2" || g.CreatedBy == nil || g.CreatedBy.Line != 7 || g.Parent != 1 || len(g.Labels) != 2 {
		t.Errorf("got %+v", g)
	}
	b.Reset()
	if ok, err := d.WriteGoroutineJSON(&b, 2, Options{}); !ok || err != nil {
		t.Fatal(ok, err)
	}
	var one goroutine
	if err := json.Unmarshal(b.Bytes(), &one); err != nil || one.ID != 2 || !one.Inferred || one.State != "running" {
		t.Errorf("%v: %+v", err, one)
	}
	b.Reset()
	if err := d.WriteStacksJSON(t.Context(), &b, Options{Label: func(_, v string) string { return "x" }}); err != nil {
		t.Fatal(err)
	}
	var groups struct {
		Stacks  []Group `json:"stacks"`
		Missing int     `json:"missing"`
	}
	if err := json.Unmarshal(b.Bytes(), &groups); err != nil || len(groups.Stacks) != 4 || groups.Missing != 0 {
		t.Errorf("%v: %+v", err, groups)
	}
	if strings.Contains(b.String(), "s3cret") || d.labels[1][1].Value != "s3cret" {
		t.Error("labels: shown in the JSON, or changed in the dump")
	}
}

// TestLimit holds that what does not fit is left out whole, and counted.
func TestLimit(t *testing.T) {
	d := invented(1000)
	cut := regexp.MustCompile(`\n\n# cut: (\d+) of (\d+) (goroutine|stack)s are missing here, .*\n$`)
	for _, limit := range []int64{400, 1000, 10_000, 60_000} {
		o := Options{Limit: limit}
		var b bytes.Buffer
		if err := d.WriteText(t.Context(), &b, o); err != nil {
			t.Fatal(err)
		}
		m := cut.FindStringSubmatch(b.String())
		shown := strings.Count(b.String(), "\ngoroutine ")
		if int64(b.Len()) > limit || m == nil || m[1] != fmt.Sprint(1000-shown) || m[2] != "1000" {
			t.Errorf("limit %d: %d bytes, %d goroutines, %q", limit, b.Len(), shown, m)
		}
		b.Reset()
		if err := d.WriteJSON(t.Context(), &b, o); err != nil {
			t.Fatal(err)
		}
		var all struct {
			Goroutines []any
			Missing    int
		}
		if err := json.Unmarshal(b.Bytes(), &all); err != nil || int64(b.Len()) > limit+256 || len(all.Goroutines)+all.Missing != 1000 {
			t.Errorf("limit %d: %v, %d bytes, %d goroutines, %d missing", limit, err, b.Len(), len(all.Goroutines), all.Missing)
		}
	}
	var b bytes.Buffer
	if err := d.WriteStacks(t.Context(), &b, Options{Limit: 600}); err != nil || int64(b.Len()) > 600 || !cut.MatchString(b.String()) {
		t.Errorf("%v, %d bytes:\n%s", err, b.Len(), b.String())
	}
}

// failing fails when more than its bytes are written.
type failing int

var errFull = errors.New("no room")

func (f *failing) Write(p []byte) (int, error) {
	if *f -= failing(len(p)); *f < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriteErrors(t *testing.T) {
	d := invented(10_000)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, write := range map[string]func(context.Context, io.Writer, Options) error{
		"text": d.WriteText, "json": d.WriteJSON, "stacks": d.WriteStacks, "stacks.json": d.WriteStacksJSON, "full": WriteFull,
	} {
		if err := write(ended, io.Discard, Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, cancelled: %v", name, err)
		}
		var f failing
		if err := write(t.Context(), &f, Options{}); !errors.Is(err, errFull) {
			t.Errorf("%s, no room: %v", name, err)
		}
	}
}

func TestFullLimit(t *testing.T) {
	lock(t)
	stop := make(chan struct{})
	defer close(stop)
	var parked sync.WaitGroup
	parked.Add(100)
	for range 100 {
		go parkAt(10, &parked, stop)
	}
	parked.Wait()
	var b bytes.Buffer
	if err := WriteFull(t.Context(), &b, Options{Limit: 20_000}); err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`\n\n# cut: (\d+) of (\d+) goroutines`).FindStringSubmatch(b.String())
	if b.Len() > 20_000 || m == nil {
		t.Fatalf("%d bytes, %v", b.Len(), m)
	}
	if n := len(parse(t, b.String())); n < 5 || n > 100 {
		t.Errorf("%d goroutines", n)
	}
	b.Reset()
	if err := WriteFull(t.Context(), &b, Options{}); err != nil || strings.Contains(b.String(), "# cut") || !strings.Contains(b.String(), "stood still") {
		t.Errorf("%v:\n%.300s", err, b.String())
	}
}
