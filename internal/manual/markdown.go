package main

import (
	"regexp"
	"strings"
)

var (
	// special are the characters that mean something in Markdown, starts those
	// that do at the start of a line.
	special = regexp.MustCompile("[\\\\`*_{}\\[\\]<>&~|]")
	starts  = regexp.MustCompile(`(?m)^([0-9]*)([#+\-:.)])`)
)

// escape is a text that programs print as Markdown that shows just that.
func escape(s string) string {
	return starts.ReplaceAllString(special.ReplaceAllString(s, `\$0`), `$1\$2`)
}

// code is s as it is typed.
func code(s string) string {
	if strings.Contains(s, "`") {
		return "`` " + s + " ``"
	}
	return "`" + s + "`"
}

// codeBlock is a block of lines that stay as they are.
func codeBlock(lines []string) string {
	return "```\n" + strings.Join(lines, "\n") + "\n```\n"
}

// endOfList keeps what follows a list, a code block above all, out of it.
const endOfList = "<!-- -->\n\n"

// definition is an entry of a list: what is defined, in Markdown, and its text.
func definition(term, text string) string { return term + "\n: " + text + "\n\n" }

// flagList is a list of flags.
func flagList(flags []flagDoc) string {
	var b strings.Builder
	for _, f := range flags {
		var names []string
		for _, n := range f.Names {
			names = append(names, code(n))
		}
		term := strings.Join(names, ", ")
		if f.Arg != "" {
			term += " *" + escape(f.Arg) + "*"
		}
		b.WriteString(definition(term, escape(f.Doc)))
	}
	if len(flags) > 0 {
		b.WriteString(endOfList)
	}
	return b.String()
}

// blocks is a text of a help page, whose parts are separated by blank lines:
// prose; lines that are indented, which stay as they are; and lists in two
// columns.
func blocks(text string) string {
	var b strings.Builder
	for block := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		lines := strings.Split(strings.Trim(block, "\n"), "\n")
		switch {
		case block == "":
		case strings.HasPrefix(lines[0], "  "):
			b.WriteString(codeBlock(unindent(lines)))
		case strings.Contains(block, "  "):
			if list, ok := columns(lines); ok {
				b.WriteString(list)
			} else {
				b.WriteString(codeBlock(lines))
			}
		default:
			b.WriteString(escape(block) + "\n")
		}
		b.WriteString("\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func unindent(lines []string) []string {
	var out []string
	for _, line := range lines {
		out = append(out, strings.TrimPrefix(line, "  "))
	}
	return out
}

var (
	twoColumns = regexp.MustCompile(`^(\S.*?) {2,}(\S.*)$`)
	// longTerm is a line of a list whose term fills its column.
	longTerm = regexp.MustCompile(`^(\S+) (\S.*)$`)
)

// columns makes a list of lines in two columns; ok is false where they are none.
func columns(lines []string) (list string, ok bool) {
	var terms, texts []string
	for _, line := range lines {
		m := twoColumns.FindStringSubmatch(line)
		if m == nil && len(terms) > 0 {
			m = longTerm.FindStringSubmatch(line)
		}
		switch {
		case m != nil:
			terms, texts = append(terms, m[1]), append(texts, m[2])
		case len(terms) > 0 && strings.HasPrefix(line, "  "):
			texts[len(texts)-1] += " " + strings.TrimSpace(line)
		default:
			return "", false
		}
	}
	var b strings.Builder
	for i := range terms {
		b.WriteString(definition(code(terms[i]), escape(texts[i])))
	}
	return b.String() + endOfList, true
}
