package fs

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hugelgupf/p9/linux"
)

// highestVersion is the N of 9P2000.L.Google.N that we speak at most: p9's
// version 2 has Twalkgetattr, 3 Tucreate and its like; what came later needs
// nothing of a server like this one.
const highestVersion = 7

// handshake agrees with the client on version and msize.
func (c *conn) handshake() error {
	c.nc.SetReadDeadline(time.Now().Add(c.srv.lim.Handshake))
	for c.msize == 0 {
		f, err := c.readFrame()
		if err != nil {
			return err
		}
		if err := c.version(f); err != nil {
			return err
		}
	}
	return c.nc.SetReadDeadline(time.Time{})
}

// version answers one of the client's first messages.
func (c *conn) version(f frame) error {
	if f.typ() != msgTversion {
		return violation(fmt.Sprintf("message type %d before Tversion", f.typ()))
	}
	b := fields{b: f.body()}
	msize, version := b.uint32(), b.string()
	if !b.end() {
		return violation("malformed Tversion")
	}
	if msize < minMsize {
		return c.replyError(f.tag(), linux.EMSGSIZE)
	}
	msize = min(msize, c.srv.lim.Msize)
	version, ok := agree(version)
	r := le.AppendUint32(appendFrame(c.small(), msgTversion+1, f.tag()), msize)
	if err := c.reply(endFrame(appendString(r, version), 0)); err != nil {
		return err
	}
	if ok {
		c.msize = msize
	}
	return nil
}

// agree returns the version to answer with. "unknown" is no error, says
// version(5): the client may then propose another.
func agree(version string) (string, bool) {
	const base = "9P2000.L"
	if version == base {
		return base, true
	}
	n, ok := strings.CutPrefix(version, base+".Google.")
	v, err := strconv.ParseUint(n, 10, 32)
	switch {
	case !ok || err != nil:
		return "unknown", false
	case v == 0:
		return base, true
	}
	return fmt.Sprintf("%s.Google.%d", base, min(v, highestVersion)), true
}
