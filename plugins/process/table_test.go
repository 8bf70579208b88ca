package process

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/nodes"
)

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
