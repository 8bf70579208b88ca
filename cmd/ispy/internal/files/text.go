package files

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// binary says that what a file begins with is no text. The block may end within a
// character.
func binary(block []byte) bool {
	if bytes.IndexByte(block, 0) >= 0 {
		return true
	}
	for len(block) > 0 {
		r, n := utf8.DecodeRune(block)
		if r == utf8.RuneError && n == 1 {
			return utf8.FullRune(block)
		}
		block = block[n:]
	}
	return false
}

// shown is a name or a doc line as it goes out: what comes from a program does not
// move the cursor of a terminal.
func shown(c *verb.Call, s string) string {
	if c.Terminal == nil {
		return s
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// age is a duration as people tell it: 40s, 5m, 3h, 12d.
func age(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

// size is a file's size in bytes, "-" where it is not known.
func size(info fs.FileInfo) string {
	if info == nil || info.IsDir() || info.Size() == 0 {
		return "-"
	}
	return fmt.Sprint(info.Size())
}
