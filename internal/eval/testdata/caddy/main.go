//go:build evalsurvey

// Caddy is cmd/caddy of github.com/caddyserver/caddy/v2 with one line added. Its module
// is not required by this one: the test says which version.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/ispyd/ispyd/internal/eval/testdata/survey"
)

func main() {
	survey.Main()
	caddycmd.Main()
}
