package redact

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// FuzzSecret gives a secret under secret names, in every form that hides all
// of it whatever it holds, and looks for it in what is shown.
func FuzzSecret(f *testing.F) {
	for _, s := range []string{"hunter2", "a b=c", "p@ss/w:rd?#&;", "'\"`\\", "-----BEGIN", "--flag", "\x00\xff\n", "[redacted]"} {
		f.Add(s)
	}
	names := []string{"DB_PASSWORD", "accessToken", "x-api-key", "PGPASSWORD"}
	frames := make(map[string][]string)
	for _, name := range names {
		frames[name] = showAll(name, "~Q7~")
	}
	f.Fuzz(func(t *testing.T, secret string) {
		if len(secret) < 3 {
			return
		}
		escaped := url.QueryEscape(secret)
		for _, name := range names {
			for i, s := range showAll(name, secret) {
				frame := frames[name][i]
				if s != frame && (strings.Contains(s, secret) && !strings.Contains(frame, secret) ||
					strings.Contains(s, escaped) && !strings.Contains(frame, escaped)) {
					t.Errorf("form %d of %s shows the secret %q: %q", i, name, secret, s)
				}
			}
		}
	})
}

// showAll returns the secret as it is shown under the name, in every form.
func showAll(name, secret string) []string {
	var r *Redactor
	escaped := url.QueryEscape(secret)
	userinfo := url.UserPassword("u", secret).String()
	join := func(list []string) string { return strings.Join(list, "\n") }
	return []string{
		join(r.Env([]string{name + "=" + secret})),
		join(r.Args([]string{"x", "--" + name + "=" + secret})),
		join(r.Args([]string{"x", "-" + name, secret})),
		join(r.Args([]string{"x", name + "=" + secret})),
		join(r.Args([]string{"x", "-flag=https://h/?a=1&" + name + "=" + escaped + "&b=2"})),
		join(r.Header(map[string][]string{name: {secret}})[name]),
		r.Value(name, secret),
		r.URL("https://h/?a=1&" + name + "=" + escaped + "&b=2"),
		r.URL("postgres://" + userinfo + "@h/"),
		r.Text("x postgres://" + userinfo + "@h/ y"),
		r.Text(`{"n":1,"` + name + `":` + strconv.Quote(secret) + `,"m":2}`),
	}
}

// FuzzText asks for no panic, and for off meaning off.
func FuzzText(f *testing.F) {
	for _, s := range []string{"a://b:c@d/e?f=g", "password=x; y=z", `{"token":"x"}`, "--key x", "u:p@tcp(h)/d", "a://b://c@", "token=[", "key:'"} {
		f.Add(s, "extra")
	}
	f.Fuzz(func(t *testing.T, s, name string) {
		r := New([]string{name}, false)
		r.Name(s)
		r.Text(s)
		r.URL(s)
		r.Env([]string{s})
		r.Args([]string{s, s, "-" + s, s})
		off := New([]string{name}, true)
		if off.Text(s) != s || off.URL(s) != s {
			t.Errorf("off changes %q", s)
		}
	})
}

func BenchmarkName(b *testing.B) {
	for b.Loop() {
		secretName("X-Forwarded-For-Some-Client")
	}
}

func BenchmarkTextHostile(b *testing.B) {
	for _, part := range []string{"a://b:c", "@", "password= ", "=", "x:", "--key  ", "&a", "{\"", "token='", "a://b:c@?x=y://"} {
		text := "password=" + strings.Repeat(part, 1<<20/len(part))
		b.Run(part, func(b *testing.B) {
			var r *Redactor
			for b.Loop() {
				r.Text(text)
				r.Text(text[len("password="):])
				r.URL(text[len("password="):])
			}
		})
	}
}
