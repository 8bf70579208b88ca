package main

import (
	"slices"

	"github.com/ispyd/ispyd/cmd/ispy/internal/capturing"
	"github.com/ispyd/ispyd/cmd/ispy/internal/compare"
	"github.com/ispyd/ispyd/cmd/ispy/internal/console"
	"github.com/ispyd/ispyd/cmd/ispy/internal/copying"
	"github.com/ispyd/ispyd/cmd/ispy/internal/files"
	"github.com/ispyd/ispyd/cmd/ispy/internal/postmortem"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/cmd/ispy/internal/watching"
)

// verbs are the commands of ispy, beside the shell's own words.
func verbs() []verb.Verb {
	return slices.Concat(files.Verbs(), copying.Verbs(), capturing.Verbs(), compare.Verbs(), watching.Verbs(), postmortem.Verbs(), console.Verbs())
}
