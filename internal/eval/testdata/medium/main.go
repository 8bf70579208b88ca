//go:build evalsurvey

// Medium is a program with much of the standard library in it.
package main

import (
	"archive/zip"
	"crypto/tls"
	"database/sql"
	"encoding/gob"
	"encoding/xml"
	"fmt"
	"go/types"
	"image/png"
	"net/http"
	"os"

	"github.com/ispyd/ispyd/internal/eval/testdata/survey"
)

func main() {
	if len(os.Args) > 5 {
		fmt.Println(http.ListenAndServe("", nil), sql.Drivers(), gob.NewEncoder(os.Stdout).Encode(1), xml.Unmarshal(nil, nil), (&types.Config{}), png.Encode(nil, nil))
		fmt.Println(zip.OpenReader(""))
		fmt.Println(tls.Dial("", "", nil))
		fmt.Println((&types.Config{}).Check("", nil, nil, nil))
	}
	survey.Main()
}
