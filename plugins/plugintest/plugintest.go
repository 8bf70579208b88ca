// Package plugintest is for the tests of plugins: it opens one with a configuration, and
// reads and writes the files of its tree.
package plugintest

import (
	"log/slog"
	"testing"

	"github.com/ispyd/ispyd/internal/config"
	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/plugins"
)

// Config returns the configuration of the section called name in a TOML text:
//
//	cache.Plugin.Open(plugintest.Config(t, "cache", "[cache]\nlimit = 3\n"))
//
// Secrets are hidden as they are by default, and what is logged is thrown away.
func Config(t testing.TB, name, text string) plugins.Config {
	t.Helper()
	f, err := config.Parse("test.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return section{f, name}
}

type section struct {
	file *config.File
	name string
}

func (s section) Decode(v any) error       { return s.file.Decode(s.name, v) }
func (s section) Redact() *redact.Redactor { return nil }
func (s section) Logger() *slog.Logger     { return slog.New(slog.DiscardHandler) }

// Local makes it a tree on a unix socket.
func (s section) Local() bool { return true }
