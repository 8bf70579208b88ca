package log

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
)

// overrides is how many levels are set: of groups, the top one with them, and of
// requests. Loggers look no further where there is none.
var overrides atomic.Int64

// group is a logger group, by slog's WithGroup, or the top: all that is logged.
type group struct {
	path   string // "db.pool"; "" for the top
	parent *group
	// least is the level that is set, plus levelSet; 0 where none is.
	least    atomic.Int64
	children sync.Map // of *group, by name
}

// levelSet marks that there is a level; those are small numbers.
const levelSet = 1 << 40

// maxLevel bounds the levels that can be set, on both sides.
const maxLevel = 1 << 10

var top = &group{}

// groups are those that there are, without the top. A program that invents names
// of groups does not fill the memory with them: what comes late has no level of
// its own, but that of the group around it.
var groups struct {
	sync.Mutex
	list []*group
}

const (
	maxGroups    = 256
	maxGroupName = 128 // bytes of a path
)

// child returns the group of that name in g, or g where it is not known apart.
func (g *group) child(name string) *group {
	if c, ok := g.children.Load(name); ok {
		return c.(*group)
	}
	path := name
	if g.path != "" {
		path = g.path + "." + name
	}
	if len(path) > maxGroupName {
		return g
	}
	groups.Lock()
	defer groups.Unlock()
	if c, ok := g.children.Load(name); ok {
		return c.(*group)
	}
	if len(groups.list) >= maxGroups {
		return g
	}
	// The name may be a part of what the program holds in memory.
	name, path = strings.Clone(name), strings.Clone(path)
	for _, c := range groups.list {
		if c.path == path {
			return c // "a.b" and "a" in "b" are one
		}
	}
	c := &group{path: path, parent: g}
	g.children.Store(name, c)
	groups.list = append(groups.list, c)
	return c
}

// allGroups returns the groups, without the top, in the order in which they came.
func allGroups() []*group {
	groups.Lock()
	defer groups.Unlock()
	return groups.list[:len(groups.list):len(groups.list)]
}

// set sets the level of g; none where l leaves it to the program.
func (g *group) set(l level) {
	groups.Lock()
	defer groups.Unlock()
	was := g.least.Load()
	now := int64(0)
	if !l.own {
		now = int64(l.level) + levelSet
	}
	g.least.Store(now)
	switch {
	case was == 0 && now != 0:
		overrides.Add(1)
	case was != 0 && now == 0:
		overrides.Add(-1)
	}
}

// setting returns what g is set to.
func (g *group) setting() level {
	if v := g.least.Load(); v != 0 {
		return level{level: slog.Level(v - levelSet)}
	}
	return level{own: true}
}

// inForce returns the level that is set for g, by itself or by a group around it.
func (g *group) inForce() (slog.Level, bool) {
	for ; g != nil; g = g.parent {
		if v := g.least.Load(); v != 0 {
			return slog.Level(v - levelSet), true
		}
	}
	return 0, false
}

// leastLevel returns the level that is set for what is logged in ctx by g.
func leastLevel(ctx context.Context, g *group) (slog.Level, bool) {
	if requestLevels.Load() > 0 {
		if l, ok := request.FromContext(ctx).Level(); ok {
			return l, true
		}
		sweepSometimes()
	}
	return g.inForce()
}

// level is a level as files show it and people write it.
type level struct {
	level slog.Level
	own   bool // the program's handler decides
	none  bool // no handler is wrapped
	off   bool // the program's handler logs nothing
}

// MarshalText makes debug, info+2 and the like.
func (l level) MarshalText() ([]byte, error) {
	switch {
	case l.none:
		return []byte("none"), nil
	case l.off:
		return []byte("off"), nil
	case l.own:
		return []byte("default"), nil
	}
	return []byte(strings.ToLower(l.level.String())), nil
}

func (l level) String() string {
	text, _ := l.MarshalText()
	return string(text)
}

