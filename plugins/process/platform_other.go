//go:build !linux

package process

import (
	"context"
	"os"

	"github.com/ispyd/ispyd/internal/report"
	"github.com/ispyd/ispyd/nodes"
)

// platform returns what Go tells on every system.
func platform(system) []nodes.Node {
	return append([]nodes.Node{
		nodes.Value("cwd", "current working directory", func(context.Context) (string, error) {
			dir, err := os.Getwd()
			return dir, explain("the working directory", err)
		}),
		nodes.Value("executable", "path of the program's file", func(context.Context) (string, error) {
			p, err := os.Executable()
			return p, explain("the executable", err)
		}),
		nodes.Value("memory", "memory as Go sees it: sizes in bytes, with their meaning (runtime/metrics)", func(context.Context) (report.Report, error) {
			var r report.Report
			readGoMemory().report(&r)
			return r, nil
		}),
	}, resources()...)
}
