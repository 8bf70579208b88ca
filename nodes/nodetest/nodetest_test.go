package nodetest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/nodes/nodetest"
)

const badVariable = "NODETEST_BAD_TREE"

// file is a File that breaks rules.
type file struct {
	name, doc string
	attr      nodes.Attr
	handle    nodes.Handle
	err       error
}

func (f *file) Name() string     { return f.name }
func (f *file) Doc() string      { return f.doc }
func (f *file) Attr() nodes.Attr { return f.attr }
func (f *file) Open(_ context.Context, flags nodes.Flags) (nodes.Handle, error) {
	return f.handle, f.err
}

// torn shows something else at every read, and takes every write.
type torn struct{ n int }

func (h *torn) ReadAt(_ context.Context, p []byte, off int64) (int, error) {
	h.n++
	b := fmt.Append(nil, h.n)
	if off >= int64(len(b)) {
		return 0, io.EOF
	}
	return copy(p, b[max(off, 0):]), nil
}
func (h *torn) WriteAt(_ context.Context, p []byte, _ int64) (int, error) { return len(p), nil }
func (h *torn) Stat() (int64, time.Time)                                  { return 99, time.Time{} }
func (h *torn) Close() error                                              { return errors.New("cannot be closed") }

// TestBadTree fails; TestComplaints runs it.
func TestBadTree(t *testing.T) {
	if os.Getenv(badVariable) == "" {
		t.Skip("run by TestComplaints")
	}
	leak := make(chan bool)
	nodetest.Check(t, func(*testing.T) (nodes.Dir, io.Closer) {
		go func() { <-leak }()
		list := []nodes.Node{
			&file{name: "torn", doc: "Changes.", attr: nodes.Attr{Kind: nodes.KindText, Mode: 0o444}, handle: &torn{}},
			&file{name: "world", attr: nodes.Attr{Kind: nodes.KindCtl, Mode: 0o666}, handle: &torn{}},
			&file{name: "unread", doc: "x", attr: nodes.Attr{Kind: "odd", Mode: 0o444}, err: errors.New("no sentinel")},
			nodes.Static("twice", "x", nil), nodes.Static("twice", "x", nil),
			nodes.Static("a/b", "x", nil),
			nodes.Static("lost", "x", nil),
			nodes.Value("json", "x", func(context.Context) (func(), error) { return nil, nil }),
		}
		return nodes.Dynamic("bad", "breaks rules", func(_ context.Context, name string) (nodes.Node, error) {
			for _, n := range list {
				if n.Name() == name && name != "lost" {
					return n, nil
				}
			}
			if name == "no such name" {
				return list[0], nil
			}
			return nil, nodes.Errorf(fs.ErrNotExist, "no such file")
		}, func(context.Context) ([]nodes.Node, error) { return list, nil }), nil
	})
}

func TestComplaints(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestBadTree$")
	cmd.Env = append(os.Environ(), badVariable+"=1", "NODETEST_PATIENCE=1s")
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Errorf("a bad tree passes")
	}
	for _, want := range []string{
		`bad/torn: the doc ends with a full stop`,
		`bad/torn: 1 bytes, but the open file says 99`,
		`bad/torn: reading it again`,
		`bad/torn: read at offset -1: 1, <nil>, want an error`,
		`bad/torn: mode 444, but it can be opened for writing`,
		`bad/torn: Close: cannot be closed`,
		`bad/world: no doc`,
		`bad/world: mode 666 lets others write`,
		`bad/world: takes "no-such-verb-or-value\n"`,
		`bad/unread: kind "odd" is none`,
		`bad/unread: Open: no sentinel`,
		`bad/unread: listed, but cannot be read`,
		`bad/twice: listed twice`,
		`bad: "a/b" is not a valid name`,
		`bad/lost: listed, but Lookup says`,
		`bad: Lookup("no such name") finds "torn"`,
		`bad/json.json: Open: json: unsupported type`,
		`goroutines before`,
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no complaint %q in:\n%s", want, out)
		}
	}
}
