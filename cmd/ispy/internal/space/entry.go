package space

import (
	"io/fs"

	"github.com/ispyd/ispyd/fs/client"
)

// Asked says that the listed file shows nothing by itself: it waits to be asked,
// or takes its time. Who reads all of a directory leaves it out.
func Asked(e fs.DirEntry) bool {
	remote, ok := e.(client.Entry)
	return ok && remote.Mode()&fs.ModeTemporary != 0
}
