package runtime

import (
	"context"
	"io"
	"io/fs"
	"math"
	"runtime/metrics"
	"strings"

	"github.com/ispyd/ispyd/nodes"
)

// metricsDir mirrors runtime/metrics: the metric /gc/heap/live:bytes is the file
// metrics/gc/heap/live:bytes.
func metricsDir() nodes.Node {
	root := nodes.Directory("metrics", "the metrics of package runtime/metrics, by their names")
	for _, d := range metrics.All() {
		addMetric(root, d)
	}
	return root
}

// addMetric puts the metric's file into the tree, with the directories above it.
func addMetric(dir *nodes.Folder, d metrics.Description) {
	at := strings.TrimPrefix(d.Name, "/")
	elems := strings.Split(at, "/")
	for i, name := range elems[:len(elems)-1] {
		sub, err := dir.Lookup(context.Background(), name)
		if err != nil {
			sub = nodes.Directory(name, "the metrics /"+strings.Join(elems[:i+1], "/")+"/…")
			if dir.Add(sub) != nil {
				return
			}
		}
		folder, ok := sub.(*nodes.Folder)
		if !ok {
			return // a metric has the name of a directory: no such exists today
		}
		dir = folder
	}
	dir.Add(metricFile(elems[len(elems)-1], d))
}

func metricFile(name string, d metrics.Description) nodes.Node {
	doc := docLine(d.Description)
	switch d.Kind {
	case metrics.KindUint64:
		return nodes.Value(name, doc, func(context.Context) (uint64, error) {
			v, err := readMetric(d.Name)
			if err != nil {
				return 0, err
			}
			return v.Uint64(), nil
		})
	case metrics.KindFloat64:
		return nodes.Value(name, doc, func(context.Context) (float64, error) {
			v, err := readMetric(d.Name)
			if err != nil {
				return 0, err
			}
			return v.Float64(), nil
		})
	case metrics.KindFloat64Histogram:
		return nodes.Value(name, doc+"; count of each bucket that is not empty", func(context.Context) ([]bucket, error) {
			v, err := readMetric(d.Name)
			if err != nil {
				return nil, err
			}
			return bucketsOf(v.Float64Histogram()), nil
		})
	}
	return nodes.Text(name, doc, func(context.Context, io.Writer) error {
		return nodes.Errorf(nodes.ErrNotSupported, "%s is of a kind that is not known here", d.Name)
	})
}

// docLine makes one line of a description: its first paragraph's first sentence.
func docLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if i := strings.Index(s, ". "); i >= 0 {
		s = s[:i]
	}
	return strings.TrimRight(s, ".")
}

// readMetric reads one metric. None of them stops the program.
func readMetric(name string) (metrics.Value, error) {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	if s[0].Value.Kind() == metrics.KindBad {
		return metrics.Value{}, nodes.Errorf(fs.ErrNotExist, "this runtime has no metric %s", name)
	}
	return s[0].Value, nil
}

// bucket is one bucket of a histogram: values of From or more and less than To,
// in the unit that the metric's name ends with. The outermost are open.
type bucket struct {
	From  bound  `json:"from"`
	To    bound  `json:"to"`
	Count uint64 `json:"count"`
}

// bound is a number that JSON can hold: infinite ones are strings there.
type bound float64

func (b bound) MarshalJSON() ([]byte, error) {
	if math.IsInf(float64(b), 0) {
		return []byte(`"` + string(nodes.AppendText(nil, float64(b))[:4]) + `"`), nil
	}
	return []byte(strings.TrimSpace(string(nodes.AppendText(nil, float64(b))))), nil
}

func bucketsOf(h *metrics.Float64Histogram) []bucket {
	list := []bucket{}
	for i, n := range h.Counts {
		if n > 0 {
			list = append(list, bucket{bound(h.Buckets[i]), bound(h.Buckets[i+1]), n})
		}
	}
	return list
}
