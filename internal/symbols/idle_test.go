package symbols

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// inside names the environment variable of a test binary that has debug information.
const inside = "ISPYD_SYMBOLS_INSIDE"

// TestInside runs the tests of this file in a binary of "go test -c", which has the
// debug information that one of "go test" lacks.
func TestInside(t *testing.T) {
	exe := filepath.Join(t.TempDir(), "inside.test")
	if out, err := exec.Command("go", "test", "-c", "-o", exe, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(exe, "-test.run=^TestIdle$|^TestShared$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestIdle") || !strings.Contains(string(out), "--- PASS: TestShared") {
		t.Errorf("%v\n%s", err, out)
	}
}

func onlyInside(t *testing.T) {
	if os.Getenv(inside) == "" {
		t.Skip("is run by TestInside")
	}
}

// TestIdle waits for the index to be given back, with its mapping and its heap.
func TestIdle(t *testing.T) {
	onlyInside(t)
	defer func(d time.Duration) { idle = d }(idle)
	idle = time.Millisecond
	for range 3 {
		x, err := Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		v, err := x.Var(sharedName)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Type.Fields(); len(got) != reflect.TypeFor[state]().NumField() {
			t.Errorf("the fields are %v", got)
		}
		f, err := x.Func("github.com/ispyd/ispyd/internal/symbols.(*Index).Close")
		if err != nil || f.Entry == 0 {
			t.Errorf("%+v %v", f, err)
		}
		x.Close()
		x.Close()
		for {
			shared.Lock()
			gone := shared.table == nil
			shared.Unlock()
			if gone {
				break
			}
			runtime.Gosched()
		}
		for x.t.read(func() {}) == nil {
			runtime.Gosched()
		}
		if _, err := x.Var(sharedName); !errors.Is(err, errClosed) {
			t.Errorf("a variable of an index that was given back: %v", err)
		}
		// What was asked for stays, the rest is empty and nothing faults.
		if v.Type.Size() != reflect.TypeFor[state]().Size() {
			t.Errorf("the size is %d", v.Type.Size())
		}
		_ = v.Type.Fields()[0].Type.Fields()
		_ = f.Params[0].Type.Elem().Fields()
	}
}

func TestShared(t *testing.T) {
	onlyInside(t)
	var wg sync.WaitGroup
	tables := make([]*table, 20)
	for i := range tables {
		wg.Go(func() {
			x, err := Open(context.Background())
			if err != nil {
				t.Error(err)
				return
			}
			defer x.Close()
			tables[i] = x.t
			for _, name := range x.Types("time") {
				if u, err := x.Type(name); err == nil {
					u.Fields()
					u.Reflect()
				}
			}
		})
	}
	wg.Wait()
	for _, u := range tables {
		if u != tables[0] {
			t.Error("there is more than one table")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if x, err := Open(ctx); err == nil {
		x.Close() // it was there
	}
	if shared.users != 0 {
		t.Errorf("%d users are left", shared.users)
	}
}
