package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// completionScript is what completes ispy's own command line in the shell around
// it: flags with their docs, programs after -p, files.
func completionScript(shell string) string {
	var o options
	var file string
	flags := flagSet(&o, &file)
	switch shell {
	case "bash":
		return bashCompletion(flags)
	case "zsh":
		return zshCompletion(flags)
	}
	return fishCompletion(flags)
}

// takes says what the value of a flag is: a program, a file, a directory, one of
// the shells, or anything; ok is false where there is none.
func takes(f *pflag.Flag) (what string, ok bool) {
	if f.NoOptDefVal != "" {
		return "", false
	}
	switch f.Name {
	case "pid":
		return "program", true
	case "file":
		return "file", true
	case "root":
		return "directory", true
	case "completion":
		return "shell", true
	}
	return "any", true
}

// spellings are the ways to type a flag, the short one first.
func spellings(f *pflag.Flag) []string {
	var list []string
	if f.Shorthand != "" {
		list = append(list, "-"+f.Shorthand)
	}
	return append(list, "-"+f.Name, "--"+f.Name)
}

func usage(f *pflag.Flag) string {
	_, text := pflag.UnquoteUsage(f)
	return text
}

func bashCompletion(flags *pflag.FlagSet) string {
	var all []string
	cases := map[string][]string{}
	flags.VisitAll(func(f *pflag.Flag) {
		all = append(all, "-"+f.Name)
		if what, ok := takes(f); ok {
			cases[what] = append(cases[what], spellings(f)...)
		}
	})
	pattern := func(what string) string { return strings.Join(cases[what], "|") }
	return fmt.Sprintf(`# Completion of ispy in bash: eval "$(ispy -completion bash)"
_ispy() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} word configs=()
	for word in "${COMP_WORDS[@]:1}"; do
		if [[ $word != -* && -e $word ]]; then configs+=("$word"); fi
	done
	COMPREPLY=()
	compopt +o default 2>/dev/null
	case $prev in
	%s)
		COMPREPLY=($(compgen -W "$(ispy -c 'ls /' "${configs[@]}" 2>/dev/null)" -- "$cur")) ;;
	%s)
		compopt -o default 2>/dev/null ;;
	%s)
		compopt -o default 2>/dev/null
		COMPREPLY=($(compgen -d -- "$cur")) ;;
	%s)
		COMPREPLY=($(compgen -W '%s' -- "$cur")) ;;
	%s)
		;;
	*)
		if [[ $cur == -* ]]; then
			COMPREPLY=($(compgen -W '%s' -- "$cur"))
		else
			compopt -o default 2>/dev/null
		fi ;;
	esac
}
complete -F _ispy ispy
`, pattern("program"), pattern("file"), pattern("directory"), pattern("shell"), strings.Join(shells, " "), pattern("any"), strings.Join(all, " "))
}

func zshCompletion(flags *pflag.FlagSet) string {
	actions := map[string]string{
		"program": ":program:_ispy_programs", "file": ":file:_files", "directory": ":directory:_files -/",
		"shell": ":shell:(" + strings.Join(shells, " ") + ")", "any": ":value: ",
	}
	escape := strings.NewReplacer("'", `'\''`, "[", `\[`, "]", `\]`, ":", `\:`)
	var specs strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		action := ""
		if what, ok := takes(f); ok {
			action = actions[what]
		}
		names := spellings(f)
		for _, name := range names[:len(names)-1] { // with one dash
			fmt.Fprintf(&specs, "\t\t'%s[%s]%s' \\\n", name, escape.Replace(usage(f)), action)
		}
	})
	return fmt.Sprintf(`#compdef ispy
# Completion of ispy in zsh: a file _ispy in a directory of $fpath, or eval "$(ispy -completion zsh)"
_ispy_programs() {
	local -a configs programs
	local word
	for word in ${words[2,-1]}; do
		[[ $word != -* && -e $word ]] && configs+=($word)
	done
	programs=(${(f)"$(ispy -c 'ls /' $configs 2>/dev/null)"})
	compadd -a programs
}
_ispy() {
	_arguments \
%s		'*:configuration or socket:_files'
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _ispy "$@"; else compdef _ispy ispy; fi
`, specs.String())
}

func fishCompletion(flags *pflag.FlagSet) string {
	actions := map[string]string{
		"program": " -x -a \"(ispy -c 'ls /' (commandline -opc | string match -v -- '-*' | tail -n +2) 2>/dev/null)\"",
		"file":    " -r -F", "directory": " -x -a '(__fish_complete_directories)'",
		"shell": " -x -a '" + strings.Join(shells, " ") + "'", "any": " -x",
	}
	var b strings.Builder
	b.WriteString("# Completion of ispy in fish: ispy -completion fish > ~/.config/fish/completions/ispy.fish\n")
	flags.VisitAll(func(f *pflag.Flag) {
		line := "complete -c ispy -o " + f.Name + " -l " + f.Name
		if f.Shorthand != "" {
			line += " -s " + f.Shorthand
		}
		if what, ok := takes(f); ok {
			line += actions[what]
		}
		fmt.Fprintf(&b, "%s -d '%s'\n", line, strings.ReplaceAll(usage(f), "'", `\'`))
	})
	return b.String()
}
