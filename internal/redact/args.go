package redact

import "strings"

// Args returns a copy of a command line, the command first, as it may be
// shown. Hidden are the values of flags with a secret name, whether they
// follow an equals sign or are the next argument, all that follows the equals
// sign or the colon of an argument that begins with a secret name
// (password=x, Authorization: x), and what [Redactor.Text] hides. A flag
// with a secret name that takes no value hides the argument after it
// nonetheless.
func (r *Redactor) Args(args []string) []string {
	shown := make([]string, len(args))
	if r.isOff() {
		copy(shown, args)
		return shown
	}
	next := false // the argument is the value of a flag with a secret name
	for i, arg := range args {
		switch {
		case i == 0:
			shown[i] = r.Text(arg)
			continue
		case next && arg != "":
			shown[i] = Mark
		default:
			shown[i] = r.arg(arg)
		}
		// What is hidden may itself be a flag, where the one before it took
		// no value.
		next = isFlag(arg) && !strings.Contains(arg, "=") && r.Name(arg)
	}
	return shown
}

// arg redacts one argument that is not the value of the flag before it.
func (r *Redactor) arg(arg string) string {
	n := 0
	for n < len(arg) && isNameByte(arg[n]) {
		n++
	}
	if n == len(arg) || arg[n] != '=' && arg[n] != ':' || !r.Name(arg[:n]) || strings.HasPrefix(arg[n:], "://") {
		return r.Text(arg)
	}
	n++
	if arg[n-1] == ':' {
		n = skipSpaces(arg, n)
	}
	if n == len(arg) {
		return arg
	}
	return arg[:n] + Mark
}

// isFlag reports whether the argument has a flag's form: dashes and a letter.
func isFlag(arg string) bool {
	name := strings.TrimLeft(arg, "-")
	dashes := len(arg) - len(name)
	return (dashes == 1 || dashes == 2) && name != "" && (classOf(name[0]) == lower || classOf(name[0]) == upper)
}
