//go:build !unix

package process

import "github.com/ispyd/ispyd/nodes"

// resources returns nothing: this system has no getrusage.
func resources() []nodes.Node { return nil }
