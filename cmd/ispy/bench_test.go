package main

import (
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
)

// A whole process that fetches one small file, beside curl that fetches a page of
// the same size.
func BenchmarkProcess(b *testing.B) {
	conf, pid := startProgram(b)
	b.Run("ispy", func(b *testing.B) {
		for b.Loop() {
			if out, err := exec.Command("ispy", "-c", "cat /"+pid+"/process/pid", conf).CombinedOutput(); err != nil || string(out) != pid+"\n" {
				b.Fatalf("%v: %q", err, out)
			}
		}
	})
	b.Run("curl", func(b *testing.B) {
		curl, err := exec.LookPath("curl")
		if err != nil {
			b.Skip("curl is missing")
		}
		socket := filepath.Join(filepath.Dir(conf), "http")
		l, err := net.Listen("unix", socket)
		if err != nil {
			b.Fatal(err)
		}
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, pid) })}
		go srv.Serve(l)
		defer srv.Close()
		for b.Loop() {
			if out, err := exec.Command(curl, "-s", "--unix-socket", socket, "http://localhost/").CombinedOutput(); err != nil || string(out) != pid+"\n" {
				b.Fatalf("%v: %q", err, out)
			}
		}
	})
}
