// Program survey looks at every function that it is linked with, which are many,
// and says which could be probed, with landings and all.
package main

import (
	"context"
	_ "database/sql"
	_ "encoding/xml"
	"errors"
	"fmt"
	_ "go/types"
	_ "html/template"
	_ "image/png"
	_ "net/http"
	_ "net/rpc"
	"os"
	"sort"

	_ "google.golang.org/grpc"
	_ "modernc.org/sqlite"

	"github.com/ispyd/ispyd/internal/probes/debuginfo"
	"github.com/ispyd/ispyd/internal/probes/exits"
	"github.com/ispyd/ispyd/internal/probes/jump"
	"github.com/ispyd/ispyd/internal/probes/returns"
	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/internal/symbols/pclntab"
)

func main() {
	x, err := symbols.Open(context.Background())
	check(err)
	t, err := pclntab.Open()
	check(err)
	why := map[string]int{}
	example := map[string]string{}
	candidates, planned, checked, mismatch := 0, 0, 0, 0
	var list []*returns.Plan
	for f := range t.Funcs {
		fn, _ := debuginfo.Function(x, f.Name())
		p, err := returns.MakePlan(t, jump.Code, fn, false)
		var r *returns.Refusal
		if err != nil && !errors.As(err, &r) {
			check(err)
		}
		if err != nil {
			switch r.Reason {
			case returns.NotFound, returns.Protected, returns.Assembly, returns.Wrapper, returns.NoError, returns.NoSignature:
				if r.Reason == returns.NoSignature {
					why["no signature"]++
					example["no signature"] = f.Name()
				}
				continue
			case returns.OtherSignature:
				mismatch++
			}
			candidates++
			k := r.Reason.String()
			if c := r.Exits(); c != nil {
				k = c.Reason.String()
			}
			why[k]++
			example[k] = err.Error()
			continue
		}
		candidates++
		planned++
		if p.Exits.Check != nil { // it could be observed
			checked++
		}
		list = append(list, p)
	}
	// Landings of up to the number of sites that there may be.
	tried, landed := 0, 0
	step := max(1, len(list)/1500)
	for i := 0; i < len(list); i += step {
		tried++
		if lands(list[i].Exits.Exits) {
			landed++
		} else {
			why["no landing"]++
			example["no landing"] = list[i].Func.Name()
		}
	}
	var ks []string
	for k := range why {
		ks = append(ks, k)
	}
	sort.Slice(ks, func(i, j int) bool { return why[ks[i]] > why[ks[j]] })
	for _, k := range ks {
		fmt.Printf("%6d %s: %s\n", why[k], k, example[k])
	}
	fmt.Printf("functions %d candidates %d planned %d checked %d mismatch %d tried %d landed %d\n", t.Len(), candidates, planned, checked, mismatch, tried, landed)
}

func lands(xs []exits.Exit) bool {
	for _, x := range xs {
		ok := false
		for i := range x.Places {
			_, err := jump.At(x.Places[i].PC)
			if ok = err == nil; ok {
				break
			}
			if !errors.Is(err, errors.ErrUnsupported) {
				check(err)
			}
		}
		if !ok {
			return false
		}
	}
	return true
}

func check(err error) {
	if err != nil {
		fmt.Println("FAIL", err)
		os.Exit(1)
	}
}
