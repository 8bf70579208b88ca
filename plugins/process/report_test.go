package process

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/nodes"
)

func TestReport(t *testing.T) {
	var r report
	r.note("first of %d", 2)
	r.note("with a\nline break")
	r.add("size", uint64(3<<29), inBytes, "a size")
	r.add("limit", uint64(unlimited), inBytes, "a limit")
	r.add("time", 62.5, inSeconds, "a time")
	r.add("share", percent(1, 3), inPercent, "a part")
	r.add("where", "a\tb", isText, "a place")
	const text = `# first of 2
# with a\nline break
name	value	unit	reads	meaning
size	1610612736	bytes	1.5 GiB	a size
limit	unlimited	bytes	-	a limit
time	62.5	s	1m2.5s	a time
share	33.3	%	-	a part
where	a\tb	text	-	a place
`
	if got := string(nodes.AppendText(nil, r)); got != text {
		t.Errorf("text:\n%s\nwant\n%s", got, text)
	}
	got, err := json.Marshal(r)
	const want = `{"notes":["first of 2","with a\nline break"],"size":1610612736,"limit":null,"time":62.5,"share":33.3,"where":"a\tb"}`
	if err != nil || string(got) != want {
		t.Errorf("JSON %s, %v, want\n%s", got, err, want)
	}
	if got, err := json.Marshal(report{}); err != nil || string(got) != "{}" {
		t.Errorf("JSON of nothing: %s, %v", got, err)
	}
}

func TestBytesText(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1 << 20: "1.0 MiB", 3 << 29: "1.5 GiB", 1 << 40: "1.0 TiB", 1 << 60: "1048576.0 TiB"} {
		if got := bytesText(n); got != want {
			t.Errorf("bytesText(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestScalars(t *testing.T) {
	type row struct {
		Q quantity  `json:"q"`
		P *quantity `json:"p"`
		S seconds   `json:"s"`
		W word      `json:"w"`
		L words     `json:"l"`
	}
	n := quantity(7)
	rows := []row{{unlimited, nil, 0.1234567, "", nil}, {3, &n, 3600, "x\ny", words{"a", "b"}}}
	const text = "q\tp\ts\tw\tl\nunlimited\t-\t123.457ms\t-\t-\n3\t7\t1h0m0s\tx\\ny\ta,b\n"
	if got := string(nodes.AppendText(nil, rows)); got != text {
		t.Errorf("text:\n%s\nwant\n%s", got, text)
	}
	const want = `[{"q":null,"p":null,"s":0.123457,"w":"","l":[]},{"q":3,"p":7,"s":3600,"w":"x\ny","l":["a","b"]}]`
	rows[0].L = words{}
	if got, err := json.Marshal(rows); err != nil || string(got) != want {
		t.Errorf("JSON %s, %v, want\n%s", got, err, want)
	}
}

func TestTableSaysWhatItCut(t *testing.T) {
	type row struct {
		N int `json:"n"`
	}
	full := table[row]{rows: []row{{1}, {2}}, what: "threads run"}
	cut := full
	cut.more = 3
	if got := string(nodes.AppendText(nil, full)); got != "n\n1\n2\n" {
		t.Errorf("text %q", got)
	}
	if got := string(nodes.AppendText(nil, cut)); !strings.HasSuffix(got, "\n2\n# 3 more threads run and are not shown\n") {
		t.Errorf("cut text %q", got)
	}
	for want, v := range map[string]table[row]{`[{"n":1},{"n":2}]`: full, `[{"n":1},{"n":2},{"more":3}]`: cut, `[]`: {}} {
		if got, err := json.Marshal(v); err != nil || string(got) != want {
			t.Errorf("JSON %s, %v, want %s", got, err, want)
		}
	}
}
