package debugger_test

import (
	"context"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/internal/probes/panics"
	"github.com/ispyd/ispyd/nodes"
)

// What is listed as changed are the probes that are in: none that has been removed, has
// removed itself, or has ended with its time.
func TestSettings(t *testing.T) {
	needEngine(t)
	tr := opened(t, on+"rate = 1000\nburst = 1000\n")
	leases := nodes.NewLeases(nil)
	defer leases.Close(context.Background())
	tr.ctx = nodes.WithLeases(context.Background(), leases, "debugger/ctl")
	listed := func() (list []string) {
		for _, l := range leases.List() {
			list = append(list, l.Setting+" "+l.Value+l.Note)
		}
		return list
	}
	wait := func(what, want string) {
		t.Helper()
		await(t, what, func() bool { return strings.Join(listed(), ", ") == want })
	}
	tr.must("insert " + order)
	wait("the probe", "debugger/ctl panic "+order+" in")
	tr.must("limit share=0.0001")
	await(t, "the probe's end", func() bool {
		caught(func() { newShop().order(7, "Ada") })
		return !panics.Installed()
	})
	tr.must("limit share=100")
	wait("nothing", "")
	tr.must("insert " + order + " for=20ms")
	wait("the end of the lease", "")
	for range 20 {
		tr.must("insert " + order + " for=1h")
		wait("the lease", "debugger/ctl panic "+order+" in")
		tr.must("off")
		wait("nothing", "")
		tr.must("insert " + order)
		tr.must("remove " + order)
		tr.must("insert " + order + " for=1h")
		tr.must("insert " + parse)
		tr.must("reset")
		wait("nothing", "")
	}
}
