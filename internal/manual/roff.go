package main

import (
	"bytes"
	"io"
	"strings"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/russross/blackfriday/v2"
)

// roff renders a page as md2man does, but for what a person copies out of it:
// characters that roff makes typographical ones stay those that are typed.
func roff(markdown []byte) []byte {
	plain := md2man.NewRoffRenderer()
	r := renderer{plain}
	return tidy(blackfriday.Run(markdown, blackfriday.WithRenderer(r), blackfriday.WithExtensions(plain.GetExtensions())))
}

// renderer writes texts itself and leaves the rest to md2man's.
type renderer struct{ blackfriday.Renderer }

// RenderNode implements blackfriday.Renderer.
func (r renderer) RenderNode(w io.Writer, n *blackfriday.Node, entering bool) blackfriday.WalkStatus {
	title := n.Parent != nil && n.Parent.Type == blackfriday.Heading && n.Parent.Level == 1
	switch {
	case n.Type == blackfriday.Text && !title:
		io.WriteString(w, roffText(string(n.Literal)))
	case n.Type == blackfriday.Code:
		io.WriteString(w, `\fB`+roffText(string(n.Literal))+`\fP`)
	case n.Type == blackfriday.CodeBlock:
		if n.Prev != nil && n.Prev.Type == blackfriday.HTMLBlock { // the end of a list
			io.WriteString(w, "\n.PP")
		}
		io.WriteString(w, "\n.EX\n")
		for line := range strings.Lines(string(n.Literal)) {
			io.WriteString(w, roffText(strings.TrimRight("    "+line, " \n"))+"\n")
		}
		io.WriteString(w, ".EE\n")
	default:
		return r.Renderer.RenderNode(w, n, entering)
	}
	return blackfriday.GoToNext
}

// typed are the characters that roff would change.
var typed = strings.NewReplacer(
	`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, `"`, `\(dq`,
	"\n.", "\n\\&.",
)

func roffText(s string) string {
	s = typed.Replace(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}

// layout keeps lines ragged and words whole, so that what is copied out of them is
// what was meant. md2man says so before .TH, which forgets it; headings go by HY.
const layout = ".nr HY 0\n.nh\n.ad l\n"

// tidy takes out the blank lines that md2man leaves, for which macros stand.
func tidy(page []byte) []byte {
	var out bytes.Buffer
	lines := strings.Split(string(page), "\n")
	literal, blank := false, false
	for _, line := range lines {
		macro, _, _ := strings.Cut(line, " ")
		switch macro {
		case ".EX":
			literal = true
		case ".EE":
			literal = false
		}
		if macro == ".nh" {
			continue
		}
		if line == "" && !literal {
			blank = true
			continue
		}
		if blank && out.Len() > 0 && !spaced[macro] && !afterHeading(out.Bytes()) {
			out.WriteString(".sp\n")
		}
		blank = false
		out.WriteString(strings.TrimRight(line, " ") + "\n")
		if macro == ".TH" {
			out.WriteString(layout)
		}
	}
	return out.Bytes()
}

// spaced are the macros that begin with a space of their own.
var spaced = map[string]bool{".TH": true, ".SH": true, ".SS": true, ".PP": true, ".TP": true, ".IP": true}

// afterHeading says that the last line is one that no space follows.
func afterHeading(page []byte) bool {
	page = bytes.TrimSuffix(page, []byte("\n"))
	last := page[bytes.LastIndexByte(page, '\n')+1:]
	for _, macro := range []string{".SH", ".SS", ".TH", ".TP", ".PP", ".ad"} {
		if bytes.HasPrefix(last, []byte(macro)) {
			return true
		}
	}
	return false
}
