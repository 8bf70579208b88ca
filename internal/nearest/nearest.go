// Package nearest finds the name that somebody who mistyped one probably meant.
package nearest

import (
	"slices"
	"strings"
)

// Name returns the candidate nearest to word, or "" where none is near: at most
// a third of the letters may differ (two at least for words of four letters or
// more), counted as insertions, deletions, replacements and swaps of two
// neighbours. Upper and lower case count as the same. A candidate that word is
// the beginning of is near as well.
func Name(word string, candidates []string) string {
	w := strings.ToLower(word)
	if w == "" {
		return ""
	}
	best, bestDist := "", limit(w)+1
	for _, c := range candidates {
		if d := distance(w, strings.ToLower(c), bestDist); d < bestDist {
			best, bestDist = c, d
		}
	}
	if best != "" || len(w) < 3 {
		return best
	}
	i := slices.IndexFunc(candidates, func(c string) bool { return strings.HasPrefix(strings.ToLower(c), w) })
	if i >= 0 {
		return candidates[i]
	}
	return ""
}

// Hint returns " (near: x)" for the nearest candidate, or "" where none is near.
func Hint(word string, candidates []string) string {
	if n := Name(word, candidates); n != "" {
		return " (near: " + n + ")"
	}
	return ""
}

func limit(w string) int {
	switch n := len(w); {
	case n < 3:
		return 1
	case n < 7:
		return 2
	default:
		return n / 3
	}
}

// distance is the optimal string alignment distance of a and b in bytes, or
// bound where it is bound or more.
func distance(a, b string, bound int) int {
	if d := len(a) - len(b); d >= bound || -d >= bound {
		return bound
	}
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		row := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
			row = min(row, cur[j])
		}
		if row >= bound {
			return bound
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return min(prev[len(b)], bound)
}
