package http

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/ispyd/ispyd/plugins/plugintest"
)

// The status is the one that the client was sent: net/http's own 200 where the handler
// writes nothing, and none where the client had gone before.
func TestStatusIsTheClients(t *testing.T) {
	for _, tt := range []struct {
		name          string
		write         int // by the handler when it is told to end; 0 for nothing
		cancel, leave bool
		deadline      bool // the program's own
		status        float64
		state         string
	}{
		{name: "returns", status: 200},
		{name: "writes", write: 404, status: 404},
		{name: "cancelled", cancel: true, status: 200, state: "cancelled by operator"},
		{name: "cancelled, writes", cancel: true, write: 503, status: 503, state: "cancelled by operator"},
		{name: "left", leave: true, state: "client gone"},
		{name: "left, writes", leave: true, write: 200, state: "client gone"},
		{name: "cancelled, left", cancel: true, leave: true, write: 200, state: "cancelled by operator"},
		{name: "deadline", deadline: true, status: 200, state: "deadline exceeded"},
		{name: "deadline, writes", deadline: true, write: 504, status: 504, state: "deadline exceeded"},
	} {
		for _, http2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", tt.name, http2), func(t *testing.T) {
				dir := opened(t, "")
				ids, end := make(chan uint64), make(chan struct{})
				var h http.Handler = Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					ids <- idOf(r)
					<-end
					if tt.leave {
						<-r.Context().Value(connection{}).(context.Context).Done()
					}
					if tt.deadline {
						<-r.Context().Done()
					}
					if tt.write != 0 {
						w.WriteHeader(tt.write)
					}
				}))
				s := server(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					ctx := context.WithValue(r.Context(), connection{}, r.Context())
					if tt.deadline {
						var stop context.CancelFunc
						ctx, stop = context.WithTimeout(ctx, 1)
						defer stop()
					}
					h.ServeHTTP(w, r.WithContext(ctx))
				}), http2)
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				got := make(chan int, 1)
				go func() {
					req, _ := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
					resp, err := s.Client().Do(req)
					if err != nil {
						got <- 0
						return
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					got <- resp.StatusCode
				}()
				id := <-ids
				if tt.cancel {
					if err := plugintest.Write(t, dir, "ctl", fmt.Sprint("cancel ", id)); err != nil {
						t.Fatal(err)
					}
				}
				if tt.leave {
					leave()
				}
				close(end)
				row := plugintest.Ended(t, dir, id)
				if row["status"] != tt.status || row["state"] != tt.state {
					t.Errorf("status %v, state %v; want %v, %v", row["status"], row["state"], tt.status, tt.state)
				}
				if status := <-got; status != int(tt.status) {
					t.Errorf("the client got %d", status)
				}
			})
		}
	}
}

// connection is the key of the context as the server made it.
type connection struct{}
