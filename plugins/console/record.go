package console

import (
	"context"
	"log/slog"
	"strings"

	"github.com/ispyd/ispyd/nodes"
)

// maxLogged is how much of a request the log has; the file audit has it too.
const maxLogged = 1 << 10

// attrs are what the log says of an evaluation.
func attrs(p nodes.Peer, src, result string) []slog.Attr {
	l := []slog.Attr{slog.String("go", cut(src)), slog.String("result", cut(result)), slog.Int("uid", p.UID), slog.Int("pid", p.PID)}
	if p.Addr != "" {
		l = append(l, slog.String("addr", p.Addr))
	}
	return l
}

// told notes what nobody waits for any more.
func (c *conversation) told(text string) {
	// The log is the program's code.
	defer func() { _ = recover() }()
	c.p.log.LogAttrs(context.Background(), slog.LevelWarn, "console", attrs(c.peer, "", text)...)
}

func cut(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > maxLogged {
		return strings.ToValidUTF8(s[:maxLogged], "") + "…"
	}
	return s
}
