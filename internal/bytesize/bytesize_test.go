package bytesize

import "testing"

func TestSize(t *testing.T) {
	for _, c := range []struct {
		text string
		want Size
		back string
	}{
		{"10MiB", 10 << 20, "10MiB"}, {"1024", 1024, "1KiB"}, {"1 GiB", 1 << 30, "1GiB"}, {"0", 0, "0B"}, {"1000B", 1000, "1000B"},
		{"-1", -1, ""}, {"", -1, ""}, {"1MB", -1, ""}, {"9999999999GiB", -1, ""}, {"1.5MiB", -1, ""},
	} {
		var s Size
		err := s.UnmarshalText([]byte(c.text))
		if (err != nil) != (c.want < 0) || err == nil && (s != c.want || s.String() != c.back) {
			t.Errorf("%q: %d %s, %v", c.text, s, s, err)
		}
	}
}
