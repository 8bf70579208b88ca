package complete

import (
	"os/exec"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// slot is one argument of a verb's form: what may stand there.
type slot struct {
	kinds  []string // PATH, <functions>, on …
	repeat bool
}

// parseForm reads a form such as "[-n COUNT] [on|off] PATH...". Flags are left out:
// a verb's flag set knows them better.
func parseForm(form string) []slot {
	var slots []slot
	fields := strings.Fields(form)
	for i := 0; i < len(fields); i++ {
		f := fields[i]
		if bare := strings.TrimLeft(f, "["); strings.HasPrefix(bare, "-") && bare != "-" {
			// All of [-n COUNT]; a flag outside brackets stands alone.
			for depth := strings.Count(f, "[") - strings.Count(f, "]"); depth > 0 && i+1 < len(fields); {
				i++
				depth += strings.Count(fields[i], "[") - strings.Count(fields[i], "]")
			}
			continue
		}
		f = strings.NewReplacer("[", "", "]", "").Replace(f)
		bare := strings.TrimSuffix(f, "...")
		repeat := bare != f
		if bare == "" {
			if repeat && len(slots) > 0 {
				slots[len(slots)-1].repeat = true
			}
			continue
		}
		slots = append(slots, slot{strings.Split(bare, "|"), repeat})
	}
	return slots
}

// slotAt is what may stand as the nth argument.
func slotAt(slots []slot, n int) (slot, bool) {
	for i, s := range slots {
		if i == n || i < n && s.repeat {
			return s, true
		}
	}
	return slot{}, false
}

// fill offers what may stand in a slot. dir is that of the ctl which <functions>
// stands beside.
func (l *lookup) fill(text string, s slot, dir string) {
	for _, kind := range s.kinds {
		switch kind {
		case "PATH", "FILE":
			l.paths(text, false)
		case "DIR":
			l.paths(text, true)
		case "VERB", "TOPIC":
			l.verbs(text)
		case "PLUGIN":
			l.plugins(text)
		case "PROGRAM", "PID":
			var items []item
			for _, e := range l.programs() {
				items = append(items, item{text: e.name, doc: e.doc})
			}
			l.offerItems(text, items)
		default:
			if what, ok := strings.CutPrefix(kind, "<"); ok {
				what = strings.TrimSuffix(what, ">")
				names := l.list(dir, what)
				l.offer(text, len(names), func(i int) item { return item{text: names[i]} })
			} else if kind != "" && !space.Placeholder(kind) && len(s.kinds) > 1 {
				l.offerItems(text, []item{{text: kind}}) // on|off
			}
		}
	}
}

// arguments offers what may follow a command.
func (l *lookup) arguments(p *place) {
	if len(p.words) > 0 && assignment().MatchString(p.words[0]) {
		l.paths(p.text, false)
		return
	}
	for _, v := range l.sh.Verbs() {
		if v.Name == p.words[0] {
			l.verbArguments(&v, p)
			return
		}
	}
	for _, w := range l.sh.Words() {
		if w == p.words[0] {
			l.paths(p.text, false)
			return
		}
	}
	if _, err := exec.LookPath(p.words[0]); err == nil {
		dir, _ := splitPath(p.text)
		l.local(p.text, dir, false)
		return
	}
	l.paths(p.text, false)
}

func (l *lookup) verbArguments(v *verb.Verb, p *place) {
	flags := v.FlagSet()
	n, only := 0, false // arguments so far; no more flags
	first := -1         // the first argument
	var value *pflag.Flag
	for i, w := range p.words[1:] {
		switch {
		case value != nil:
			value = nil
		case w == "--" && !only:
			only = true
		case strings.HasPrefix(w, "-") && w != "-" && !only:
			value = wantsValue(flags, w)
		default:
			if n == 0 {
				first = i + 1
			}
			n++
		}
	}
	slots := parseForm(v.Args)
	last := len(slots) - 1
	flag := strings.HasPrefix(p.text, "-") && !only
	if last >= 0 && slots[last].kinds[0] == "COMMAND" && (n > last || n == last && value == nil && !flag) {
		// The rest is a command of its own.
		inner := *p
		inner.words = nil
		if n > last {
			inner.words = p.words[first+last:]
		}
		l.command(&inner)
		return
	}
	switch {
	case value != nil:
		kind, _ := pflag.UnquoteUsage(value)
		l.fill(p.text, slot{kinds: []string{kind}}, l.dir)
	case flag:
		l.flags(flags, p.text)
	default:
		if s, ok := slotAt(slots, n); ok {
			l.fill(p.text, s, l.dir)
		}
	}
}

// wantsValue is the flag whose value is the next word, nil where there is none.
func wantsValue(flags *pflag.FlagSet, word string) *pflag.Flag {
	name := strings.TrimLeft(word, "-")
	if strings.Contains(name, "=") {
		return nil
	}
	f := flags.Lookup(name)
	if f == nil && name != "" && !strings.HasPrefix(word, "--") {
		f = flags.ShorthandLookup(name[len(name)-1:])
	}
	if f == nil || f.NoOptDefVal != "" {
		return nil
	}
	return f
}

// flags offers those of a verb. A long one may be typed with one dash.
func (l *lookup) flags(flags *pflag.FlagSet, text string) {
	dashes := "-"
	if strings.HasPrefix(text, "--") {
		dashes = "--"
	}
	var items []item
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		_, usage := pflag.UnquoteUsage(f)
		if f.Shorthand != "" && dashes == "-" {
			items = append(items, item{text: "-" + f.Shorthand, doc: usage})
		}
		if f.Name != f.Shorthand {
			items = append(items, item{text: dashes + f.Name, doc: usage})
		}
	})
	l.offerItems(text, items)
}
