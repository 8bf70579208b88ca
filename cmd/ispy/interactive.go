package main

import (
	"context"
	"os"

	"golang.org/x/term"

	"github.com/ispyd/ispyd/cmd/ispy/internal/shell"
	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

func isTerminal(f *os.File) bool { return f != nil && term.IsTerminal(int(f.Fd())) }

func interactive(sh *shell.Shell, s *space.Space, in *interrupter, stdout, stderr *os.File) int {
	_ = context.Background
	return verb.OK
}
