package http

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ispyd/ispyd/internal/trigger"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/nodes/nodetest"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

// hold begins a request that waits in its handler, and returns its id. It ends
// with the test, or when the function returned is called.
func hold(t *testing.T, h func(http.ResponseWriter, *http.Request)) (id uint64, release func()) {
	t.Helper()
	ids, stop := make(chan uint64), make(chan struct{})
	s := server(t, Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h != nil {
			h(w, r)
		}
		ids <- idOf(r)
		<-stop
	})), false)
	done := make(chan struct{})
	go func() {
		defer close(done)
		resp, err := s.Client().Get(s.URL + "/held?token=verysecret")
		if err == nil {
			resp.Body.Close()
		}
	}()
	released := false
	release = func() {
		if !released {
			released = true
			close(stop)
			<-done
		}
	}
	t.Cleanup(release)
	return <-ids, release
}

func TestTree(t *testing.T) {
	hold(t, nil)
	s := server(t, Wrap(http.NotFoundHandler()), false)
	c := &http.Client{Transport: Transport(s.Client().Transport)}
	get(t, c, s.URL)
	s.Client().CloseIdleConnections()
	s.Close()
	nodetest.Check(t, func(t *testing.T) (nodes.Dir, io.Closer) {
		dir, closer, err := Plugin.Open(plugintest.Config(t, "http", ""))
		if err != nil {
			t.Fatal(err)
		}
		return dir, closer
	})
}

func TestConfig(t *testing.T) {
	for _, tt := range []struct{ text, err string }{
		{`slow = "0s"`, `test.toml:2: http.slow: must be a duration of more than 0 with its unit, such as "1s" or "250ms", not "0s"`},
		{`slow = "-1s"`, `test.toml:2: http.slow: must be a duration of more than 0 with its unit, such as "1s" or "250ms", not "-1s"`},
		{`slow = 5`, `test.toml:2: http.slow: must be a duration of more than 0 with its unit, such as "1s" or "250ms", not 5`},
		{`slow = "5"`, `such as "1s" or "250ms", not "5"`},
		{`slow = true`, `such as "1s" or "250ms", not true`},
		{"recent = 0", "test.toml:2: http.recent: must be from 1 to 100000, not 0"},
		{"recent = 100001", "test.toml:2: http.recent: must be from 1 to 100000"},
		{"slow-recent = -1", "test.toml:2: http.slow-recent: must be from 1"},
		{"routes = 10001", "test.toml:2: http.routes: must be from 1 to 10000"},
		{"resent = 1", "resent"},
	} {
		_, _, err := Plugin.Open(plugintest.Config(t, "http", "[http]\n"+tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v", tt.text, err)
		}
	}
}

func TestLifeOfARequest(t *testing.T) {
	dir := opened(t, "[http]\nslow = \"1ns\"\nrecent = 3\n")
	id, release := hold(t, nil)
	row := plugintest.Row(t, dir, "active", id)
	if row == nil || row["url"] != "/held?token=[redacted]" || row["method"] != "GET" || row["status"] != 0.0 {
		t.Fatalf("active: %v", row)
	}
	if age := row["duration"].(float64); age <= 0 {
		t.Errorf("age %v", age)
	}
	list, err := nodes.Walk(t.Context(), dir, "requests")
	if err != nil {
		t.Fatal(err)
	}
	listed := func() bool {
		l, err := list.(nodes.Dir).List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range l {
			if fileOf(id) == "requests/"+n.Name() {
				return true
			}
		}
		return false
	}
	if !listed() {
		t.Error("a request in flight is not listed")
	}
	held, err := plugintest.OpenFile(t, dir, fileOf(id), nodes.Read)
	if err != nil {
		t.Fatal(err)
	}
	before := plugintest.ReadHandle(t, held)
	release()
	if row := plugintest.Ended(t, dir, id); row["status"] != 200.0 || row["state"] != "" {
		t.Errorf("recent: %v", row)
	}
	if listed() {
		t.Error("a request that has ended is listed")
	}
	if plugintest.Row(t, dir, "active", id) != nil {
		t.Error("a request that has ended is active")
	}
	if plugintest.Row(t, dir, "slow", id) == nil {
		t.Error("a slow request is not in slow")
	}
	if plugintest.ReadHandle(t, held) != before {
		t.Error("an open file has changed")
	}
	if f := plugintest.Facts(plugintest.Read(t, dir, fileOf(id))); f["status"] != "200" || f["ended"] == "" || f["url"] != "/held?token=[redacted]" {
		t.Errorf("ended request: %v", f)
	}
	if err := plugintest.Write(t, dir, "ctl", "clear"); err != nil {
		t.Fatal(err)
	}
	if _, err := plugintest.OpenFile(t, dir, fileOf(id), nodes.Read); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "may have ended") {
		t.Errorf("a forgotten request: %v", err)
	}
}

