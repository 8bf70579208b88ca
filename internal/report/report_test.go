package report

import (
	"encoding/json"
	"testing"

	"github.com/ispyd/ispyd/nodes"
)

func TestReport(t *testing.T) {
	var r Report
	r.Note("first of %d", 2)
	r.Note("with a\nline break")
	r.Add("size", uint64(3<<29), InBytes, "a size")
	r.Add("limit", uint64(Unlimited), InBytes, "a limit")
	r.Add("time", 62.5, InSeconds, "a time")
	r.Add("share", Percent(1, 3), InPercent, "a part")
	r.Add("where", "a\tb", IsText, "a place")
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
	if got, err := json.Marshal(Report{}); err != nil || string(got) != "{}" {
		t.Errorf("JSON of nothing: %s, %v", got, err)
	}
}

func TestBytesText(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1 << 20: "1.0 MiB", 3 << 29: "1.5 GiB", 1 << 40: "1.0 TiB", 1 << 60: "1048576.0 TiB"} {
		if got := BytesText(n); got != want {
			t.Errorf("bytesText(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestScalars(t *testing.T) {
	type row struct {
		Q Quantity  `json:"q"`
		P *Quantity `json:"p"`
		S Seconds   `json:"s"`
		W Word      `json:"w"`
		L Words     `json:"l"`
	}
	n := Quantity(7)
	rows := []row{{Unlimited, nil, 0.1234567, "", nil}, {3, &n, 3600, "x\ny", Words{"a", "b"}}}
	const text = "q\tp\ts\tw\tl\nunlimited\t-\t123.457ms\t-\t-\n3\t7\t1h0m0s\tx\\ny\ta,b\n"
	if got := string(nodes.AppendText(nil, rows)); got != text {
		t.Errorf("text:\n%s\nwant\n%s", got, text)
	}
	const want = `[{"q":null,"p":null,"s":0.123457,"w":"","l":[]},{"q":3,"p":7,"s":3600,"w":"x\ny","l":["a","b"]}]`
	rows[0].L = Words{}
	if got, err := json.Marshal(rows); err != nil || string(got) != want {
		t.Errorf("JSON %s, %v, want\n%s", got, err, want)
	}
}
