package peers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/ispyd/ispyd"
	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/plugins"
	ispydhttp "github.com/ispyd/ispyd/plugins/http"
)

// TestRegistry has clients push images to a program that nobody here wrote, a
// registry of container images, and pull them: wrapped it answers as bare, while
// somebody reads all that the plugin shows.
func TestRegistry(t *testing.T) {
	log.SetOutput(io.Discard) // where the registry tells of wrong digests
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	newRegistry := func() http.Handler {
		return registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true),
			registry.WithBlobHandler(registry.NewDiskBlobHandler(t.TempDir())))
	}
	bare := httptest.NewServer(newRegistry())
	defer bare.Close()
	wrapped := httptest.NewServer(ispydhttp.Wrap(newRegistry()))
	defer wrapped.Close()
	stop := lookOn(t)
	const clients = 16
	var want, got [clients]string
	var all sync.WaitGroup
	for i := range clients {
		name := fmt.Sprintf("team%d/image", i)
		all.Go(func() { want[i] = pushAndPull(t, bare, name) })
		all.Go(func() { got[i] = pushAndPull(t, wrapped, name) })
	}
	all.Wait()
	if looks := stop(); looks == 0 {
		t.Error("nobody has looked on")
	}
	for i := range clients {
		if got[i] != want[i] {
			t.Errorf("client %d: wrapped\n%.4000s\nbare\n%.4000s", i, got[i], want[i])
		}
	}
	if a, b := catalog(t, bare), catalog(t, wrapped); a != b {
		t.Errorf("the catalogs: bare %s, wrapped %s", a, b)
	}
}

