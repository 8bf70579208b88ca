package profiles

import (
	"encoding/binary"
	"slices"
)

// Delta makes of two profiles of one program the profile of what was added
// between them. What became less is negative, as pprof shows it; what did not
// change is left out.
func Delta(before, after *Profile) (*Profile, error) {
	if !slices.Equal(before.Types, after.Types) {
		return nil, errFormat
	}
	d := *after
	d.TimeNanos, d.DurationNanos = before.TimeNanos, after.TimeNanos-before.TimeNanos
	d.Samples = nil
	mapping := map[Mapping]*Mapping{}
	location := map[uint64]*Location{}
	unify := func(l *Location) *Location {
		if same, ok := location[l.Address]; ok {
			return same
		}
		if l.Mapping != nil {
			if m, ok := mapping[*l.Mapping]; ok {
				l.Mapping = m
			} else {
				mapping[*l.Mapping] = l.Mapping
			}
		}
		location[l.Address] = l
		return l
	}
	index := map[string]int{}
	var key []byte
	add := func(s Sample, sign int64) {
		key = binary.AppendUvarint(key[:0], uint64(len(s.Stack)))
		for _, l := range s.Stack {
			key = binary.AppendUvarint(key, l.Address)
		}
		for _, l := range s.Labels {
			key = binary.AppendVarint(append(append(append(append(key, l.Key...), 0), l.Text...), 0), l.Num)
		}
		i, ok := index[string(key)]
		if !ok {
			i = len(d.Samples)
			index[string(key)] = i
			stack := make([]*Location, len(s.Stack))
			for i, l := range s.Stack {
				stack[i] = unify(l)
			}
			d.Samples = append(d.Samples, Sample{stack, make([]int64, len(s.Values)), s.Labels})
		}
		for j, v := range s.Values {
			d.Samples[i].Values[j] += sign * v
		}
	}
	for _, s := range after.Samples {
		add(s, 1)
	}
	for _, s := range before.Samples {
		add(s, -1)
	}
	d.Samples = slices.DeleteFunc(d.Samples, func(s Sample) bool {
		return !slices.ContainsFunc(s.Values, func(v int64) bool { return v != 0 })
	})
	return &d, nil
}
