package space

import (
	"reflect"
	"testing"
)

func TestAbs(t *testing.T) {
	for _, tt := range []struct{ dir, name, want string }{
		{"/", "", "/"},
		{"/1", "a", "/1/a"},
		{"/1/a", "..", "/1"},
		{"/1/a", "../../..", "/"},
		{"/1", "/2//x/", "/2/x"},
		{"/1", "local:../x", "local:../x"},
		{"/1", "/dev/null", "/dev/null"},
	} {
		if got := Abs(tt.dir, tt.name); got != tt.want {
			t.Errorf("Abs(%q, %q) = %q, want %q", tt.dir, tt.name, got, tt.want)
		}
	}
}

func TestSplit(t *testing.T) {
	for abs, want := range map[string][2]string{
		"/": {"", ""}, "/1": {"1", ""}, "/1/a/b": {"1", "a/b"}, "/host.1/": {"host.1", ""}, "/..": {"", ""},
	} {
		if program, name := Split(abs); program != want[0] || name != want[1] {
			t.Errorf("Split(%q) = %q, %q", abs, program, name)
		}
	}
}

func TestLocal(t *testing.T) {
	for name, want := range map[string]string{
		"local:": ".", "local:x": "x", "local:/x": "/x", "/dev/null": "/dev/null", "/dev/full": "/dev/full", "/dev": "-", "/developer": "-", "x": "-", "/local:x": "-",
	} {
		got, ok := Local(name)
		if !ok {
			got = "-"
		}
		if got != want {
			t.Errorf("Local(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestDocs(t *testing.T) {
	p := &program{docs: map[string]Doc{
		"README": {"value", "all"}, "a/ID": {"text", "one"}, "a/ID/stack": {"text", "where"}, "a/list": {"value", "all of them"}, "cpu/DUR": {"timed", "CPU"},
	}}
	for name, want := range map[string]string{
		"README": "all", "/a/list": "all of them", "a/list.json": "all of them (JSON)", "a/17": "one", "a/17/stack": "where",
		"cpu/5s": "CPU", "a": "", "b/17": "", "a/17/other": "", "other": "",
	} {
		if doc, _ := p.lookup(name); doc.Text != want {
			t.Errorf("the doc of %s is %q, want %q", name, doc.Text, want)
		}
	}
}

func TestCtl(t *testing.T) {
	got := parseCtl("gc\t\trun it\nset\t<values> [for=DUR]\tsets\nno tab\n\n\tx\ty\nlast\targs")
	want := []CtlVerb{{"gc", "", "run it"}, {"set", "<values> [for=DUR]", "sets"}, {"last", "args", ""}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
