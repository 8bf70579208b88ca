package profiles

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"time"
)

// How many functions and stacks the text shows, and how many calls of each
// stack.
const (
	topFunctions = 40
	topStacks    = 10
	topCalls     = 32
)

// WriteTop writes the profile as text: notes behind a number sign, the
// functions with the most of what matters most (flat: in the function itself;
// cum: in it and what it calls) as a table separated by tabs, then the stacks
// with the most. title says what profile it is.
func (p *Profile) WriteTop(w io.Writer, title string) error {
	at := p.index()
	if at < 0 {
		return errFormat
	}
	typ := p.Types[at]
	flat, cum := map[string]int64{}, map[string]int64{}
	var total, all int64
	seen := map[string]bool{}
	for _, s := range p.Samples {
		v := s.Values[at]
		total += v
		all += abs(v)
		clear(seen)
		for i, l := range s.Stack {
			for j, line := range l.Lines {
				name := line.Function.Name
				if i+j == 0 {
					flat[name] += v
				}
				if !seen[name] {
					seen[name] = true
					cum[name] += v
				}
			}
		}
	}
	names := make([]string, 0, len(cum))
	for name, v := range cum {
		if v != 0 || flat[name] != 0 {
			names = append(names, name)
		}
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := names[i], names[j]
		return cmp.Or(cmp.Compare(abs(flat[b]), abs(flat[a])), cmp.Compare(abs(cum[b]), abs(cum[a])), strings.Compare(a, b)) < 0
	})
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: %s in all, %d stacks", title, typ.text(total), len(p.Samples))
	if p.DurationNanos > 0 {
		fmt.Fprintf(&b, ", in %s", time.Duration(p.DurationNanos).Round(time.Millisecond))
	}
	fmt.Fprintf(&b, "\n# values are %s in %s; percent of the whole; %d of %d functions\n", typ.Name, typ.Unit, min(len(names), topFunctions), len(names))
	b.WriteString("flat\tflat%\tsum%\tcum\tcum%\treads\tfunction\n")
	var sum int64
	for _, name := range names[:min(len(names), topFunctions)] {
		sum += flat[name]
		fmt.Fprintf(&b, "%d\t%.2f\t%.2f\t%d\t%.2f\t%s\t%s\n", flat[name], percent(flat[name], all), percent(sum, all), cum[name], percent(cum[name], all), typ.text(flat[name]), name)
	}
	p.writeStacks(&b, at, all)
	_, err := io.WriteString(w, b.String())
	return err
}

// writeStacks writes the stacks with the most.
func (p *Profile) writeStacks(b *strings.Builder, at int, all int64) {
	stacks := slices.Clone(p.Samples)
	sort.SliceStable(stacks, func(i, j int) bool { return abs(stacks[i].Values[at]) > abs(stacks[j].Values[at]) })
	for _, s := range stacks[:min(len(stacks), topStacks)] {
		if s.Values[at] == 0 {
			break
		}
		fmt.Fprintf(b, "\n%s (%.2f%%):\n", p.Types[at].text(s.Values[at]), percent(s.Values[at], all))
		n := 0
		for _, l := range s.Stack {
			for _, line := range l.Lines {
				if n++; n <= topCalls {
					fmt.Fprintf(b, "%s(...)\n\t%s:%d\n", line.Function.Name, line.Function.File, line.Line)
				}
			}
		}
		if n > topCalls {
			fmt.Fprintf(b, "...%d more calls\n", n-topCalls)
		}
	}
}

// text returns a value as people read it.
func (t Type) text(v int64) string {
	switch t.Unit {
	case "nanoseconds":
		return time.Duration(v).Round(10 * time.Microsecond).String()
	case "bytes":
		f, unit := float64(v), 0
		for ; (f >= 1024 || f <= -1024) && unit < 4; unit++ {
			f /= 1024
		}
		if unit == 0 {
			return fmt.Sprintf("%d B", v)
		}
		return fmt.Sprintf("%.1f %ciB", f, "KMGT"[unit-1])
	}
	return fmt.Sprint(v)
}

func percent(v, all int64) float64 {
	if all == 0 {
		return 0
	}
	return 100 * float64(v) / float64(all)
}

func abs(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}
