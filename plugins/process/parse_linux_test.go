package process

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/internal/report"
)

func TestParseStat(t *testing.T) {
	const rest = " S 2637 4722 2637 0 -1 4194304 118 5 7 0 250 33 0 0 20 0 9 0 83119 3133440 390 18446744073709551615 1 2 3 0 0 0 0 0 0 0 0 0 17 3 0 0 0 0 0 4 5 6 7 8 9 10 0\n"
	want := taskStat{state: 'S', user: 2.5, system: 0.33, start: 831.19, cpu: 3}
	for in, comm := range map[string]string{
		"4724 (cat)" + rest:          "cat",
		"1 (a) S (b) c)" + rest:      "a) S (b) c",
		"1 ()" + rest:                "",
		"1 (two\nlines)" + rest:      "two\nlines",
		"1 (  R 1 2 3 4 5  )" + rest: "  R 1 2 3 4 5  ",
	} {
		want.comm = comm
		if got, ok := parseStat([]byte(in)); !ok || got != want {
			t.Errorf("parseStat(%q) = %+v, %v, want %+v", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "1", "1 (", "1 )(", "1 (a)", "1 (a) S 1 2", "1 (a)" + strings.Replace(rest, " 83119 ", " x ", 1), "1 (a)" + strings.Replace(rest, " S ", " SS ", 1)} {
		if got, ok := parseStat([]byte(in)); ok {
			t.Errorf("parseStat(%q) = %+v, want a failure", in, got)
		}
	}
}

const limitsText = `Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max open files            1024                 1048576              files     
Max nice priority         0                    0                    
Max realtime timeout      unlimited            unlimited            us        
`

func TestParseLimits(t *testing.T) {
	got, ok := parseLimits([]byte(limitsText))
	want := []limit{
		{Limit: "cpu time", Soft: report.Unlimited, Hard: report.Unlimited, Unit: "seconds"},
		{Limit: "open files", Soft: 1024, Hard: 1048576, Unit: "files"},
		{Limit: "nice priority"},
		{Limit: "realtime timeout", Soft: report.Unlimited, Hard: report.Unlimited, Unit: "us"},
	}
	if !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("parseLimits = %+v, %v, want %+v", got, ok, want)
	}
	for _, in := range []string{"", "Limit\n", strings.Replace(limitsText, "1024 ", "many ", 1)} {
		if got, ok := parseLimits([]byte(in)); ok {
			t.Errorf("parseLimits(%q) = %+v, want a failure", in, got)
		}
	}
}

func TestParseKeyed(t *testing.T) {
	k := parseKeyed([]byte("Name:\tx: y\nVmRSS:\t    1024 kB\nSigQ:\t3/96\nrchar: 17\nanon 42\nmax max\nempty:\n\n:x\nVmBad:\t-1 kB\n"))
	if k["Name"] != "x: y" || k["SigQ"] != "3/96" {
		t.Errorf("texts are %q and %q", k["Name"], k["SigQ"])
	}
	for key, want := range map[string]uint64{"rchar": 17, "anon": 42, "max": report.Unlimited} {
		if got, ok := k.number(key); !ok || got != want {
			t.Errorf("number(%q) = %d, %v, want %d", key, got, ok, want)
		}
	}
	for _, key := range []string{"Name", "empty", "missing"} {
		if got, ok := k.number(key); ok {
			t.Errorf("number(%q) = %d, want none", key, got)
		}
	}
	if got, ok := k.bytes("VmRSS"); !ok || got != 1<<20 {
		t.Errorf("bytes(VmRSS) = %d, %v, want 1 MiB", got, ok)
	}
	for _, key := range []string{"rchar", "missing", "VmBad"} {
		if got, ok := k.bytes(key); ok {
			t.Errorf("bytes(%q) = %d, want none", key, got)
		}
	}
}

func TestParseCgroup(t *testing.T) {
	got := parseCgroup([]byte("11:memory:/a:b\n7:cpu,cpuacct:/\n2::/no-controller\n1:name=systemd:/s\n0::/u (deleted)\nx\n3:pids\n4:pids:relative\n"))
	want := []membership{
		{[]string{"memory"}, "/a:b"}, {[]string{"cpu", "cpuacct"}, "/"}, {[]string{"name=systemd"}, "/s"}, {nil, "/u"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("parseCgroup = %v, want %v", got, want)
	}
}

func TestParseMounts(t *testing.T) {
	in := `22 27 0:21 / /proc rw,relatime - proc proc rw
31 23 0:28 / /sys/fs/c\040group rw shared:1 master:2 propagate_from:3 unbindable - cgroup2 cgroup2 rw,nsdelegate
32 31 0:29 /a\134b\011c /cpu rw - cgroup cgroup rw,cpu,cpuacct
33 31 0:29 / /no-options rw - cgroup2 x
34 31 0:29 / /short - cgroup2
35 31 0:29 / /no-dash rw cgroup2 x rw

36 31 0:29 / /dash - in-name rw - cgroup2 x rw
`
	got := parseMounts([]byte(in), "cgroup", "cgroup2")
	want := []mount{
		{"/", "/sys/fs/c group", "cgroup2", []string{"rw", "nsdelegate"}},
		{"/a\\b\tc", "/cpu", "cgroup", []string{"rw", "cpu", "cpuacct"}},
		{"/", "/no-options", "cgroup2", nil},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("parseMounts =\n%+v, want\n%+v", got, want)
	}
}

func TestUnescapeOctal(t *testing.T) {
	for in, want := range map[string]string{`a\040b`: "a b", `\134`: `\`, `a\`: `a\`, `a\04`: `a\04`, `a\999`: `a\999`, `a\400`: `a\400`, "": ""} {
		if got := unescapeOctal(in); got != want {
			t.Errorf("unescapeOctal(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestMountDirectories(t *testing.T) {
	for _, c := range []struct {
		root, path string
		want       []string
	}{
		{"/", "/", []string{"/m"}},
		{"/", "/a/b", []string{"/m/a/b", "/m"}},
		{"/docker/1", "/docker/1", []string{"/m", "/m/docker/1"}},
		{"/docker/1", "/docker/1/sub", []string{"/m/sub", "/m/docker/1/sub", "/m"}},
		{"/docker/1", "/docker/12", []string{"/m/docker/12", "/m"}},
		{"/..", "/../x", nil},
		{"/", "/a/..", nil},
	} {
		if got := (mount{root: c.root, point: "/m"}).directories(c.path); !slices.Equal(got, c.want) {
			t.Errorf("%s in a mount of %s: %q, want %q", c.path, c.root, got, c.want)
		}
	}
}

func TestParsePressure(t *testing.T) {
	got := parsePressure([]byte("some avg10=1.50 avg60=0.37 avg300=0.15 total=3247069\nfull avg10=x avg60=NaN avg300=-1 total=1e300\n\nshort\n"))
	want := []pressure{
		{Kind: "some", Avg10: 1.5, Avg60: 0.37, Avg300: 0.15, Total: 3.247069},
		{Kind: "full"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("parsePressure = %+v, want %+v", got, want)
	}
}

func TestKindOf(t *testing.T) {
	for target, want := range map[string]string{
		"/srv/a.log":                 "file",
		"/srv/a.log (deleted)":       "file",
		"/dev/null":                  "device",
		"/dev/shm/x":                 "file",
		"/memfd:x (deleted)":         "memfd",
		"socket:[123]":               "socket",
		"pipe:[123]":                 "pipe",
		"net:[4026531840]":           "namespace",
		"anon_inode:[eventpoll]":     "epoll",
		"anon_inode:[eventfd]":       "eventfd",
		"anon_inode:inotify":         "inotify",
		"anon_inode:[timerfd]":       "timerfd",
		"anon_inode:bpf-map":         "bpf-map",
		"anon_inode:":                "anonymous",
		"":                           "other",
		"something else":             "other",
		"anon_inode:[io_uring]":      "io_uring",
		"anon_inode:[perf_event]":    "perf_event",
		"anon_inode:[userfaultfd]":   "userfaultfd",
		"anon_inode:[pidfd]":         "pidfd",
		"anon_inode:[signalfd]":      "signalfd",
		"/proc/1/ns/net":             "file",
		"mnt:[4026531841] (deleted)": "namespace",
	} {
		if got := kindOf(target); got != want {
			t.Errorf("kindOf(%q) = %q, want %q", target, got, want)
		}
	}
}

func TestDescribeInfo(t *testing.T) {
	position := func(n int64) *int64 { return &n }
	for _, c := range []struct {
		info string
		in   descriptor
		want descriptor
	}{
		{"pos:\t17\nflags:\t02100001\n", descriptor{Kind: "file"}, descriptor{Kind: "file", Flags: "write", Offset: position(17)}},
		{"pos:\t0\nflags:\t0102002\n", descriptor{Kind: "file"}, descriptor{Kind: "file", Flags: "read,write,append,inherited", Offset: position(0)}},
		{"pos:\t0\nflags:\t02004002\neventfd-count:                5\n", descriptor{Kind: "eventfd"}, descriptor{Kind: "eventfd", Flags: "read,write,nonblock", Detail: "count=5"}},
		{"flags:\t02000000\ninotify wd:1 ino:2\ninotify wd:2 ino:3\n", descriptor{Kind: "inotify"}, descriptor{Kind: "inotify", Flags: "read", Detail: "watches=2"}},
		{"pos:\t0\nPid:\t42\n", descriptor{Kind: "pidfd"}, descriptor{Kind: "pidfd", Detail: "pid=42"}},
		{"", descriptor{Kind: "file"}, descriptor{Kind: "file"}},
	} {
		got := c.in
		describeInfo([]byte(c.info), &got)
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %+v, want %+v", c.info, got, c.want)
		}
	}
}

func TestParseWaited(t *testing.T) {
	if got := parseWaited([]byte("100 2500000000 3\n")); got == nil || *got != 2.5 {
		t.Errorf("parseWaited = %v, want 2.5 s", got)
	}
	for _, in := range []string{"", "1", "1 x 2"} {
		if got := parseWaited([]byte(in)); got != nil {
			t.Errorf("parseWaited(%q) = %v, want none", in, *got)
		}
	}
}

// FuzzParsers gives every parser what the kernel never writes.
func FuzzParsers(f *testing.F) {
	f.Add([]byte(limitsText))
	f.Add([]byte("1 (a) b) S 1 2 3"))
	f.Add([]byte("31 23 0:28 / /sys rw shared:1 - cgroup2 x rw\n4:cpu:/a/../b\n0::/x"))
	f.Add([]byte("some avg10=1 total=2\n8:0 Read 1\n8:0 rbytes=1"))
	f.Add([]byte("pos:\t1\nflags:\t0100000\n100 200 300"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, ok := parseStat(b); ok && (s.user < 0 || s.system < 0 || s.start < 0) {
			t.Errorf("negative times: %+v", s)
		}
		parseLimits(b)
		k := parseKeyed(b)
		for key := range k {
			k.number(key)
			k.bytes(key)
		}
		for _, m := range parseMounts(b, "cgroup", "cgroup2") {
			for _, c := range parseCgroup(b) {
				for _, dir := range m.directories(c.path) {
					if strings.Contains(dir+"/", "/../") {
						t.Errorf("%q in %+v: %q leads out", c.path, m, dir)
					}
				}
			}
		}
		for _, p := range parsePressure(b) {
			if p.Avg10 < 0 || math.IsNaN(p.Avg60) || math.IsInf(p.Avg300, 0) {
				t.Errorf("pressure %+v", p)
			}
		}
		devices := make(map[string]*deviceIO)
		parseIOStat(string(b), devices)
		parseBlkio(string(b), true, devices)
		parseBlkio(string(b), false, devices)
		parseWaited(b)
		describeInfo(b, &descriptor{Kind: kindOf(string(b))})
	})
}
