//go:build evalsurvey

// Package survey gives a value of every type of a program to all that looks for
// methods, and prints what eval.SurveyAll has found, as JSON.
package survey

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/ispyd/ispyd/internal/eval"
)

// Main does it and ends the program.
func Main() {
	s, err := eval.SurveyAll(context.Background(), func(x any) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
			fmt.Fprintf(devNull{}, verb, x)
		}
		fmt.Fprintln(devNull{}, x)
		json.Marshal(x)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(s)
	os.Exit(0)
}

type devNull struct{}

func (devNull) Write(p []byte) (int, error) { return len(p), nil }
