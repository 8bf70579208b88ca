package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type section struct {
	Enabled bool          `toml:"enabled"`
	Names   []string      `toml:"names"`
	Limit   int           `toml:"limit"`
	For     time.Duration `toml:"for"`
	Inner   struct {
		Depth int `toml:"depth"`
	} `toml:"inner"`
	When []struct {
		Over  string        `toml:"over"`
		Pause time.Duration `toml:"pause"`
	} `toml:"when"`
}

func (s *section) Check() ([]string, error) {
	if s.Limit < 0 {
		return []string{"limit"}, errors.New("must not be negative")
	}
	return nil, nil
}

func TestDecode(t *testing.T) {
	f, err := Parse("x.toml", []byte("[other]\na = 1\n[cache]\nenabled = true\nnames = [\"a\"]\nlimit = 3\nfor = \"1m30s\"\n[cache.inner]\ndepth = 2\n[[cache.when]]\nover = \"1\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	var s section
	if err := f.Decode("cache", &s); err != nil {
		t.Fatal(err)
	}
	if !s.Enabled || s.Limit != 3 || s.For != 90*time.Second || s.Inner.Depth != 2 || len(s.When) != 1 {
		t.Errorf("%+v", s)
	}
	if err := f.Decode("absent", &s); err != nil || s.Limit != 3 {
		t.Errorf("an absent section: %v, %+v", err, s)
	}
	if got := strings.Join(f.Sections(), " "); got != "other cache" {
		t.Errorf("sections %q", got)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"[cache.when]\nover = \"1\"\n", `x.toml:1: cache.when: must be a list, not a table: write [[cache.when]], with two brackets, for each`},
		{"[cache]\nnames = {a = 1}\n", `x.toml:2: cache.names: must be a list, not a table`},
		{"[cache]\nenabled = true\n\n[http\nslow = 1\n", `x.toml:4: the header of a section, "[http", does not end with ]`},
		{"[cache]\nenabled = true\n[http", `x.toml:3: the header of a section, "[http", does not end with ]`},
		{"[cache]\nenabled = true\n[[http.when]\nslow = 1\n", `x.toml:3: the header of a section, "[[http.when]", does not end with ]]`},
		{"[cache]\nenabled = true\n[h!]\n", `x.toml:3: `},
		{"[cache]\n\nenable = true\n", `x.toml:3: cache.enable: unknown key (near: enabled)`},
		{"[cache]\nzzzzzzz = 1\n", `x.toml:2: cache.zzzzzzz: unknown key; there are enabled, names, limit, for, inner, when`},
		{"[cache]\n[cache.inner]\ndept = 1\n", `x.toml:3: cache.inner.dept: unknown key (near: depth)`},
		{"[[cache.when]]\nover = \"1\"\n[[cache.when]]\nover = \"2\"\novre = \"3\"\n", `x.toml:5: cache.when.ovre: unknown key (near: over)`},
		{"[cache]\nwhen = [{over = \"1\"}, {ovre = \"2\"}]\n", `x.toml:2: cache.when.ovre: unknown key (near: over)`},
		{"[[cache.when]]\nover = \"1\"\nx = 1\n [[cache.when]]\nover = \"2\"\nx = 1\n", `x.toml:3: cache.when.x: unknown key`},
		{"[[cache.when]]\nover = 1\n[[cache.when]]\nover = \"1\"\n", `x.toml:2: cache.when.over: must be a string`},
		{"[[cache.when]]\nover = \"\"\"\n[[x\n\"\"\"\n[[cache.when]]\nover = 1\n[[cache.when]]\nover = \"1\"\n", `x.toml:6: cache.when.over: must be a string`},
		{"[[cache.when]]\nover = 1\n", `x.toml:2: cache.when.over: must be a string, not a whole number`},
		{"[cache]\n\nlimit = -1\n", `x.toml:3: cache.limit: must not be negative`},
		{"[cache]\nenabled = 1\n", `x.toml:2: cache.enabled: must be true or false, not a whole number`},
		{"[cache]\nlimit = \"many\"\n", `x.toml:2: cache.limit: must be a whole number, not a string`},
		{"[cache]\nnames = \"a\"\n", `x.toml:2: cache.names: must be a list, not a string`},
		{"[cache]\ninner = 3\n", `x.toml:2: cache.inner: must be a table, not a whole number`},
		{"[cache]\nfor = \"soon\"\n", `x.toml:2: cache.for: invalid duration: "soon"`},
		{"[cache]\nfor = 5\n", `x.toml:2: cache.for: must be a duration with its unit, such as "5s" or "250ms", not a whole number`},
		{"[cache]\nfor = 0\n", `x.toml:2: cache.for: must be a duration with its unit`},
		{"[[cache.when]]\npause = \"1s\"\n[[cache.when]]\npause = 3\n", `x.toml:4: cache.when.pause: must be a duration with its unit`},
		{"limit = 3\n[cache]\n", `x.toml:1: limit: stands outside a section: put it under [ispyd] or the section of its plugin`},
		{"[cache]\nlimit = \n", `x.toml:2: cache.limit: `},
		{"[cache\n", `x.toml:1: the header of a section, "[cache", does not end with ]`},
		{"[cache]\nlimit = 1\nlimit = 2\n", `x.toml:3: cache.limit: Key 'cache.limit' has already been defined`},
		{"a\xff = 1", `x.toml:1: `},
	} {
		f, err := Parse("x.toml", []byte(c.text))
		if err == nil {
			err = f.Decode("cache", &section{})
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q:\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}

func TestSection(t *testing.T) {
	f, err := Parse("x.toml", []byte("[ispyd]\nlisten = \"/x\"\nnew = 1\n[ispyd.limits]\nfiles = 3\n[other]\na = 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := f.Section("ispyd"); err != nil || s["listen"] != "/x" || len(s) != 3 {
		t.Errorf("%v, %v", s, err)
	}
	if s, err := f.Section("absent"); err != nil || s != nil {
		t.Errorf("%v, %v", s, err)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	if _, err := Read(filepath.Join(dir, "absent")); !os.IsNotExist(err) {
		t.Errorf("absent: %v", err)
	}
	if _, err := Read(dir); err == nil {
		t.Error("a directory is read")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("[ispyd]\nlisten = \"/x\"\n")
	f.Add("[cache]\nenable = true\n[[cache.when]]\nx=1")
	f.Add("a.b.c = {d = [1, {e = 2}]}")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("x.toml", []byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "x.toml") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		for _, s := range c.Sections() {
			if err := c.Decode(s, &section{}); err != nil && !strings.HasPrefix(err.Error(), "x.toml:") {
				t.Errorf("the error names no line: %v", err)
			}
		}
	})
}
