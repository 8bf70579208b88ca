package main

import (
	"slices"

	"github.com/ispyd/ispyd/cmd/ispy/internal/files"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// verbs are the commands of ispy, beside the shell's own words.
func verbs() []verb.Verb {
	return slices.Concat(files.Verbs())
}
