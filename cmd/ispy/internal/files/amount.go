package files

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// amount is how much of a file is wanted: lines, or bytes.
type amount struct {
	n     int64
	bytes bool
	from  bool // +N: from the Nth on
}

// parseAmount reads the value of -n or -c.
func parseAmount(flag, s string, bytes, plus bool) (amount, error) {
	a := amount{bytes: bytes}
	digits := s
	if plus {
		digits, a.from = strings.CutPrefix(s, "+")
	}
	unit := int64(1)
	if bytes {
		for suffix, n := range map[string]int64{"k": 1 << 10, "K": 1 << 10, "M": 1 << 20} {
			if d, ok := strings.CutSuffix(digits, suffix); ok {
				digits, unit = d, n
			}
		}
	}
	n, err := strconv.ParseUint(digits, 10, 40)
	if err != nil {
		what := "lines: 20"
		if bytes {
			what = "bytes: 512, 64k, 1M"
		}
		return a, verb.Usagef("-%s %s: it takes a number of %s", flag, s, what)
	}
	a.n = int64(n) * unit
	return a, nil
}

var (
	minusNumber = regexp.MustCompile(`^-([0-9]+)(f?)$`)
	plusNumber  = regexp.MustCompile(`^\+[0-9]+$`)
)

// oldForm writes -20 as -n 20, and -20f and +20 of tail likewise.
func oldForm(args []string) []string {
	var out []string
	for i, arg := range args {
		if arg == "--" {
			return append(out, args[i:]...)
		}
		value := i > 0 && slices.Contains([]string{"-n", "-c", "-s", "--lines", "--bytes", "-lines", "-bytes"}, args[i-1])
		switch m := minusNumber.FindStringSubmatch(arg); {
		case value:
		case m != nil:
			arg = "--lines=" + m[1]
			if m[2] != "" {
				out = append(out, "-f")
			}
		case i == 0 && plusNumber.MatchString(arg):
			arg = "--lines=" + arg
		}
		out = append(out, arg)
	}
	return out
}

// cut is where the last lines or bytes of b begin. A line that has no end yet is
// one.
func (a amount) cut(b []byte) int {
	if a.bytes {
		return max(0, len(b)-int(min(a.n, int64(len(b)))))
	}
	if a.n == 0 {
		return len(b)
	}
	at := len(bytes.TrimSuffix(b, []byte("\n")))
	for n := a.n; n > 0; n-- {
		if at = bytes.LastIndexByte(b[:at], '\n'); at < 0 {
			return 0
		}
	}
	return at + 1
}
