package fs_test

import (
	"strings"
	"testing"

	"github.com/hugelgupf/p9/linux"
	"github.com/hugelgupf/p9/p9"

	"github.com/ispyd/ispyd/fs"
)

func TestRead(t *testing.T) {
	root := start(t, fs.Options{}).attach(t)
	for path, want := range map[string]string{
		"process/pid":      "14905\n",
		"process/pid.json": "14905\n",
		"process/args":     "srv\x00-x\n",
		"level":            "3\n",
		"ctl":              "ok\t\tdoes nothing\nbad\t\tfails\npanic\t\tpanics\nblock\t\tblocks\n",
		"cpu/5ms":          "captured for 5ms\n",
		"log/tail":         "",
	} {
		if got := cat(t, root, path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := cat(t, root, "big"); got != strings.Repeat("0123456789abcde\n", 1<<16) {
		t.Errorf("big: %d bytes", len(got))
	}
}

func TestErrno(t *testing.T) {
	root := start(t, fs.Options{}).attach(t)
	for _, c := range []struct {
		path  string
		flags p9.OpenFlags
		want  error
	}{
		{"nothing", p9.ReadOnly, linux.ENOENT},
		{"process/nothing", p9.ReadOnly, linux.ENOENT},
		{"process/pid/x", p9.ReadOnly, linux.ENOTDIR},
		{"process/nothing.json", p9.ReadOnly, linux.ENOENT},
		{"process/args.json", p9.ReadOnly, linux.ENOENT},
		{"cpu/hello", p9.ReadOnly, linux.ENOENT},
		{"cpu/2h", p9.ReadOnly, linux.EINVAL},
		{"fails", p9.ReadOnly, linux.EOPNOTSUPP},
		{"panics", p9.ReadOnly, linux.EIO},
		{"process/pid", p9.WriteOnly, linux.EACCES},
		{"process/pid", p9.ReadWrite, linux.EACCES},
		{"process", p9.WriteOnly, linux.EISDIR},
		{"process/pid", 3, linux.EINVAL},
		{strings.Repeat("x", 256), p9.ReadOnly, linux.ENAMETOOLONG},
		{"a\x00b", p9.ReadOnly, linux.ENOENT},
	} {
		if _, err := tryOpen(root, c.path, c.flags); err != c.want {
			t.Errorf("open %q %v: %v, want %v", c.path, c.flags, err, c.want)
		}
	}
}