// lookOn publishes what the plugin shows and reads it time and again, until it is
// stopped; stop returns how often it did.
func lookOn(t *testing.T) (stop func() int) {
	srv, err := ispyd.New(ispyd.Options{
		Config:  fmt.Sprintf("[ispyd]\nlisten = %q\n", filepath.Join(t.TempDir(), "s", "sock")),
		Plugins: []plugins.Plugin{ispydhttp.Plugin},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	conn, err := client.Dial(t.Context(), srv.Addr(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() {
		defer conn.Close()
		looks := 0
		for ; looks == 0 || ctx.Err() == nil; looks++ {
			for _, file := range []string{"active", "recent", "stats.json", "slow"} {
				if _, err := conn.ReadFile(t.Context(), "http/"+file); err != nil {
					t.Error(err)
				}
			}
			requests, err := conn.ReadDir(t.Context(), "http/requests")
			if err != nil {
				t.Error(err)
			}
			for _, e := range requests {
				conn.ReadFile(t.Context(), "http/requests/"+e.Name()) // it may have ended
			}
		}
		ended <- looks
	}()
	return func() int { cancel(); return <-ended }
}

// session is one client's conversation.
type session struct {
	t      *testing.T
	server *httptest.Server
	log    strings.Builder // the answers
}

// ask asks, notes the answer, and returns its header and body. Dates are left out,
// and the names of uploads, which are random.
func (s *session) ask(method, path string, body []byte, header ...string) (http.Header, []byte) {
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.server.URL+path, bytes.NewReader(body))
	if err != nil {
		s.t.Error(err)
		return nil, nil
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := s.server.Client().Do(req)
	if err != nil {
		s.t.Error(err)
		return nil, nil
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Error(err)
	}
	h := res.Header.Clone()
	h.Del("Date")
	text := fmt.Sprintln(method, path, res.Status, res.Proto, h, res.Trailer, res.ContentLength, res.TransferEncoding, digest(answer), string(answer[:min(len(answer), 500)]))
	if upload := res.Header.Get("Docker-Upload-Uuid"); upload != "" {
		text = strings.ReplaceAll(text, upload, "UPLOAD")
	}
	if i := strings.LastIndex(res.Header.Get("Location"), "/uploads/"); i > 0 {
		text = strings.ReplaceAll(text, res.Header.Get("Location")[i:], "/uploads/UPLOAD")
	}
	if i := strings.Index(path, "/uploads/"); i > 0 && len(path) > i+len("/uploads/") {
		id, _, _ := strings.Cut(path[i+len("/uploads/"):], "?")
		text = strings.ReplaceAll(text, id, "UPLOAD")
	}
	s.log.WriteString(text)
	return res.Header, answer
}

func digest(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

// pushAndPull pushes an image of three layers, pulls it, deletes it, and does some
// things that are wrong. It returns all answers.
func pushAndPull(t *testing.T, server *httptest.Server, name string) string {
	s := &session{t: t, server: server}
	s.ask("GET", "/v2/", nil)
	type descriptor struct {
		MediaType string `json:"mediaType"`
		Size      int    `json:"size"`
		Digest    string `json:"digest"`
	}
	var layers []descriptor
	for i, size := range []int{10, 100_000, 1_000_000} {
		blob := bytes.Repeat([]byte(fmt.Sprintf("%s %d ", name, i)), size/10)
		d := digest(blob)
		s.ask("HEAD", "/v2/"+name+"/blobs/"+d, nil)
		switch i {
		case 0: // in one piece
			s.ask("POST", "/v2/"+name+"/blobs/uploads/?digest="+d, blob)
		case 1: // with a wrong digest, and then the right one
			h, _ := s.ask("POST", "/v2/"+name+"/blobs/uploads/", nil)
			s.ask("PUT", h.Get("Location")+"?digest="+digest(nil), blob)
			s.ask("PUT", h.Get("Location")+"?digest="+d, blob)
		case 2: // in parts
			h, _ := s.ask("POST", "/v2/"+name+"/blobs/uploads/", nil)
			s.ask("PATCH", h.Get("Location"), blob[:size/2], "Content-Range", fmt.Sprintf("0-%d", size/2-1))
			s.ask("PATCH", h.Get("Location"), blob[:5], "Content-Range", "7-11")
			h, _ = s.ask("PATCH", h.Get("Location"), blob[size/2:], "Content-Range", fmt.Sprintf("%d-%d", size/2, len(blob)-1))
			s.ask("PUT", h.Get("Location")+"?digest="+d, nil)
		}
		layers = append(layers, descriptor{"application/vnd.oci.image.layer.v1.tar", len(blob), d})
	}
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": layers[0], "layers": layers,
	})
	if err != nil {
		t.Error(err)
	}
	s.ask("PUT", "/v2/"+name+"/manifests/latest", manifest, "Content-Type", "application/vnd.oci.image.manifest.v1+json")
	for _, path := range []string{"/tags/list", "/manifests/latest", "/manifests/" + digest(manifest), "/referrers/" + digest(manifest), "/manifests/other", "/nothing"} {
		s.ask("GET", "/v2/"+name+path, nil)
		s.ask("HEAD", "/v2/"+name+path, nil)
	}
	for _, l := range layers {
		if _, blob := s.ask("GET", "/v2/"+name+"/blobs/"+l.Digest, nil); digest(blob) != l.Digest {
			t.Errorf("%s: the layer that was pulled is not the one that was pushed", name)
		}
		s.ask("GET", "/v2/"+name+"/blobs/"+l.Digest, nil, "Range", "bytes=3-7")
		s.ask("GET", "/v2/"+name+"/blobs/"+l.Digest, nil, "Range", "bytes=9999999-")
	}
	s.ask("BREW", "/v2/"+name+"/manifests/latest", nil)
	s.ask("DELETE", "/v2/"+name+"/blobs/"+layers[2].Digest, nil)
	s.ask("DELETE", "/v2/"+name+"/manifests/latest", nil)
	s.ask("GET", "/v2/"+name+"/manifests/latest", nil)
	return s.log.String()
}

// catalog is what the registry has in the end, which it lists in any order.
func catalog(t *testing.T, server *httptest.Server) string {
	s := &session{t: t, server: server}
	_, body := s.ask("GET", "/v2/_catalog", nil)
	var list struct {
		Repositories []string `json:"repositories"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		t.Error(err)
	}
	slices.Sort(list.Repositories)
	return fmt.Sprint(list.Repositories)
}
