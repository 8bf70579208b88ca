package ispyd_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ispyd/ispyd"
	"github.com/ispyd/ispyd/nodes"
)

// Close does not wait for what hung in a capture.
func TestCloseAfterHang(t *testing.T) {
	s, err := ispyd.New(ispyd.Options{Config: "[ispyd]\nlisten = \"" + t.TempDir() + "/s\"\n"})
	if err != nil {
		t.Fatal(err)
	}
	hang := make(chan struct{})
	defer close(hang)
	s.Publish(nodes.Text("hang", "heeds nothing", func(context.Context, io.Writer) error { <-hang; return nil }))
	if _, err := s.CaptureWith(t.Context(), ispyd.CaptureOptions{To: t.TempDir(), Timeout: 100 * time.Millisecond}); err == nil || !strings.Contains(err.Error(), "not read within 100ms") {
		t.Errorf("Capture: %v", err)
	}
	// An error would say that Close has given up.
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}
