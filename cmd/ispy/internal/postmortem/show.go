package postmortem

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"time"

	"github.com/go-delve/delve/pkg/proc"

	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/internal/minicore"
	"github.com/ispyd/ispyd/internal/nearest"
)

// frame is a frame of the stack.
type frame struct {
	Number   int    `json:"frame"`
	Function string `json:"function"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Inlined  bool   `json:"inlined,omitempty"`
	PC       uint64 `json:"pc"`

	current bool
}

func (s *session) at(n int) frame {
	f := &s.frames[n]
	out := frame{Number: n, Function: "?", File: f.Call.File, Line: f.Call.Line, Inlined: f.Inlined, PC: f.Current.PC, current: n == s.frame}
	if f.Call.Fn != nil {
		out.Function = f.Call.Fn.Name
	}
	return out
}

func (f frame) text(*session) string {
	mark := "  "
	if f.current {
		mark = "> "
	}
	inlined := ""
	if f.Inlined {
		inlined = "  (inlined)"
	}
	return fmt.Sprintf("%s%d  %s%s\n       %s:%d\n", mark, f.Number, f.Function, inlined, f.File, f.Line)
}

// position is where the session is.
type position frame

func (s *session) here() position { return position(s.at(s.frame)) }

func (p position) text(s *session) string {
	text := fmt.Sprintf("> %d  %s  %s:%d\n", p.Number, p.Function, filepath.Base(p.File), p.Line)
	// A file that was changed since may have another line there: list says so.
	if _, lines, written, err := source(s.source, p.File, p.Line); err == nil && !written.After(s.built) {
		for _, l := range lines {
			if l.Current {
				text += "-> " + strings.TrimSpace(l.Text) + "\n"
			}
		}
	}
	return text
}

type stack []frame

func (st stack) text(s *session) string {
	var b strings.Builder
	for _, f := range st {
		b.WriteString(f.text(s))
	}
	return b.String()
}

func (s *session) backtrace(string) (any, error) {
	st := make(stack, len(s.frames))
	for i := range st {
		st[i] = s.at(i)
	}
	return st, nil
}

// values are shown a line each.
type values []value

func (l values) text(s *session) string {
	if len(l) == 0 {
		return "none\n"
	}
	var b strings.Builder
	for _, v := range l {
		b.WriteString(v.text(s))
	}
	return b.String()
}

func (v value) text(*session) string {
	text := v.Value
	if v.Name != "" {
		text = v.Name + " = " + text
	}
	if v.Doubt != "" {
		text += "  (" + v.Doubt + ")"
	}
	return text + "\n"
}

func (s *session) args(string) (any, error)   { return s.variablesOf(true) }
func (s *session) locals(string) (any, error) { return s.variablesOf(false) }

func (s *session) variablesOf(arguments bool) (any, error) {
	list, err := s.variables(s.frame, arguments, brief)
	if err != nil {
		return nil, err
	}
	out := values{}
	for _, v := range list {
		shown := s.show(v, s.frame, false)
		if v.Flags&proc.VariableShadowed != 0 {
			shown.Name = "(" + shown.Name + ")"
		}
		out = append(out, shown)
	}
	return out, nil
}

func (s *session) print(expr string) (any, error) {
	v, err := s.evaluate(s.frame, expr, full)
	if err != nil {
		return nil, err
	}
	out := s.show(v, s.frame, true)
	out.Name = ""
	return out, nil
}

// typeOf is what whatis says.
type typeOf struct {
	Type string `json:"type"`
	// Real is what a named type is made of, or the type that an interface holds.
	Real string `json:"real,omitempty"`
}

func (t typeOf) text(*session) string {
	if t.Real != "" {
		return t.Type + "  (" + t.Real + ")\n"
	}
	return t.Type + "\n"
}

func (s *session) whatis(expr string) (any, error) {
	// The type is known though the value is not.
	list, err := s.both()
	if err == nil {
		for _, v := range list {
			if v.Name == expr && v.Flags&proc.VariableShadowed == 0 && s.gone(s.frame, v) {
				return typeOf{Type: v.TypeString()}, nil
			}
		}
	}
	v, err := s.evaluate(s.frame, expr, names)
	if err != nil {
		return nil, err
	}
	out := typeOf{Type: v.TypeString()}
	if len(v.Children) == 1 && v.Children[0].DwarfType != nil && strings.Contains(v.RealType.String(), "interface") {
		out.Real = v.Children[0].TypeString()
	} else if v.RealType != nil && v.RealType.String() != out.Type {
		out.Real = v.RealType.String()
	}
	return out, nil
}

// both are the names and types of all variables of the frame.
func (s *session) both() ([]*proc.Variable, error) {
	args, err := s.variables(s.frame, true, names)
	if err != nil {
		return nil, err
	}
	locals, err := s.variables(s.frame, false, names)
	return append(args, locals...), err
}

// near names the frame's variable that may have been meant.
func (d *dead) near(frame int, name string) string {
	var list []string
	for _, arguments := range []bool{true, false} {
		vars, err := d.variables(frame, arguments, names)
		if err != nil {
			return ""
		}
		for _, v := range vars {
			list = append(list, v.Name)
		}
	}
	return nearest.Hint(name, list)
}

// listing is a piece of source.
type listing struct {
	File  string `json:"file"`
	Lines []line `json:"lines"`
	// Newer says that the file was written after the program was built.
	Newer bool `json:"newer,omitempty"`
}

func (l listing) text(*session) string {
	var b strings.Builder
	if l.Newer {
		fmt.Fprintf(&b, "%s was changed after the program was built: lines may be others\n", l.File)
	}
	for _, s := range l.Lines {
		mark := "  "
		if s.Current {
			mark = "->"
		}
		fmt.Fprintf(&b, "%s %5d  %s\n", mark, s.Number, s.Text)
	}
	return b.String()
}

func (s *session) list(string) (any, error) {
	f := s.at(s.frame)
	switch {
	case f.File == "" || f.Line < 1:
		return nil, errors.New("this frame has no source")
	case f.File == "<autogenerated>":
		return nil, fmt.Errorf("%s has no source: the compiler made it, to call the method of an embedded type, or by an interface; down leads to the method", f.Function)
	}
	path, lines, written, err := source(s.source, f.File, f.Line)
	if err != nil {
		return nil, err
	}
	return listing{path, lines, written.After(s.built)}, nil
}

// maxVars is how many variables vars shows.
const maxVars = 1000

func (s *session) vars(pattern string) (any, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, verb.Usagef("vars %s: %v", pattern, err)
	}
	var list []*proc.Variable
	if err := guard("the variables", func() (err error) {
		list, err = s.scope(s.frame).PackageVariables(brief)
		return err
	}); err != nil {
		return nil, err
	}
	out := values{}
	for _, v := range list {
		if re.MatchString(v.Name) {
			out = append(out, s.show(v, -1, false))
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	switch {
	case len(out) == 0:
		return nil, fmt.Errorf("vars %s: no variable of a package matches; those that are never used are not in a program", pattern)
	case len(out) > maxVars:
		return nil, fmt.Errorf("vars %s: %d variables match, more than %d: say more of the name", pattern, len(out), maxVars)
	}
	return out, nil
}

func (s *session) value(string) (any, error) {
	if !s.ours {
		return nil, errors.New("this core does not say what the panic's value was")
	}
	v, err := s.evaluate(s.frame, fmt.Sprintf(`*(*"interface {}")(%#x)`, minicore.ValueAddr), full)
	if err != nil {
		return nil, err
	}
	out := s.show(v, -1, true)
	out.Name = s.info.Kind
	return out, nil
}

// about is what goroutine says.
type about struct {
	ID         int64     `json:"goroutine"`
	Kind       string    `json:"kind,omitempty"`
	Time       time.Time `json:"time,omitzero"`
	PID        int       `json:"pid,omitempty"`
	Executable string    `json:"executable,omitempty"`
	BuildID    string    `json:"build_id,omitempty"`
	Created    string    `json:"created,omitempty"`
	Started    string    `json:"started,omitempty"`
	Frames     int       `json:"frames"`
}

func (a about) text(*session) string {
	var b strings.Builder
	row := func(name, value string) {
		if value != "" && value != "0" {
			fmt.Fprintf(&b, "%-11s %s\n", name, value)
		}
	}
	row("goroutine", fmt.Sprint(a.ID))
	row("captured", a.Kind)
	if !a.Time.IsZero() {
		row("time", a.Time.Local().Format(time.RFC3339Nano))
	}
	row("pid", fmt.Sprint(a.PID))
	row("executable", a.Executable)
	row("build id", a.BuildID)
	row("started in", a.Started)
	row("created by", a.Created)
	row("frames", fmt.Sprint(a.Frames))
	return b.String()
}

func (s *session) goroutine(string) (any, error) {
	a := about{Kind: s.info.Kind, Time: s.info.Time, PID: s.info.PID, Executable: s.info.Executable, BuildID: s.info.GoBuildID, Frames: len(s.frames)}
	err := guard("the goroutine", func() error {
		if s.g == nil {
			return nil
		}
		a.ID = s.g.ID
		place := func(l proc.Location) string {
			if l.Fn == nil {
				return ""
			}
			return fmt.Sprintf("%s  %s:%d", l.Fn.Name, l.File, l.Line)
		}
		a.Created, a.Started = place(s.g.Go()), place(s.g.StartLoc(s.target))
		return nil
	})
	return a, err
}

// saved is what save says.
type saved struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
}

func (f saved) text(*session) string { return fmt.Sprintf("%s: %d bytes\n", f.File, f.Bytes) }

func (s *session) save(name string) (any, error) {
	name = strings.TrimPrefix(name, "local:")
	// It has what the program's memory had: for nobody else.
	to, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	n, err := io.Copy(to, io.NewSectionReader(s.core, 0, math.MaxInt64))
	if err = errors.Join(err, to.Close()); err != nil {
		os.Remove(name)
		return nil, err
	}
	return saved{name, n}, nil
}