func TestRings(t *testing.T) {
	dir := opened(t, "[http]\nrecent = 3\nslow = \"1h\"\n")
	ids := make(chan uint64, 10)
	s := server(t, Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ids <- idOf(r) })), false)
	for range 5 {
		get(t, s.Client(), s.URL)
	}
	var all []uint64
	for range 5 {
		all = append(all, <-ids)
	}
	plugintest.Ended(t, dir, all[4])
	for i, id := range all {
		if got := plugintest.Row(t, dir, "recent", id) != nil; got != (i >= 2) {
			t.Errorf("request %d of 5 in recent: %v", i, got)
		}
	}
	if got := plugintest.Read(t, dir, "slow"); strings.Count(got, "\n") != 1 {
		t.Errorf("slow: %s", got)
	}
}

func TestCtl(t *testing.T) {
	dir := opened(t, "")
	id, release := hold(t, func(_ http.ResponseWriter, r *http.Request) {})
	release()
	plugintest.Ended(t, dir, id)
	for _, tt := range []struct {
		command string
		is      error
		text    string
	}{
		{"cancel " + strings.TrimPrefix(fileOf(id), "requests/"), fs.ErrNotExist, "ago; see recent"},
		{"cancel 999999999", fs.ErrNotExist, "no such request: 999999999; it may have ended"},
		{"cancel x", fs.ErrInvalid, `"x" is no id of a request`},
		{"cancel -1", fs.ErrInvalid, `"-1" is no id of a request`},
		{"cancel", fs.ErrInvalid, ""},
		{"slow", fs.ErrInvalid, ""},
		{"slow -1s", fs.ErrInvalid, "such as 250ms"},
		{"slow soon", fs.ErrInvalid, "such as 250ms"},
		{"slow 250ms", nil, ""},
		{"clear", nil, ""},
		{"clear all", fs.ErrInvalid, ""},
		{"cancle 1", fs.ErrInvalid, "cancel"},
	} {
		err := plugintest.Write(t, dir, "ctl", tt.command)
		if !errors.Is(err, tt.is) || err != nil && !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v", tt.command, err)
		}
	}
	if got := incoming.Slow(); got != 250*time.Millisecond {
		t.Errorf("slow is %v", got)
	}
}

func TestTrigger(t *testing.T) {
	_, closer, err := Plugin.Open(plugintest.Config(t, "http", ""))
	if err != nil {
		t.Fatal(err)
	}
	id, _ := hold(t, nil)
	source, ok := trigger.Lookup("http.slow")
	if !ok || source.Unit != trigger.Seconds {
		t.Fatalf("http.slow: %v, %v", source, ok)
	}
	if age := oldest(); age <= 0 {
		t.Errorf("http.slow is %v", age)
	}
	later, _ := hold(t, nil)
	if got := source.Newest(0); got != later {
		t.Errorf("the newest over 0s is %d, want %d and not %d", got, later, id)
	}
	if got := source.Newest(3600); got != 0 {
		t.Errorf("the newest over 1h is %d", got)
	}
	var kept bytes.Buffer
	for _, p := range trigger.Pieces() {
		if p.Name == "http.active" {
			if err := p.Write(t.Context(), &kept); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !strings.Contains(kept.String(), fmt.Sprintf("\n%d\t", id)) {
		t.Errorf("http.active: %s", &kept)
	}
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	if len(trigger.Pieces()) != 0 {
		t.Error("http.active is there after Close")
	}
	if _, ok := trigger.Lookup("http.slow"); ok {
		t.Error("http.slow is there after Close")
	}
}
