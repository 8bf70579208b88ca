package complete

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/fs/client"
)

// item is a candidate that is not quoted yet.
type item struct {
	text    string // the whole word
	display string // what is listed of it
	doc     string
	dir     bool
	path    string // where its doc is to be had, "" for nowhere
}

// lookup is one completion or hint.
type lookup struct {
	ctx context.Context
	sh  Shell
	dir string

	lists []list
	items []item
	more  int    // items left out
	all   common // of the items, those left out too
	raw   bool   // nothing is quoted: a line for a ctl
	note  string
}

// offer adds a list of what may stand in place of the text. It is asked for by
// number, for it may be long.
func (l *lookup) offer(text string, n int, get func(i int) item) {
	l.lists = append(l.lists, list{text, n, get})
}

type list struct {
	text string
	n    int
	get  func(i int) item
}

// settle takes those of the lists that begin with the text, or, where there are
// none, those that contain it: these replace it, and must not stand beside the
// others.
func (l *lookup) settle() {
	for _, list := range l.lists {
		for i := range list.n {
			if it := list.get(i); strings.HasPrefix(it.text, list.text) {
				l.add(it)
			}
		}
	}
	if len(l.items) == 0 {
		for _, list := range l.lists {
			dir, base := splitPath(list.text)
			if len(base) < 2 {
				continue
			}
			base = strings.ToLower(base)
			for i := range list.n {
				it := list.get(i)
				if rest, ok := strings.CutPrefix(it.text, dir); ok && strings.Contains(strings.ToLower(rest), base) {
					l.add(it)
				}
			}
		}
	}
	l.lists = nil
}

func (l *lookup) offerItems(text string, items []item) {
	l.offer(text, len(items), func(i int) item { return items[i] })
}

func (l *lookup) add(it item) {
	l.all.add(it.text)
	if len(l.items) == MaxCandidates {
		l.more++
		return
	}
	l.items = append(l.items, it)
}

// common is what texts begin with.
type common struct {
	text string
	some bool
}

func (c *common) add(text string) {
	if !c.some {
		c.text, c.some = text, true
		return
	}
	i := 0
	for i < len(c.text) && i < len(text) && c.text[i] == text[i] {
		i++
	}
	for i > 0 && i < len(c.text) && c.text[i]&0xc0 == 0x80 { // not within a character
		i--
	}
	c.text = c.text[:i]
}

// result quotes what has been found, and looks the docs up that are missing.
func (l *lookup) result(p *place) Result {
	l.settle()
	r := Result{Start: p.start, Note: l.note}
	quote := p.quoted
	if l.raw || p.variable {
		quote = func(text string, _ bool) string { return text }
	}
	seen := map[string]bool{}
	for _, it := range l.items {
		if seen[it.text] {
			continue
		}
		seen[it.text] = true
		if it.doc == "" && it.path != "" {
			it.doc = l.doc(it.path)
		}
		if it.display == "" {
			it.display = it.text
		}
		r.Candidates = append(r.Candidates, Candidate{Value: quote(it.text, it.dir), Display: printable(it.display), Doc: printable(it.doc), Dir: it.dir})
	}
	switch {
	case len(r.Candidates) == 1:
		r.Common = r.Candidates[0].Value
	case strings.HasPrefix(l.all.text, p.text) && l.all.text != p.text:
		r.Common = quote(l.all.text, true)
	}
	if l.more > 0 {
		r.Note = join(fmt.Sprintf("and %d more", l.more), r.Note)
	}
	return r
}

// doc is what the tree says of the file.
func (l *lookup) doc(abs string) string {
	doc, _ := promptly(l.ctx, func() space.Doc { return l.sh.Space().Doc(l.ctx, abs) })
	return doc.Text
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// failed notes what the person should know of an error: that a program does not
// answer. That a file is not there goes without saying.
func (l *lookup) failed(dir string, err error) {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, client.ErrTimeout) {
		l.note = silent(dir)
	}
}

func silent(dir string) string {
	if program, _ := space.Split(dir); program != "" {
		return "no answer from " + program
	}
	return "no answer"
}

// printable is the text without what would move the cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, text)
}
