package goroutines

import "context"

// Labelled returns the ids of the goroutines with a profiler label, in order.
// There are none where the ids are not known.
func (d *Dump) Labelled(key, value string) (ids []uint64) {
	for i := range d.gs {
		for _, l := range d.labels[d.gs[i].labels] {
			if l.Key == key && l.Value == value {
				ids = append(ids, d.gs[i].id)
				break
			}
		}
	}
	return ids
}

// LabelValues returns the ids of the goroutines that have a label of the key, by
// its values.
func (d *Dump) LabelValues(key string) map[string][]uint64 {
	values := map[string][]uint64{}
	for i := range d.gs {
		for _, l := range d.labels[d.gs[i].labels] {
			if l.Key == key {
				values[l.Value] = append(values[l.Value], d.gs[i].id)
				break
			}
		}
	}
	return values
}

// TakeProfile returns a dump that is made of the goroutine profile alone, the way
// [Profile]: it knows all labels everywhere, but no ids.
func TakeProfile(ctx context.Context) (*Dump, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d := newDump(Profile)
	d.noIDs = "labels are in the goroutine profile alone"
	return d, d.fromProfile()
}
