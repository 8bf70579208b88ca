package debugger_test

import (
	"strconv"
	"strings"
	"testing"
)

// Each traceback has its values, the first like the following, those of nested panics
// too, or one line that says why not.
func TestValuesOrWhyNot(t *testing.T) {
	needEngine(t)
	for name, flags := range map[string][]string{"exe": nil, "unoptimised": {"-gcflags=all=-N -l"}} {
		t.Run(name, func(t *testing.T) {
			v := start(t, binary(t, flags...), on+"burst = 100\nshare = 100\n")
			v.want("ok", "ctl insert main.*")
			for i, n := range []string{"1", "2", "3"} {
				v.want(string(n[0]+1), "nested %s", n)
				first := v.await("tracebacks/"+string(rune('1'+2*i))+"/traceback", "nested")
				second := v.await("tracebacks/"+string(rune('2'+2*i))+"/traceback", "clean")
				for _, text := range []string{first, second} {
					list := strings.Join(below(text, "main.(*Shop).nested"), "\n")
					known := strings.Contains(list, "id int = "+n) && strings.Contains(list, `customer string = "Ada"`)
					named := strings.Contains(list, "id int = ") && strings.Contains(list, "customer string = ")
					if !named || flags != nil && !known {
						t.Errorf("nested has %q in\n%s", list, text)
					}
					if strings.Contains(text, "shown by name:") {
						t.Errorf("an excuse, where there are values:\n%s", text)
					}
				}
			}
			v.want("<nil>", "close")
		})
	}
	v := start(t, binary(t, "-ldflags=-s -w", "-trimpath"), on)
	v.want("ok", "ctl insert main.(*Shop).order")
	v.want("runtime error: index out of range [7] with length 2", "order 7")
	text := v.await("tracebacks/1/traceback", "order")
	last := text[strings.LastIndexByte(strings.TrimSuffix(text, "\n"), '\n')+1:]
	if !strings.HasPrefix(last, "(no arguments and variables are shown by name: ") || !strings.Contains(last, "debug information") {
		t.Errorf("it does not say why there are no values:\n%s", text)
	}
}

// The reason why the text of an error is missing is the one that it is.
func TestErrorsWithoutText(t *testing.T) {
	needEngine(t)
	v := start(t, binary(t), on)
	v.want("ok", "ctl insert -error main.(*Shop).typedNil")
	v.want("ok", "ctl insert -error main.(*Shop).mute")
	v.want("true", "typednil 1")
	text := v.await("tracebacks/1/panic", "value")
	if text != "type\t*main.Invalid\nvalue\tnil *main.Invalid\n" {
		t.Errorf("a nil pointer: %q", text)
	}
	v.want("*main.Mute", "mute 0")
	text = v.await("tracebacks/2/panic", "value")
	if !strings.Contains(text, "its Error method panicked") {
		t.Errorf("a method that panics: %q", text)
	}
	v.want("<nil>", "close")
}

// A call is one hit, and what the debugger does by itself is no cost of the program's.
func TestHits(t *testing.T) {
	needEngine(t)
	v := start(t, binary(t), on)
	v.want("ok", "ctl observe main.(*Shop).order count=1000 for=1h")
	v.want("ok", "ctl insert -error main.(*Shop).mute")
	for range 5 {
		v.want("apple for Ada", "order 0")
	}
	v.want("*main.Mute", "mute 0")
	v.await("tracebacks/1/panic", "panicked")
	probes := v.await("probes", "\t5\t5\t0\t")
	for line := range strings.Lines(probes) {
		cells := strings.Split(line, "\t")
		if cells[0] != "main.(*Shop).mute" {
			continue
		}
		// Its Error method takes 20 ms, on a goroutine of the debugger's.
		if ns, err := strconv.Atoi(cells[6]); cells[3] != "1" || err != nil || ns > 20_000_000 {
			t.Errorf("the error's probe: hits %s, ns_hit %s", cells[3], cells[6])
		}
	}
	v.want("<nil>", "close")
}

// A burst of errors does not drive out the panics.
func TestRoomForPanics(t *testing.T) {
	needEngine(t)
	v := start(t, binary(t), on+"rate = 1000\nburst = 100\nshare = 100\n")
	v.want("ok", "ctl limit tracebacks=4")
	v.want("ok", "ctl insert main.(*Shop).order")
	v.want("ok", "ctl insert -error main.(*Shop).pay")
	v.want("runtime error: index out of range [7] with length 2", "order 7")
	v.await("tracebacks/1/panic", "index out of range [7]")
	for n := 2; n < 9; n++ {
		v.want("0 170 cents: too much", "pay 170")
		v.await("tracebacks/"+strconv.Itoa(n)+"/panic", "170")
	}
	if got := v.do("list tracebacks"); got != "1 6 7 8" {
		t.Errorf("tracebacks %s", got)
	}
	v.want("<nil>", "close")
}
