package nodes

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is the longest name in bytes that Linux takes in a directory.
const maxName = 255

// ValidName reports whether name can stand in a directory: 1 to 255 bytes of
// UTF-8 with no slash and no control character, which would break the lines of
// those who list it, and neither "." nor "..".
func ValidName(name string) bool {
	return name != "" && len(name) <= maxName && name != "." && name != ".." &&
		!strings.ContainsFunc(name, func(r rune) bool { return r == '/' || unicode.IsControl(r) }) && utf8.ValidString(name)
}

const hexDigits = "0123456789ABCDEF"

// Escape makes a file name of a foreign name (a route, a variable): the bytes of
// '/', '%', control characters and what is not UTF-8 become %XX; so do the dots
// of "." and "..", and an empty name becomes "%". [Unescape] undoes it. The result may be longer
// than a file name can be (see [ValidName]); such a name is not listed.
func Escape(name string) string {
	switch name {
	case "":
		return "%"
	case ".":
		return "%2E"
	case "..":
		return "%2E%2E"
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		if r == '/' || r == '%' || unicode.IsControl(r) || r == utf8.RuneError && n == 1 {
			for _, c := range []byte(name[i : i+n]) {
				b.WriteByte('%')
				b.WriteByte(hexDigits[c>>4])
				b.WriteByte(hexDigits[c&15])
			}
		} else {
			b.WriteString(name[i : i+n])
		}
		i += n
	}
	return b.String()
}

// Unescape returns the name that [Escape] made file of. A '%' that Escape does
// not write stands for itself.
func Unescape(file string) string {
	if file == "%" {
		return ""
	}
	if !strings.Contains(file, "%") {
		return file
	}
	var b strings.Builder
	for i := 0; i < len(file); i++ {
		if file[i] == '%' && i+2 < len(file) {
			hi, lo := strings.IndexByte(hexDigits, file[i+1]), strings.IndexByte(hexDigits, file[i+2])
			if hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(file[i])
	}
	return b.String()
}
