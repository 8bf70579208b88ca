package proflabel

import (
	"reflect"
	"testing"
)

func TestSameLayout(t *testing.T) {
	type renamed struct {
		X struct{ Y []struct{ K, V string } }
	}
	for _, tt := range []struct {
		a    any
		same bool
	}{
		{renamed{}, true}, {Set{}, true}, {map[string]string{}, false}, {[]string{}, false},
		{struct{ l []struct{ k, v []byte } }{}, false}, {struct{ l []struct{ k, v, w string } }{}, false},
		{struct {
			l []struct{ k, v string }
			n int
		}{}, false},
	} {
		if got := sameLayout(reflect.TypeOf(tt.a), reflect.TypeFor[Set]()); got != tt.same {
			t.Errorf("%T: %v", tt.a, got)
		}
	}
}
