package redact

import (
	"bytes"
	"iter"
	"strings"
)

// secretWords are the words that make a name secret wherever one of them
// stands in it. A plural s does not matter.
var secretWords = map[string]bool{
	"apikey":         true,
	"auth":           true,
	"authentication": true,
	"authorization":  true,
	"bearer":         true,
	"connstr":        true,
	"cookie":         true,
	"cred":           true,
	"credential":     true,
	"csrf":           true,
	"dsn":            true,
	"jwt":            true,
	"key":            true,
	"otp":            true,
	"pass":           true,
	"pat":            true, // personal access token; in small letters alone, a pattern: http.Request.pat
	"passcode":       true,
	"passphrase":     true,
	"passwd":         true,
	"password":       true,
	"private":        true,
	"pw":             true,
	"pwd":            true,
	"salt":           true,
	"secret":         true,
	"session":        true,
	"sessionid":      true,
	"sid":            true,
	"sig":            true,
	"signature":      true,
	"token":          true,
	"totp":           true,
	"xsrf":           true,
}

// secretEnds are the words that also speak of a secret where they end a longer
// one: PGPASSWORD, accesstoken, phpsessid. No English word ends in them.
var secretEnds = []string{
	"auth", "cookie", "dsn", "jwt", "pwd", "sessid", "sessionid", "token",
}

// secretParts make a name secret wherever they stand in it, whatever the
// separators and the case around and inside of them.
var secretParts = []string{
	"accesskey", "apikey", "authorization", "connectionstring", "credential",
	"oidcdata", "passphrase", "password", "passwd", "privatekey", "secret", "webhookurl",
}

// secretWholes are names of headers that hold what a gateway knows of the user, where
// no part of the name says so.
var secretWholes = map[string]bool{"xendpointapiuserinfo": true, "xmsclientprincipal": true}

// keyOwners are what stands before "key" where the two are written as one
// word. The list is closed, for monkeys, turkeys and whiskey.
var keyOwners = []string{
	"access", "account", "aes", "api", "app", "auth", "client", "crypt", "crypto", "data", "db", "deploy",
	"dsa", "ecdsa", "enc", "encryption", "gpg", "hmac", "host", "jwt", "license", "master", "pass", "pgp",
	"priv", "private", "pub", "public", "root", "rsa", "secret", "server", "service", "session",
	"shared", "sign", "signing", "ssh", "ssl", "storage", "tls", "user", "webhook",
}

// innocentPass are the words that end in "pass" and open nothing.
var innocentPass = map[string]bool{
	"bypass": true, "compass": true, "encompass": true, "overpass": true,
	"surpass": true, "trespass": true, "underpass": true,
}

// secretName reports whether one of the default names is in name.
func secretName(name string) bool {
	var buf [96]byte
	squashed := buf[:0]
	for word := range words(name) {
		if secretWord(word) && name != "pat" {
			return true
		}
		squashed = append(squashed, word...)
	}
	for _, part := range secretParts {
		if i := bytes.Index(squashed, []byte(part)); i >= 0 && !innocentPart(part, squashed[i:]) {
			return true
		}
	}
	return endsInKey(squashed) || secretWholes[string(squashed)]
}

// innocentPart reports whether the part found is the begin of another word.
func innocentPart(part string, found []byte) bool {
	return part == "secret" && bytes.HasPrefix(found, []byte("secretar")) && !bytes.Contains(found[1:], []byte(part))
}

// secretWord reports whether the lower case word speaks of a secret.
func secretWord(word []byte) bool {
	if secretWords[string(word)] {
		return true
	}
	if n := len(word) - 1; n > 2 && word[n] == 's' && word[n-1] != 's' {
		word = word[:n]
		if secretWords[string(word)] {
			return true
		}
	}
	for _, end := range secretEnds {
		if hasSuffix(word, end) {
			return true
		}
	}
	return hasSuffix(word, "pass") && !innocentPass[string(word)] || endsInKey(word)
}

// endsInKey reports whether the word is somebody's key.
func endsInKey(word []byte) bool {
	word, _ = bytes.CutSuffix(word, []byte("s"))
	owner, ok := bytes.CutSuffix(word, []byte("key"))
	if !ok {
		return false
	}
	for _, o := range keyOwners {
		if hasSuffix(owner, o) {
			return true
		}
	}
	return false
}

func hasSuffix(b []byte, suffix string) bool {
	return len(b) >= len(suffix) && string(b[len(b)-len(suffix):]) == suffix
}

// words yields the words of a name in lower case: what separators, digits and
// the humps of camelCase part. A word is valid until the next one.
func words(name string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		var buf [64]byte
		word := buf[:0]
		prev := other
		for i := 0; i < len(name); i++ {
			c := name[i]
			class := classOf(c)
			hump := class == upper && (prev == lower ||
				prev == upper && i+1 < len(name) && classOf(name[i+1]) == lower)
			if len(word) > 0 && (hump || class == other || (class == digit) != (prev == digit)) {
				if !yield(word) {
					return
				}
				word = word[:0]
			}
			if class == upper {
				c += 'a' - 'A'
			}
			if class != other {
				word = append(word, c)
			}
			prev = class
		}
		if len(word) > 0 {
			yield(word)
		}
	}
}

type class uint8

const (
	other class = iota
	lower
	upper
	digit
)

// classOf tells letters and digits from what stands between words. The bytes
// of letters beyond ASCII are letters.
func classOf(c byte) class {
	switch {
	case 'a' <= c && c <= 'z' || c >= 0x80:
		return lower
	case 'A' <= c && c <= 'Z':
		return upper
	case '0' <= c && c <= '9':
		return digit
	}
	return other
}

// isNameByte reports whether c can be part of a name in running text.
func isNameByte(c byte) bool {
	return classOf(c) != other || strings.IndexByte("_-.[]", c) >= 0
}
