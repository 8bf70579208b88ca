// Package bytesize has numbers of bytes as people write them.
package bytesize

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is a number of bytes, written as 10MiB.
type Size int64

var units = []struct {
	suffix string
	shift  int
}{{"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"B", 0}}

// String writes it in the largest unit of which it is a whole number.
func (s Size) String() string {
	for _, u := range units {
		if s != 0 && s%(1<<u.shift) == 0 {
			return strconv.FormatInt(int64(s>>u.shift), 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// UnmarshalText reads a number of bytes, with a unit (B, KiB, MiB, GiB) or without.
func (s *Size) UnmarshalText(text []byte) error {
	digits, shift := string(text), 0
	for _, u := range units {
		if n, ok := strings.CutSuffix(digits, u.suffix); ok {
			digits, shift = n, u.shift
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	if err != nil || n < 0 || n >= 1<<(62-shift) {
		return fmt.Errorf("%.40q is not a number of bytes such as 10MiB (B, KiB, MiB, GiB)", text)
	}
	*s = Size(n << shift)
	return nil
}
