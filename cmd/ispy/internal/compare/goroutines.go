package compare

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

// dump is the goroutines of a program, by their stacks.
type dump struct {
	count  int
	groups map[string]*group
	cut    bool // the file says that it lacks some
}

// group is the goroutines that have the same stack: the same functions and lines.
type group struct {
	count int
	state string // of the last block that was read: the states as they are shown
	stack string // as it is shown, with where it was created
}

// What begins the block of a group, and that of one goroutine in Go's own dump.
var (
	groupHead = regexp.MustCompile(`^([0-9]+) goroutines? \[(.*)\]:$`)
	oneHead   = regexp.MustCompile(`^goroutine [0-9]+(?: gp=\S+)?(?: m=\S+)?(?: mp=\S+)? \[(.*)\]:$`)
)

// parseGoroutines reads goroutines, grouped or in the format of Go's own dump, and
// reports whether the text is that.
func parseGoroutines(text []byte) (*dump, bool) {
	if !startsBlock(text) {
		return nil, false
	}
	d := &dump{groups: map[string]*group{}}
	for len(text) > 0 {
		var block []byte
		block, text, _ = bytes.Cut(text, []byte("\n\n"))
		block = bytes.Trim(block, "\n")
		if len(block) > 0 && !d.add(string(block)) {
			return nil, false
		}
	}
	return d, true
}

// startsBlock looks at the first line that is no comment.
func startsBlock(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) > 0 && line[0] != '#' {
			return groupHead.Match(line) || oneHead.Match(line)
		}
	}
	return false
}

// add adds the goroutines of a block and reports whether it is one.
func (d *dump) add(block string) bool {
	for strings.HasPrefix(block, "#") {
		var comment string
		comment, block, _ = strings.Cut(block, "\n")
		d.cut = d.cut || strings.HasPrefix(comment, "# cut:")
	}
	if block == "" {
		return true
	}
	head, rest, _ := strings.Cut(block, "\n")
	n, state := 1, ""
	if m := groupHead.FindStringSubmatch(head); m != nil {
		var err error
		if n, err = strconv.Atoi(m[1]); err != nil {
			return false
		}
		state = m[2]
	} else if m := oneHead.FindStringSubmatch(head); m != nil {
		state, _, _ = strings.Cut(m[1], ",")
	} else {
		return false
	}
	key, stack := normalize(rest)
	g := d.groups[key]
	if g == nil {
		g = &group{stack: stack, state: state}
		d.groups[key] = g
	}
	if g.state != state {
		g.state = "in several states"
	}
	g.count += n
	d.count += n
	return true
}

// normalize is what tells a stack from others, its functions and lines, and how it
// is shown: with where its goroutines were created. What differs from goroutine to
// goroutine is left out: arguments, offsets, ids, labels.
func normalize(block string) (key, stack string) {
	var k, s strings.Builder
	created := false
	for line := range strings.Lines(block) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "ids "), strings.HasPrefix(line, "labels {"), strings.HasPrefix(line, "#"):
			continue
		case strings.HasPrefix(line, "created by "):
			created = true
			line, _, _ = strings.Cut(line, " in goroutine ")
		case strings.HasPrefix(line, "\t"):
			line, _, _ = strings.Cut(line, " +0x")
			line, _, _ = strings.Cut(line, " fp=0x")
		default:
			created = false
			if i := strings.LastIndexByte(line, '('); i > 0 && strings.HasSuffix(line, ")") {
				line = line[:i] + "(...)"
			}
		}
		s.WriteString(line + "\n")
		if !created {
			k.WriteString(line + "\n")
		}
	}
	return k.String(), s.String()
}
