package compare

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/internal/need"
)

const before = `# 8 goroutines, by instant trace in 2ms

5 goroutines [chan receive 4, select]:
ids 5 6 7 8 9
labels {"route": "/x"} 5
main.work(...)
	/src/main.go:12
created by main.main (4)
	/src/main.go:8

2 goroutines [select]:
ids 1 2
main.(*Pool).wait(...)
	/src/pool.go:4

1 goroutine [running]:
ids 3
main.main(...)
	/src/main.go:9
`

func TestGroups(t *testing.T) {
	for _, tt := range []struct {
		name, after, want string
	}{
		{"grew, came, went", `# 22 goroutines

20 goroutines [chan receive]:
ids 105 106, +18 more
main.work(...)
	/src/main.go:12
created by main.main
	/src/main.go:8

1 goroutine [select]:
ids 1
main.(*Pool).wait(...)
	/src/pool.go:4

1 goroutine [sleep]:
ids 44
time.Sleep(...)
	/go/time.go:1

# cut: 1 of 4 stacks are missing here, there was no room for them; stacks shows all, grouped
`, `--- a
+++ b
# goroutines 8 → 22, stacks 3 → 3: 1 came, 1 grew, 1 shrank, 1 went
# b lacks goroutines, for which it had no room

grew 5 → 20 (+15) [chan receive]:
main.work(...)
	/src/main.go:12
created by main.main
	/src/main.go:8

came 0 → 1 (+1) [sleep]:
time.Sleep(...)
	/go/time.go:1

shrank 2 → 1 (-1) [select]:
main.(*Pool).wait(...)
	/src/pool.go:4

went 1 → 0 (-1) [running]:
main.main(...)
	/src/main.go:9
`},
		{"ids, ages and states do not count", strings.NewReplacer("ids 1 2", "ids 7 8", "[select]", "[select, 5 minutes]", "in 2ms", "in 3ms", "(4)", "(5)").Replace(before), ""},
		{"Go's own dump", `goroutine 1 [running]:
main.main()
	/src/main.go:9 +0x1d

goroutine 7 [select, 3 minutes]:
main.(*Pool).wait(0xc000012345, {0x1, 0x2})
	/src/pool.go:4 +0x85

goroutine 8 gp=0xc0 m=nil [sleep]:
main.(*Pool).wait(0xc000054321, {0x1, ...})
	/src/pool.go:4 +0x85 fp=0xc0 sp=0xc1 pc=0x4

goroutine 9 [chan receive, locked to thread]:
main.work(0x1)
	/src/main.go:12 +0x1d
created by main.main in goroutine 1
	/src/main.go:8 +0x85
`, `--- a
+++ b
# goroutines 8 → 4, stacks 3 → 3: 1 shrank

shrank 5 → 1 (-4) [chan receive]:
main.work(...)
	/src/main.go:12
created by main.main
	/src/main.go:8
`},
	} {
		x, ok := parseGoroutines([]byte(before))
		y, ok2 := parseGoroutines([]byte(tt.after))
		if !ok || !ok2 {
			t.Errorf("%s: was not recognised: %v, %v", tt.name, ok, ok2)
			continue
		}
		got := ""
		if c := compareGroups(x, y); c.differ() {
			got = string(c.format("a", "b"))
		}
		if got != tt.want {
			t.Errorf("%s:\n%s\nwant:\n%s", tt.name, got, tt.want)
		}
	}
}

func TestNoGoroutines(t *testing.T) {
	for _, text := range []string{"", "# 0 goroutines\n", "hello\n", before + "\nand a text\n", "99999999999999999999 goroutines [x]:\nf(...)\n"} {
		if _, ok := parseGoroutines([]byte(text)); ok {
			t.Errorf("%q was taken for goroutines", text)
		}
	}
}

// patch applies what we print, which shows that it is right for any context.
func TestUnified(t *testing.T) {
	need.Tools(t, "patch")
	var long []string
	for i := range 100 {
		long = append(long, strconv.Itoa(i%60)+"\n")
	}
	join := func(parts ...[]string) string {
		var b strings.Builder
		for _, p := range parts {
			b.WriteString(strings.Join(p, ""))
		}
		return b.String()
	}
	add := []string{"new\n", "-new\n", "@@ new\n"}
	all := join(long)
	for _, tt := range [][2]string{
		{"", "a\n"}, {"a\n", ""}, {"a", "a\n"}, {"a\n", "a"}, {"a", "b"}, {"x\na", "x\na\nb"},
		{all, join(add, long)},
		{all, join(long, add)},
		{all, join(long[:50], add, long[50:])},
		{all, join(long[1:20], long[24:60], add, long[70:99])},
		{all, join(long[:10], add, long[14:20], add, long[20:])},
		{join(long[:10], add, long[14:20], add, long[20:]), all},
	} {
		for _, context := range []int{0, 1, 2, 3, 4, 10, 1000} {
			text := unified("a", []byte(tt[0]), "b", []byte(tt[1]), context)
			if got := patched(t, tt[0], string(text)); got != tt[1] {
				t.Errorf("context %d: a diff of %.40q and %.40q makes %q:\n%s", context, tt[0], tt[1], got, text)
			}
		}
	}
}

func patched(t *testing.T, a, diff string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	write(t, "a", a)
	cmd := exec.Command("patch", "-s", "-f", "-o", "-", "a")
	cmd.Stdin = strings.NewReader(diff)
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("patch: %v\n%s\n%s", err, out, diff)
	}
	return string(out)
}
