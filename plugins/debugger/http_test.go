package debugger_test

import (
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/internal/tracebacks"
	"github.com/ispyd/ispyd/plugins/debugger"
	ispydhttp "github.com/ispyd/ispyd/plugins/http"
)

// load asks for pages from several clients at once, and returns the answers.
func load(t *testing.T, base string, n int) []string {
	answers := make([]string, n)
	var wg sync.WaitGroup
	const clients = 8
	for c := range clients {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // what fails is not asked again
			defer client.CloseIdleConnections()
			for i := c; i < n; i += clients {
				q := url.Values{"id": {strconv.Itoa(i % 3)}, "user": {fmt.Sprint("user", i)}}
				answers[i] = answer(client, base+"/order?"+q.Encode())
			}
		})
	}
	wg.Wait()
	return answers
}

// The answers of a server whose handlers panic are the same with a probe.
func TestAnswersAreTheSame(t *testing.T) {
	needEngine(t)
	const n = 600
	base := serve(t, ispydhttp.Wrap).URL
	bare := load(t, base, n)
	panicked := 0
	for i, a := range bare {
		if strings.HasPrefix(a, "error: true") {
			panicked++
		} else if want := fmt.Sprintf("200 %s for user%d <nil>", []string{"apple", "bread"}[i%3], i); a != want {
			t.Fatalf("%q, not %q", a, want)
		}
	}
	if panicked != n/3 {
		t.Fatalf("%d of %d requests panicked", panicked, n)
	}
	for name, conf := range map[string]string{"engine": on + "share = 100\n", "portable": on + "engine = false\n"} {
		t.Run(name, func(t *testing.T) {
			tr := opened(t, conf)
			function := "recover"
			if name == "engine" {
				tr.must("insert " + order)
				function = order
			} else {
				await(t, "the middleware", tracebacks.Wanted)
			}
			for i, a := range load(t, base, n) {
				if a != bare[i] {
					t.Errorf("request %d: %q, and bare %q", i, a, bare[i])
				}
			}
			if got := tr.column(function, "hits"); got != strconv.Itoa(n/3) {
				t.Errorf("%s hits", got)
			}
			tr.awaitFile("tracebacks/latest/traceback", "order")
			for _, n := range tr.list("tracebacks") {
				if id := tr.read("tracebacks/" + n + "/request"); id == "0\n" {
					t.Errorf("traceback %s is not linked to its request", n)
				}
				if !strings.Contains(tr.read("tracebacks/"+n+"/labels"), request.Label+"\t"+tr.read("tracebacks/"+n+"/request")) {
					t.Errorf("traceback %s: labels %q", n, tr.read("tracebacks/"+n+"/labels"))
				}
			}
		})
	}
}

func TestRecovered(t *testing.T) {
	debugger.Recovered("nobody keeps it")
	tr := opened(t, on)
	func() {
		defer func() { debugger.Recovered(recover()) }()
		newShop().order(7, "Ada")
	}()
	text := tr.awaitFile("tracebacks/1/traceback", "order")
	if !strings.HasPrefix(text, "panic: runtime error: index out of range [7] with length 2\n\ngoroutine ") {
		t.Errorf("the traceback is\n%s", text)
	}
	_, frames, _ := strings.Cut(text, "[running]:\n")
	if !strings.HasPrefix(frames, order+"(") {
		t.Errorf("the first frame is not that of the panic:\n%s", text)
	}
	if got := tr.read("tracebacks/1/summary"); !strings.Contains(got, "kind\trecovered\n") || !strings.Contains(got, "by\tthe program\n") {
		t.Errorf("summary %s", got)
	}
	if got := tr.column("recover", "captured"); got != "1" {
		t.Errorf("%s captured", got)
	}
}

// What a probe has caught is not kept again by who recovers it.
func TestRecoveredAfterProbe(t *testing.T) {
	needEngine(t)
	tr := opened(t, on)
	tr.must("insert " + order)
	func() {
		defer func() { debugger.Recovered(recover()) }()
		newShop().order(7, "Ada")
	}()
	func() {
		defer func() { debugger.Recovered(recover()) }()
		newShop().parse("") // no probe
	}()
	tr.awaitFile("tracebacks/2/traceback", "parse")
	if got := tr.list("tracebacks"); len(got) != 2 {
		t.Errorf("tracebacks %v", got)
	}
	if got := tr.read("tracebacks/1/summary"); !strings.Contains(got, "kind\tpanic\n") {
		t.Errorf("summary %s", got)
	}
}

// An hour of panics, one capture each second, stays within the limit.
func TestMemory(t *testing.T) {
	needEngine(t)
	const most = 8 << 20 // some five cores
	tr := opened(t, on+"rate = 1000\nburst = 1000\nshare = 100\nbytes = \"8MiB\"\n")
	tr.must("insert " + order)
	n := 3600
	if testing.Short() || raceEnabled {
		n = 300
	}
	shop := newShop()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range n {
		caught(func() { shop.order(7, "Ada") })
		// As much later as it takes to keep it: a second would do.
		await(t, "the capture", func() bool {
			var hits, captured, skipped int
			fmt.Sscan(tr.column(order, "hits"), &hits)
			fmt.Sscan(tr.column(order, "captured"), &captured)
			fmt.Sscan(tr.column(order, "skipped"), &skipped)
			return captured+skipped == hits
		})
		if i%300 == 0 {
			var held, limit string
			for _, line := range strings.Split(tr.read("status"), "\n") {
				if f := strings.Split(line, "\t"); f[0] == "tracebacks" {
					fmt.Sscanf(f[2], "%s of %s", &held, &limit)
				}
			}
			bytes, err := strconv.Atoi(strings.TrimSuffix(held, "B"))
			if strings.HasSuffix(held, "iB") {
				bytes, err = 0, nil
			}
			if err != nil || bytes > most {
				t.Fatalf("after %d panics %s are held", i, held)
			}
		}
	}
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > most+8<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	tr.close()
	runtime.GC()
}
