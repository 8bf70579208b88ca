package client

import (
	"path"
	"strings"
	"syscall"

	"github.com/hugelgupf/p9/linux"
	"github.com/hugelgupf/p9/p9"
)

// maxNames is how many names one Twalk takes (MAXWELEM, walk(5) of Plan 9).
const maxNames = 16

// maxName is the longest name in bytes.
const maxName = 255

// split checks a path and cuts it into names; the root has none.
func split(name string) ([]string, error) {
	name = path.Clean("/" + name)[1:]
	if name == "" {
		return nil, nil
	}
	names := strings.Split(name, "/")
	for _, n := range names {
		switch {
		case len(n) > maxName:
			return nil, newError(syscall.ENAMETOOLONG, "a name of %d bytes; %d is the most", len(n), maxName)
		case strings.ContainsRune(n, 0):
			return nil, newError(syscall.EINVAL, "a name holds no NUL byte")
		}
	}
	return names, nil
}

// walked is what a walk found.
type walked struct {
	file p9.File
	qid  p9.QID
	attr p9.Attr
}

// walk goes to a file from the root. The caller closes it, by clunk.
func (s *session) walk(op within, names []string) (walked, error) {
	return s.steps(op, names, s.walkOnce)
}

// stat goes to a file and gets its attributes, in one message where the server
// knows p9's extension for that.
func (s *session) stat(op within, names []string) (walked, error) {
	if s.client.Version() >= 2 {
		return s.steps(op, names, s.walkGetAttr)
	}
	w, err := s.walk(op, names)
	if err != nil {
		return walked{}, err
	}
	if err := s.getattr(op, &w); err != nil {
		s.clunk(w.file)
		return walked{}, err
	}
	return w, nil
}

// getattr asks for the attributes of w.
func (s *session) getattr(op within, w *walked) error {
	return s.do(op, func() (err error) {
		w.qid, _, w.attr, err = w.file.GetAttr(p9.AttrMaskAll)
		return err
	})
}

// steps walks by as many names at once as one message takes; the last step is
// last's.
func (s *session) steps(op within, names []string, last func(within, p9.File, []string) (walked, error)) (walked, error) {
	from := s.root
	for len(names) > maxNames {
		w, err := s.walkOnce(op, from, names[:maxNames])
		if from != s.root {
			s.clunk(from)
		}
		if err != nil {
			return walked{}, err
		}
		from, names = w.file, names[maxNames:]
	}
	w, err := last(op, from, names)
	if from != s.root {
		s.clunk(from)
	}
	return w, err
}

func (s *session) walkOnce(op within, from p9.File, names []string) (walked, error) {
	var w walked
	var qids []p9.QID
	err := s.do(op, func() (err error) {
		qids, w.file, err = from.Walk(names)
		return err
	})
	return s.arrived(w, qids, names, err)
}

func (s *session) walkGetAttr(op within, from p9.File, names []string) (walked, error) {
	var w walked
	var qids []p9.QID
	err := s.do(op, func() (err error) {
		qids, w.file, _, w.attr, err = from.WalkGetAttr(names)
		return err
	})
	return s.arrived(w, qids, names, err)
}

// arrived checks how far a walk came. A server may answer with fewer QIDs than
// there were names, and then there is no new file (walk(5)); p9.Client makes
// one all the same.
func (s *session) arrived(w walked, qids []p9.QID, names []string, err error) (walked, error) {
	if w.file != nil {
		keep(w.file)
	}
	if err != nil {
		return walked{}, err // if there is a file all the same, see wire.drop
	}
	if len(qids) < len(names) {
		s.clunk(w.file)
		return walked{}, linux.ENOENT
	}
	w.qid = p9.QID{Type: p9.TypeDir}
	if len(qids) > 0 {
		w.qid = qids[len(qids)-1]
	}
	return w, nil
}
