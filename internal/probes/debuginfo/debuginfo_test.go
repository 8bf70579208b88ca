package debuginfo

import "testing"

func TestWritten(t *testing.T) {
	for in, want := range map[string]string{
		"main.f":                     "main.f",
		"gopkg.in/yaml%2ev3.Marshal": "gopkg.in/yaml.v3.Marshal",
		"a/v1%2e0%2e0.F":             "a/v1.0.0.F",
		"a%":                         "a%",
		"a%2":                        "a%2",
		"a%zz":                       "a%zz",
		"%25":                        "%",
	} {
		if got := written(in); got != want {
			t.Errorf("written(%q) = %q, want %q", in, got, want)
		}
	}
}
