package fs

import (
	"context"
	"errors"
	"io"
	iofs "io/fs"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/ispyd/ispyd/nodes"
)

// maxSettings is the number of changed settings that are remembered.
const maxSettings = 1 << 10

// maxValue is the number of bytes of a value that are remembered.
const maxValue = 4 << 10

// valueTime is how long the reading of a value may hold up its write.
const valueTime = time.Second

// settings knows which variables clients have changed.
type settings struct {
	mu      sync.Mutex
	entries map[string]*setting // by path
	leases  []*nodes.Leases     // of the servers
}

// setting is one variable that has been, or is being, changed.
type setting struct {
	turn  chan struct{} // held by the one write at a time
	users int           // writes that have it or wait for it; guarded by settings.mu

	// Guarded by turn for writing, and by settings.mu as well.
	changed bool
	row     settingRow
	file    nodes.File
}

type settingRow struct {
	Setting string `json:"setting"`
	Value   string `json:"value"`
	Own     string `json:"own"`
	UID     int    `json:"uid"`
	PID     int    `json:"pid"`
	Since   string `json:"since"`
	Until   string `json:"until"`
	Note    string `json:"note"`
}

// table is what the file "settings" shows: the values as they are now. Who else
// has put a variable back to its own value has ended the change.
func (s *settings) table(ctx context.Context) ([]settingRow, error) {
	type changed struct {
		row  settingRow
		file nodes.File
	}
	var list []changed
	s.mu.Lock()
	for _, e := range s.entries {
		if e.changed {
			list = append(list, changed{e.row, e.file})
		}
	}
	s.mu.Unlock()
	sort.Slice(list, func(i, j int) bool { return list[i].row.Setting < list[j].row.Setting })
	rows := []settingRow{}
	ctx, cancel := context.WithTimeout(ctx, valueTime)
	defer cancel()
	for _, c := range list {
		now, err := protect(func() (string, error) { return valueOf(ctx, c.file) })
		if err == nil {
			c.row.Value = now
		}
		differs := c.row.Value != c.row.Own
		if p, ok := c.file.(nodes.Pinned); ok {
			own, err := protect(func() (string, error) { return valueOf(ctx, p.Own()) })
			if differs = !errors.Is(err, iofs.ErrNotExist); err == nil {
				c.row.Own = own
			}
		}
		if differs {
			rows = append(rows, c.row)
		}
	}
	return s.withLeases(rows), nil
}

// withLeases adds to the rows what the servers' leases tell.
func (s *settings) withLeases(rows []settingRow) []settingRow {
	s.mu.Lock()
	tables := slices.Clone(s.leases)
	s.mu.Unlock()
	for _, t := range tables {
		for _, l := range t.List() {
			i := slices.IndexFunc(rows, func(r settingRow) bool { return r.Setting == l.Setting })
			if i < 0 {
				i = len(rows)
				rows = append(rows, settingRow{Setting: l.Setting, Value: l.Value, Own: l.Own,
					UID: l.Peer.UID, PID: l.Peer.PID, Since: l.Since.Format(timeFormat)})
			}
			switch {
			case l.Note != "":
				rows[i].Note = l.Note
			case !l.Until.IsZero():
				rows[i].Until = l.Until.Format(timeFormat)
			}
		}
	}
	sort.SliceStable(rows, func(i, j int) bool { return rows[i].Setting < rows[j].Setting })
	return rows
}

// attach has the leases of a server listed, until detach.
func (s *settings) attach(l *nodes.Leases) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leases = append(s.leases, l)
}

func (s *settings) detach(l *nodes.Leases) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leases = slices.DeleteFunc(s.leases, func(t *nodes.Leases) bool { return t == l })
}

// ended takes note of a lease that has put its value back: what the variable is
// set to by the program from now on is its own.
func (s *settings) ended(l nodes.Lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[l.Setting]
	if e == nil || e.users > 0 || !e.changed || l.Note != "" {
		return
	}
	e.row.Value, e.row.Since = l.Back, time.Now().Format(timeFormat)
	if _, ok := e.file.(nodes.Pinned); !ok && l.Back == e.row.Own {
		delete(s.entries, l.Setting)
	}
}

// change runs write, which changes the variable f, and takes note of what it
// did. Writes to one variable run one after the other, or what was the program's
// own value could not be told.
func (s *settings) change(ctx context.Context, f *fid, write func() error) error {
	path := f.at.path()
	e := s.enter(path)
	if e == nil {
		return write()
	}
	defer s.leave(path, e)
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	own := e.row.Own
	if !e.changed {
		own, _ = f.value(ctx, f.at.file)
	}
	if err := write(); err != nil {
		return err
	}
	now, err := f.value(ctx, f.at.file)
	same := err == nil && now == own
	if p, ok := f.at.file.(nodes.Pinned); ok {
		_, err := f.value(ctx, p.Own())
		same = errors.Is(err, iofs.ErrNotExist)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if same {
		e.changed = false
		return nil
	}
	// Since when the value holds: a write of the same changes nothing.
	since := e.row.Since
	if !e.changed || now != e.row.Value {
		since = time.Now().Format(timeFormat)
	}
	e.changed, e.file = true, f.at.file
	e.row = settingRow{Setting: path, Value: now, Own: own, UID: f.c.peer.UID, PID: f.c.peer.PID, Since: since}
	return nil
}

// enter returns the entry of path, nil where there are too many.
func (s *settings) enter(path string) *setting {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[path]
	if e == nil {
		if len(s.entries) == maxSettings {
			return nil
		}
		if s.entries == nil {
			s.entries = make(map[string]*setting)
		}
		e = &setting{turn: make(chan struct{}, 1)}
		s.entries[path] = e
	}
	e.users++
	return e
}

// leave forgets the entry if it tells nothing.
func (s *settings) leave(path string, e *setting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.users--; e.users == 0 && !e.changed {
		delete(s.entries, path)
	}
}

// value reads a file as it is now, without its last newline.
func (f *fid) value(ctx context.Context, file nodes.File) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, valueTime)
	defer cancel()
	srv := f.c.srv
	if !srv.foreign.start(srv.lim.Detached) {
		return "", nodes.ErrBusy
	}
	type result struct {
		value string
		err   error
	}
	done := make(chan result, 1)
	go func() {
		defer srv.foreign.end()
		v, err := protect(func() (string, error) { return valueOf(ctx, file) })
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func valueOf(ctx context.Context, file nodes.File) (string, error) {
	h, err := file.Open(ctx, nodes.Read)
	if err != nil {
		return "", err
	}
	defer h.Close()
	var b []byte
	for len(b) < maxValue {
		p := make([]byte, maxValue-len(b))
		n, err := h.ReadAt(ctx, p, int64(len(b)))
		b = append(b, p[:max(0, min(n, len(p)))]...)
		if errors.Is(err, io.EOF) || err == nil && n == 0 {
			break
		}
		if err != nil {
			return "", err
		}
	}
	return strings.TrimSuffix(string(b), "\n"), nil
}
