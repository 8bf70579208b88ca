package live

import (
	"math/bits"
	"sort"
)

const (
	wordSize  = 8
	pageSize  = 8 << 10
	pageWords = pageSize / wordSize
	// A range of as many pages is kept as one of its two ends.
	hugePages = 64
)

// coverage is the memory that has been counted. It is exact to the word: what two
// slices of one array share is counted once.
type coverage struct {
	pages map[uintptr]*page // by number
	huge  []span            // of whole pages, sorted, not touching each other
}

// maxAddress is where the memory of a program ends on amd64; elsewhere nothing is read,
// but it has to be compiled.
const maxAddress = 1<<(31+16*(^uintptr(0)>>63)) - 1

// maxParts is more than there are of anything in memory.
const maxParts = maxAddress >> 7

// page has a bit for each word of it.
type page [pageWords / 64]uint64

// span is a range of page numbers, the end excluded.
type span struct{ start, end uintptr }

// add covers n bytes at addr and returns the number of bytes that were not covered
// before, in whole words.
func (c *coverage) add(addr, n uintptr) (fresh int64) {
	if n == 0 || addr+n < addr || addr+n > maxAddress {
		return 0
	}
	start, end := addr/wordSize, (addr+n+wordSize-1)/wordSize // in words
	first, last := (start+pageWords-1)/pageWords, end/pageWords
	if first+hugePages > last {
		return wordSize * c.words(start, end)
	}
	return wordSize * (c.words(start, first*pageWords) + c.whole(first, last) + c.words(last*pageWords, end))
}

// words covers words page by page.
func (c *coverage) words(start, end uintptr) (fresh int64) {
	for start < end {
		number := start / pageWords
		stop := min(end, (number+1)*pageWords)
		if !c.inHuge(number) {
			p := c.pages[number]
			if p == nil {
				p = new(page)
				if c.pages == nil {
					c.pages = map[uintptr]*page{}
				}
				c.pages[number] = p
			}
			fresh += p.set(start%pageWords, stop-number*pageWords)
		}
		start = stop
	}
	return fresh
}

func (p *page) set(start, end uintptr) (fresh int64) {
	for start < end {
		stop := min(end, start|63+1)
		mask := ^uint64(0) << (start & 63)
		if stop&63 != 0 {
			mask &= 1<<(stop&63) - 1
		}
		w := &p[start/64]
		fresh += int64(bits.OnesCount64(mask &^ *w))
		*w |= mask
		start = stop
	}
	return fresh
}

// after is the index of the first span that ends behind a page.
func (c *coverage) after(number uintptr) int {
	return sort.Search(len(c.huge), func(i int) bool { return c.huge[i].end > number })
}

func (c *coverage) inHuge(number uintptr) bool {
	i := c.after(number)
	return i < len(c.huge) && c.huge[i].start <= number
}

// whole covers pages, and returns the number of words that were not covered.
func (c *coverage) whole(start, end uintptr) (fresh int64) {
	i := c.after(start)
	if start > 0 {
		i = c.after(start - 1) // one that ends there is joined
	}
	joined := span{start, end}
	fresh = int64(end-start) * pageWords
	j := i
	for ; j < len(c.huge) && c.huge[j].start <= end; j++ {
		h := c.huge[j]
		if lo, hi := max(h.start, start), min(h.end, end); lo < hi {
			fresh -= int64(hi-lo) * pageWords
		}
		joined.start, joined.end = min(joined.start, h.start), max(joined.end, h.end)
	}
	// Pages that have bits stand in no span: their words are counted already.
	if uintptr(len(c.pages)) < end-start {
		for number, p := range c.pages {
			if number >= start && number < end {
				fresh -= p.count()
				delete(c.pages, number)
			}
		}
	} else {
		for number := start; number < end; number++ {
			if p := c.pages[number]; p != nil {
				fresh -= p.count()
				delete(c.pages, number)
			}
		}
	}
	c.huge = append(c.huge[:i], append([]span{joined}, c.huge[j:]...)...)
	return fresh
}

func (p *page) count() (n int64) {
	for _, w := range p {
		n += int64(bits.OnesCount64(w))
	}
	return n
}
