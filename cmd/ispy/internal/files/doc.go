// Package files holds the verbs of ispy that read files, as their namesakes of
// Unix do: ls, cat, head, tail, tree, stat, find, grep, wc, less.
//
// They are made for the namespace of package space. Ready-made ones do not fit:
// the commands of u-root (pkg/core) join a name to a working directory and hand
// it to os.Open, so that they read the local disk alone.
package files

import "github.com/ispyd/ispyd/cmd/ispy/internal/verb"

// Verbs are the verbs of this package.
func Verbs() []verb.Verb {
	return []verb.Verb{ls, cat, head, tail, tree, stat, find, grep, wc, less}
}
