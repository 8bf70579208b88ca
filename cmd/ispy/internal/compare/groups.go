package compare

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// comparison is what happened to the groups between two dumps.
type comparison struct {
	before, after *dump
	changes       []groupChange // the biggest first
}

type groupChange struct {
	key           string
	before, after int
	group         *group // the later one, if it is still there
}

func (c groupChange) delta() int { return c.after - c.before }

// word is what happened to the group.
func (c groupChange) word() string {
	switch {
	case c.before == 0:
		return "came"
	case c.after == 0:
		return "went"
	case c.after > c.before:
		return "grew"
	}
	return "shrank"
}

func compareGroups(before, after *dump) comparison {
	c := comparison{before: before, after: after}
	for key, old := range before.groups {
		now := after.groups[key]
		switch {
		case now == nil:
			c.changes = append(c.changes, groupChange{key, old.count, 0, old})
		case now.count != old.count:
			c.changes = append(c.changes, groupChange{key, old.count, now.count, now})
		}
	}
	for key, now := range after.groups {
		if before.groups[key] == nil {
			c.changes = append(c.changes, groupChange{key, 0, now.count, now})
		}
	}
	slices.SortFunc(c.changes, func(a, b groupChange) int {
		return cmp.Or(cmp.Compare(abs(b.delta()), abs(a.delta())), cmp.Compare(b.delta(), a.delta()), strings.Compare(a.key, b.key))
	})
	return c
}

func abs(n int) int { return max(n, -n) }

// differ says that a group has changed. That goroutines of a group are in other
// states, or others, is no difference.
func (c comparison) differ() bool { return len(c.changes) > 0 }

// format shows each group that has changed, once, with its stack.
func (c comparison) format(nameA, nameB string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", nameA, nameB)
	counts := map[string]int{}
	for _, change := range c.changes {
		counts[change.word()]++
	}
	fmt.Fprintf(&b, "# goroutines %d → %d, stacks %d → %d", c.before.count, c.after.count, len(c.before.groups), len(c.after.groups))
	sep := ": "
	for _, word := range []string{"came", "grew", "shrank", "went"} {
		if n := counts[word]; n > 0 {
			fmt.Fprintf(&b, "%s%d %s", sep, n, word)
			sep = ", "
		}
	}
	b.WriteByte('\n')
	for i, name := range []string{nameA, nameB} {
		if []bool{c.before.cut, c.after.cut}[i] {
			fmt.Fprintf(&b, "# %s lacks goroutines, for which it had no room\n", name)
		}
	}
	for _, change := range c.changes {
		fmt.Fprintf(&b, "\n%s %d → %d (%+d) [%s]:\n%s", change.word(), change.before, change.after, change.delta(), change.group.state, change.group.stack)
	}
	return b.Bytes()
}
