package term

import "sync"

// hinter asks for hints beside the editor, which never waits for them.
type hinter struct {
	ask     func(text string, cursor int) string
	refresh func()

	mu   sync.Mutex
	have query // what the hint is about
	hint string
	want query
	busy bool
}

type query struct {
	text   string
	cursor int
}

// get returns the hint for the line, or the one before while that is being asked
// for.
func (h *hinter) get(line []rune, cursor int) string {
	q := query{string(line), len(string(line[:min(cursor, len(line))]))}
	h.mu.Lock()
	defer h.mu.Unlock()
	if q.text == "" {
		return ""
	}
	h.want = q
	if q != h.have && !h.busy {
		h.busy = true
		go h.work()
	}
	return h.hint
}

// work asks until there is nothing new to be asked.
func (h *hinter) work() {
	for {
		h.mu.Lock()
		q := h.want
		if q == h.have {
			h.busy = false
			h.mu.Unlock()
			return
		}
		h.mu.Unlock()
		hint := h.ask(q.text, q.cursor)
		h.mu.Lock()
		changed := hint != h.hint
		h.have, h.hint = q, hint
		h.mu.Unlock()
		if changed {
			h.refresh()
		}
	}
}

func (h *hinter) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.have, h.want, h.hint = query{}, query{}, ""
}