// UnmarshalText reads what log/slog does, whatever the case, or default.
func (l *level) UnmarshalText(text []byte) error {
	*l = level{}
	if strings.EqualFold(string(text), "default") {
		l.own = true
		return nil
	}
	if err := l.level.UnmarshalText(text); err != nil || l.level < -maxLevel || l.level > maxLevel {
		shown := string(nodes.AppendEscaped(nil, string(text[:min(len(text), 40)])))
		return nodes.Errorf(fs.ErrInvalid, "%q is none of debug, info, warn, error, a form like info+2 or debug-4, or default", shown)
	}
	return nil
}

// levelVar shows and sets the level of g.
func levelVar(name, doc string, g *group) nodes.File {
	get := func(ctx context.Context) (level, error) {
		if !wrapped() {
			return level{none: true}, nil
		}
		if l, ok := g.inForce(); ok {
			return level{level: l}, nil
		}
		return ownLevel(ctx), nil
	}
	set := func(_ context.Context, l level) error {
		if !wrapped() {
			return errNotWrapped
		}
		g.set(l)
		return nil
	}
	hold := func(context.Context) (func(context.Context) error, error) {
		was := g.setting()
		return func(context.Context) error { g.set(was); return nil }, nil
	}
	own := func(ctx context.Context) (level, error) {
		if g.setting().own {
			return level{}, nodes.Errorf(fs.ErrNotExist, "%s is not set", name)
		}
		if g.parent != nil {
			if l, ok := g.parent.inForce(); ok {
				return level{level: l}, nil
			}
		}
		return ownLevel(ctx), nil
	}
	return pinned{nodes.HeldVar(name, doc, get, set, hold).(nodes.Twinned), nodes.Value(name, doc, own)}
}

// pinned is a level of which settings tells while it is set, also where the program's
// own is the same: the program may change that.
type pinned struct {
	nodes.Twinned
	own nodes.File
}

// Own implements nodes.Pinned.
func (p pinned) Own() nodes.File { return p.own }

var _ nodes.Pinned = pinned{}

var errNotWrapped = nodes.Errorf(nodes.ErrNotSupported, "the program has not wrapped its slog handler: slog.New(log.Handler(h)) of plugins/log does")

// levelsDir has a var for each group.
func levelsDir(name, doc string) nodes.Dir {
	var mu sync.Mutex
	files := map[*group]nodes.File{}
	file := func(g *group) nodes.File {
		mu.Lock()
		defer mu.Unlock()
		f := files[g]
		if f == nil {
			shown := string(nodes.AppendEscaped(nil, g.path))
			f = levelVar(nodes.Escape(g.path), "the least level of the logger group "+shown+" and of those in it", g)
			files[g] = f
		}
		return f
	}
	return nodes.Dynamic(name, doc, func(_ context.Context, name string) (nodes.Node, error) {
		path := nodes.Unescape(name)
		for _, g := range allGroups() {
			if g.path == path && nodes.Escape(path) == name {
				return file(g), nil
			}
		}
		return nil, noGroup(path)
	}, func(context.Context) ([]nodes.Node, error) {
		var list []nodes.Node
		for _, g := range allGroups() {
			if nodes.ValidName(nodes.Escape(g.path)) {
				list = append(list, file(g))
			}
		}
		return list, nil
	}, nodes.Help{Path: "GROUP", Kind: nodes.KindVar, Doc: "the least level of one logger group and of those in it; a group in another is called OUTER.INNER"})
}

// maxShown is how many groups an error names.
const maxShown = 20

// noGroup says that the program has no logger of a group, and of which it has.
func noGroup(path string) error {
	var names []string
	all := allGroups()
	for _, g := range all[:min(len(all), maxShown)] {
		names = append(names, string(nodes.AppendEscaped(nil, nodes.Escape(g.path))))
	}
	shown := string(nodes.AppendEscaped(nil, path[:min(len(path), maxGroupName)]))
	if len(names) == 0 {
		return nodes.Errorf(fs.ErrNotExist, "no logger of a group %q has been made; a group is there when the program has called WithGroup, and there is none", shown)
	}
	text := strings.Join(names, ", ")
	if more := len(all) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return nodes.Errorf(fs.ErrNotExist, "no logger of a group %q has been made; a group is there when the program has called WithGroup; there are %s", shown, text)
}
