// Package redact hides secrets in what the tree shows.
//
// What is secret is told by its name: an environment variable DB_PASSWORD, a
// header Authorization, a flag -api-key, a query value access_token. Beside
// names, passwords in URLs and in connection strings are hidden wherever they
// stand. Whoever gives a secret a name that does not say so, or shows it as an
// argument without a name, is not protected; the configuration can add names.
//
// Between showing a secret and hiding what is none the package prefers the
// latter: PUBLIC_KEY is hidden too, and the rest of a value that cannot be
// parsed with certainty goes with its secret.
package redact

import "strings"

// Mark is what stands in a secret's place.
const Mark = "[redacted]"

// Redactor knows which names speak of secrets. A nil Redactor is ready for use
// and knows the default names. It never changes after [New], so that any
// number of goroutines may use it at once.
type Redactor struct {
	off   bool
	extra []extraName
}

// extraName is a name that the configuration adds.
type extraName struct {
	words    []string // as split finds them
	squashed string   // letters and digits alone
}

// New returns a Redactor that hides values under the default names and under
// the given ones. An added name is compared as the default ones are: word by
// word, whatever the case and the separators, anywhere in a name, so that
// "internal-id" hides X-Internal-Id, internalID and INTERNAL_ID_2. Where off
// is true nothing is hidden.
func New(names []string, off bool) *Redactor {
	r := &Redactor{off: off}
	for _, name := range names {
		var e extraName
		for word := range words(name) {
			e.words = append(e.words, string(word))
		}
		e.squashed = strings.Join(e.words, "")
		if e.squashed != "" {
			r.extra = append(r.extra, e)
		}
	}
	return r
}

// Name reports whether the values under this name are secret.
func (r *Redactor) Name(name string) bool {
	if r.isOff() {
		return false
	}
	return secretName(name) || r != nil && r.extraName(name)
}

// Value returns the value as it may be shown under this name: [Mark] where the
// name is secret, else the value itself with what [Redactor.URL] hides in the URLs in
// it, or in the path and query that it is, and JSON Web Tokens hidden. An empty value stays empty: that a secret is not set is worth
// knowing.
func (r *Redactor) Value(name, value string) string {
	if value == "" || r.isOff() {
		return value
	}
	if r.Name(name) {
		return Mark
	}
	return tokens(r.target(value))
}

// Header returns a copy of a header, or of anything of its form, as it may be
// shown: each value as [Redactor.Value] returns it.
func (r *Redactor) Header(h map[string][]string) map[string][]string {
	if h == nil {
		return nil
	}
	shown := make(map[string][]string, len(h))
	for name, values := range h {
		copied := make([]string, len(values))
		for i, v := range values {
			copied[i] = r.Value(name, v)
		}
		shown[name] = copied
	}
	return shown
}

// Env returns a copy of an environment, entries of the form NAME=value, as it
// may be shown: values under secret names hidden, the others as
// [Redactor.Text] returns them. The shell's PWD and OLDPWD are directories and
// shown where they look so.
func (r *Redactor) Env(env []string) []string {
	shown := make([]string, len(env))
	for i, entry := range env {
		name, value, ok := strings.Cut(entry, "=")
		switch {
		case r.isOff() || ok && value == "":
			shown[i] = entry
		case !ok:
			shown[i] = r.Text(entry)
		case (name == "PWD" || name == "OLDPWD") && strings.HasPrefix(value, "/"):
			shown[i] = entry
		case r.Name(name):
			shown[i] = name + "=" + Mark
		default:
			shown[i] = name + "=" + r.Text(value)
		}
	}
	return shown
}

func (r *Redactor) isOff() bool { return r != nil && r.off }

func (r *Redactor) extraName(name string) bool {
	if len(r.extra) == 0 {
		return false
	}
	var split []string
	for word := range words(name) {
		split = append(split, string(word))
	}
	squashed := strings.Join(split, "")
	for _, e := range r.extra {
		if squashed == e.squashed || containsRun(split, e.words) {
			return true
		}
	}
	return false
}

// containsRun reports whether the words of run follow each other in list.
func containsRun(list, run []string) bool {
	for ; len(list) >= len(run); list = list[1:] {
		same := true
		for i, w := range run {
			if list[i] != w {
				same = false
				break
			}
		}
		if same {
			return true
		}
	}
	return false
}
