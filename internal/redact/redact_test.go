package redact

import (
	"maps"
	"reflect"
	"slices"
	"sync"
	"testing"
)

func TestName(t *testing.T) {
	secret := []string{
		"token", "TOKEN", "tokens", "accessToken", "access_token", "GITHUB_TOKEN", "GITHUBTOKEN", "IDtoken", "token2", "X-CSRF-Token",
		"secret", "clientSecret", "AWS_SECRET_ACCESS_KEY", "mysecret", "secrets", "SECRETARY_SECRET",
		"password", "Password", "PaSsWoRd", "passWord", "pass_word", "DB_PASSWORD", "dbPassword", "PGPASSWORD", "db.password", "--db-password",
		"password_hash", "oldpassword", "user[password]", "spring.datasource.password",
		"passwd", "LDAP_PASSWD", "pwd", "MYSQL_PWD", "mysqlpwd", "pass", "DB_PASS", "dbpass", "passphrase", "ssh-passphrase", "passcode",
		"key", "keys", "api_key", "apiKey", "APIKey", "APIkey", "apikey", "x-api-key", "X-API-KEYS", "SSHKey", "sshkey", "masterkey", "privateKeyFile",
		"PUBLIC_KEY", "AccountKey", "signing-key", "encryptionkey", "AWS_ACCESS_KEY_ID", "passkey",
		"authorization", "Authorization", "Proxy-Authorization", "auth", "OAuth", "oauth2", "httpauth", "X-Auth", "basic-auth",
		"cookie", "Set-Cookie", "cookies", "setcookie", "credential", "credentials", "GOOGLE_APPLICATION_CREDENTIALS", "creds",
		"private", "private_data", "session", "session_id", "sessionid", "JSESSIONID", "PHPSESSID", "connect.sid",
		"dsn", "SENTRY_DSN", "pgdsn", "bearer", "signature", "X-Amz-Signature", "sig", "jwt", "csrf", "xsrf", "otp", "salt",
		"GITHUB_PAT", "PAT", "AZURE_DEVOPS_EXT_PAT", "githubPat", "X-Amzn-Oidc-Data", "X-Amzn-Oidc-Accesstoken", "X-MS-Client-Principal", "X-Endpoint-API-UserInfo",
		"connection_string", "ConnectionString", "connstr", "SLACK_WEBHOOK_URL",
	}
	plain := []string{
		"", "-", "monkey", "monkeys", "turkey", "whiskey", "hockey", "keyboard", "keyboard_layout", "keyspace", "GOKEYRING", "hotkey",
		"author", "authority", "XAUTHORITY", "authored", "compass", "bypass", "passenger", "passing", "encompass", "secretary", "obsession", "possession",
		"signal", "design", "tokenizer", "broken", "sacred", "PATH", "HOME", "user", "username", "id", "GOMAXPROCS", "host", "port", "process_id",
		"pat", "pattern", "PATH_PATTERN", "patch", "x-amzn-oidc-identity", "X-MS-Client-Principal-Name", "code", "state",
		"content-type", "x-request-id", "path", "кодировка", "privateer", "unauthorized2",
	}
	var nilRedactor *Redactor
	for _, r := range []*Redactor{nilRedactor, New(nil, false)} {
		for _, name := range secret {
			if !r.Name(name) {
				t.Errorf("Name(%q) = false, want true", name)
			}
		}
		for _, name := range plain {
			if r.Name(name) {
				t.Errorf("Name(%q) = true, want false", name)
			}
		}
	}
	off := New([]string{"internal-id"}, true)
	for _, name := range append(secret, "internal-id") {
		if off.Name(name) {
			t.Errorf("off: Name(%q) = true, want false", name)
		}
	}
}

func TestAddedNames(t *testing.T) {
	r := New([]string{"internal-id", "SSN", "", "--"}, false)
	for name, want := range map[string]bool{
		"X-Internal-Id": true, "internalID": true, "INTERNAL_ID_2": true, "internalid": true, "customer_ssn": true, "ssn": true,
		"password": true, "internal": false, "id": false, "internal-x-id": false, "lesson": false, "": false, "classname": false,
	} {
		if got := r.Name(name); got != want {
			t.Errorf("Name(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestNameDoesNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() {
		secretName("X-Forwarded-For-Some-Client")
	}); n != 0 {
		t.Errorf("a name costs %v allocations, want 0", n)
	}
}

func TestValue(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"DB_PASSWORD", "hunter2", Mark},
		{"DB_PASSWORD", "", ""},
		{"X-Original-Url", "/cb?token=hunter2&a=b", "/cb?token=[redacted]&a=b"},
		{"X-Forwarded-Uri", "/a;jsessionid=hunter2/b?c=d", "/a;jsessionid=[redacted]/b?c=d"},
		{"Location", "cb?a=b&password=hunter2", "cb?a=b&password=[redacted]"},
		{"Location", "/login?token=hunter2&next=https://h/", "/login?token=[redacted]&next=https://h/"},
		{"Refresh", "5; url=/cb?token=hunter2", "5; url=/cb?token=[redacted]"},
		{"Link", "</a?token=hunter2>; rel=next", "</a?token=[redacted]"},
		{"Referer", "https://h/cb?code=4%2F0AX4hunter2&scope=email", "https://h/cb?code=[redacted]&scope=email"},
		{"Location", "/cb?code=x1&state=y", "/cb?code=[redacted]&state=y"},
		{"Location", "/cb?code_verifier=hunter2&SAMLResponse=hunter2", "/cb?code_verifier=[redacted]&SAMLResponse=[redacted]"},
		{"X-Data", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln_-", Mark},
		{"X-Data", "a eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln, b", "a [redacted], b"},
		{"X-Original-Url", "/orders/17?page=3&code=404&country_code=DE", "/orders/17?page=3&code=404&country_code=DE"},
		{"Accept", "text/html;q=0.9, */*", "text/html;q=0.9, */*"},
		{"X-Cursor", "eyJpZCI6MTIzNDU2Nzg5MDEyMzQ1Njc4OTB9", "eyJpZCI6MTIzNDU2Nzg5MDEyMzQ1Njc4OTB9"},
		{"User-Agent", "what? a=b (X11; Linux) eyJ.", "what? a=b (X11; Linux) eyJ."},
		{"DATABASE_URL", "postgres://u:p@h/db", "postgres://u:[redacted]@h/db"},
		{"host", "example.org", "example.org"},
		{"note", "key=value", "key=value"},
	} {
		if got := (*Redactor)(nil).Value(c.name, c.value); got != c.want {
			t.Errorf("Value(%q, %q) = %q, want %q", c.name, c.value, got, c.want)
		}
		if got := New(nil, true).Value(c.name, c.value); got != c.value {
			t.Errorf("off: Value(%q, %q) = %q", c.name, c.value, got)
		}
	}
}

func TestHeader(t *testing.T) {
	given := map[string][]string{
		"Authorization": {"Bearer hunter2", ""},
		"Cookie":        {"a=hunter2; b=c"},
		"Referer":       {"https://h/?token=hunter2"},
		"Accept":        {"text/html", "*/*"},
		"Nothing":       nil,
	}
	before := maps.Clone(given)
	want := map[string][]string{
		"Authorization": {Mark, ""},
		"Cookie":        {Mark},
		"Referer":       {"https://h/?token=[redacted]"},
		"Accept":        {"text/html", "*/*"},
		"Nothing":       {},
	}
	var r *Redactor
	if got := r.Header(given); !reflect.DeepEqual(got, want) {
		t.Errorf("Header = %v, want %v", got, want)
	}
	if !reflect.DeepEqual(given, before) {
		t.Errorf("Header changed what it was given: %v", given)
	}
	if got := r.Header(nil); got != nil {
		t.Errorf("Header(nil) = %v", got)
	}
}

func TestEnv(t *testing.T) {
	given := []string{
		"HOME=/root", "PWD=/srv/app", "OLDPWD=/srv", "PWD=hunter2", "MYSQL_PWD=/hunter2", "DB_PASSWORD=hunter2", "EMPTY_TOKEN=", "nothing", "=C:=C:\\",
		"DATABASE_URL=postgres://app:hunter2@db:5432/app", "DB=user=app password=hunter2 host=db", "OPTS=-Dspring.password=hunter2 -Dport=1",
		`SPRING_APPLICATION_JSON={"spring.datasource.password":"hunter2","port":1}`,
	}
	want := []string{
		"HOME=/root", "PWD=/srv/app", "OLDPWD=/srv", "PWD=[redacted]", "MYSQL_PWD=[redacted]", "DB_PASSWORD=[redacted]", "EMPTY_TOKEN=", "nothing", "=C:=C:\\",
		"DATABASE_URL=postgres://app:[redacted]@db:5432/app", "DB=user=app password=[redacted] host=db", "OPTS=-Dspring.password=[redacted] -Dport=1",
		`SPRING_APPLICATION_JSON={"spring.datasource.password":"[redacted]","port":1}`,
	}
	if got := (*Redactor)(nil).Env(given); !slices.Equal(got, want) {
		t.Errorf("Env =\n%q\nwant\n%q", got, want)
	}
	if got := New(nil, true).Env(given); !slices.Equal(got, given) {
		t.Errorf("off: Env =\n%q\nwant\n%q", got, given)
	}
}

func TestArgs(t *testing.T) {
	for _, c := range []struct{ args, want []string }{
		{nil, []string{}},
		{[]string{"srv", "--password=hunter2", "-v"}, []string{"srv", "--password=[redacted]", "-v"}},
		{[]string{"srv", "--password", "hunter2", "-v"}, []string{"srv", "--password", Mark, "-v"}},
		{[]string{"srv", "-token", "hunter2", "x"}, []string{"srv", "-token", Mark, "x"}},
		{[]string{"srv", "--password", "-hunter2"}, []string{"srv", "--password", Mark}},
		{[]string{"srv", "--auth", "--password", "hunter2", "x"}, []string{"srv", "--auth", Mark, Mark, "x"}},
		{[]string{"srv", "--password"}, []string{"srv", "--password"}},
		{[]string{"srv", "--password", "", "x"}, []string{"srv", "--password", "", "x"}},
		{[]string{"srv", "--password=", "x"}, []string{"srv", "--password=", "x"}},
		{[]string{"srv", "--password=a b=c d"}, []string{"srv", "--password=[redacted]"}},
		{[]string{"srv", "-phunter2", "-p", "80"}, []string{"srv", "-phunter2", "-p", "80"}},
		{[]string{"srv", "password=a b=c"}, []string{"srv", "password=[redacted]"}},
		{[]string{"srv", "-set=db.password=hunter2"}, []string{"srv", "-set=db.password=[redacted]"}},
		{[]string{"srv", "-H", "Authorization: Bearer hunter2"}, []string{"srv", "-H", "Authorization: [redacted]"}},
		{[]string{"srv", "-H", "Cookie: a=hunter2; b=hunter2"}, []string{"srv", "-H", "Cookie: [redacted]"}},
		{[]string{"srv", "-db", "postgres://u:hunter2@h/d"}, []string{"srv", "-db", "postgres://u:[redacted]@h/d"}},
		{[]string{"srv", "-db", "u:hunter2@tcp(h:3306)/d?x=y"}, []string{"srv", "-db", "u:[redacted]@tcp(h:3306)/d?x=y"}},
		{[]string{"srv", "-db=user=a password='hun ter2' host=h"}, []string{"srv", "-db=user=a password='[redacted]' host=h"}},
		{[]string{"sh", "-c", "mysql --password hunter2 -u x"}, []string{"sh", "-c", "mysql --password [redacted] -u x"}},
		{[]string{"srv", "https://h/?api_key=hunter2&x=1"}, []string{"srv", "https://h/?api_key=[redacted]&x=1"}},
		{[]string{"srv", "-config", "app.toml", "--monkey", "business"}, []string{"srv", "-config", "app.toml", "--monkey", "business"}},
		{[]string{"srv", "keyboard=us", "a:b", "12:30", "git@github.com:o/r"}, []string{"srv", "keyboard=us", "a:b", "12:30", "git@github.com:o/r"}},
	} {
		given := slices.Clone(c.args)
		if got := (*Redactor)(nil).Args(c.args); !slices.Equal(got, c.want) {
			t.Errorf("Args(%q) =\n%q, want\n%q", c.args, got, c.want)
		}
		if got := New(nil, true).Args(c.args); !slices.Equal(got, given) {
			t.Errorf("off: Args(%q) = %q", c.args, got)
		}
	}
}

func TestURL(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"https://example.org/a?b=c#d", "https://example.org/a?b=c#d"},
		{"https://u:hunter2@example.org/a", "https://u:[redacted]@example.org/a"},
		{"https://hunter2@example.org/a", "https://[redacted]@example.org/a"},
		{"https://hunter2:x-oauth-basic@github.com/a", "https://[redacted]@github.com/a"},
		{"https://hunter2:@api.stripe.com/", "https://[redacted]@api.stripe.com/"},
		{"ssh://git@github.com/a", "ssh://git@github.com/a"},
		{"redis://:hunter2@h:6379/0", "redis://:[redacted]@h:6379/0"},
		{"postgres://u:@h/d", "postgres://u:@h/d"},
		{"postgres://u:hun@ter2@h/d", "postgres://u:[redacted]@h/d"},
		{"postgres://u:hun/ter2@h/d", "postgres://u:[redacted]@h/d"},
		{"postgres://u:12/34@h/d", "postgres://u:[redacted]@h/d"},
		{"postgres://u:hun#ter2@h/d", "postgres://u:[redacted]@h/d"},
		{"postgres://u:hun?ter2@h/d?sslmode=disable", "postgres://u:[redacted]@h/d?sslmode=disable"},
		{"postgres://u@x:hun/ter2@h/d", "postgres://u@x:[redacted]@h/d"},
		{"postgres://u:hun ter2@h/d", "postgres://u:[redacted]@h/d"},
		{"https://u:%zz@h/", "https://u:[redacted]@h/"},
		{"mongodb://u:hunter2@h1:27017,h2:27017/d", "mongodb://u:[redacted]@h1:27017,h2:27017/d"},
		{"mongodb://h1:27017,h2:27017/d?x=a@b", "mongodb://h1:27017,h2:27017/d?x=a@b"},
		{"http://[::1]:8080/a@b", "http://[::1]:8080/a@b"},
		{"http://h:8080/users/a@b", "http://h:8080/users/a@b"},
		{"https://h/?token=hunter2", "https://h/?token=[redacted]"},
		{"https://h/?token=", "https://h/?token="},
		{"https://h/?a=1&token=hun;ter2#hunter2&b=2", "https://h/?a=1&token=[redacted]&b=2"},
		{"https://h/?a=1;token=hunter2&b=2", "https://h/?a=1;token=[redacted]&b=2"},
		{"https://h/?access%5Ftoken=hunter2", "https://h/?access%5Ftoken=[redacted]"},
		{"https://h/?user[password]=hunter2", "https://h/?user[password]=[redacted]"},
		{"https://h/?to%zzken&password=hunter2", "https://h/?to%zzken&password=[redacted]"},
		{"https://h/cb#access_token=hunter2&state=1", "https://h/cb#access_token=[redacted]&state=1"},
		{"https://h/a;jsessionid=hunter2/b?c=d", "https://h/a;jsessionid=[redacted]/b?c=d"},
		{"https://h/?next=https%3A%2F%2Fu%3Ahunter2%40h", "https://h/?next=[redacted]"},
		{"https://h/?next=https://u:hunter2@h/x", "https://h/?next=https://u:[redacted]@h/x"},
		{"/a?token=hunter2&next=https://u:hunter2@h/x?code=hunter22", "/a?token=[redacted]&next=https://u:[redacted]@h/x?code=[redacted]"},
		{"/a?next=https://h/&token=hunter2", "/a?next=https://h/&token=[redacted]"},
		{"/path?token=hunter2&a=b", "/path?token=[redacted]&a=b"},
		{"?password=hunter2", "?password=[redacted]"},
		{"unix:///run/x.sock", "unix:///run/x.sock"},
		{"jdbc:postgresql://u:hunter2@h/d", "jdbc:postgresql://u:[redacted]@h/d"},
		{"://", "://"}, {"a://", "a://"}, {"a://@", "a://@"}, {"a://:@", "a://:@"}, {"%", "%"},
	} {
		if got := (*Redactor)(nil).URL(c.in); got != c.want {
			t.Errorf("URL(%q) =\n%q, want\n%q", c.in, got, c.want)
		}
		if got := New(nil, true).URL(c.in); got != c.in {
			t.Errorf("off: URL(%q) = %q", c.in, got)
		}
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"plain words, and a: colon", "plain words, and a: colon"},
		{"dial postgres://u:hunter2@h/d failed", "dial postgres://u:[redacted]@h/d failed"},
		{"two http://a:x1@h/ and http://b:x2@h/.", "two http://a:[redacted]@h/ and http://b:[redacted]@h/."},
		{"dial postgres://u:hun ter2@h/d failed", "dial postgres://u:[redacted]@h/d failed"},
		{"postgres://u:p ostgres://v:hunter2@h x", "postgres://u:[redacted]@h x"},
		{"user=a password=hunter2 host=h", "user=a password=[redacted] host=h"},
		{"user=a password='hun\\' ter2' host=h", "user=a password='[redacted]' host=h"},
		{"user=a password = hunter2", "user=a password = [redacted]"},
		{"Server=s;Password=hun ter;2;User Id=sa", "Server=s;Password=[redacted];User Id=sa"},
		{"Driver=x;Pwd={hun;ter2}more;Server=s", "Driver=x;Pwd=[redacted];Server=s"},
		{"h:6379,password=hun,ter2,ssl=True", "h:6379,password=[redacted],ssl=True"},
		{"AccountName=a;AccountKey=aGk==;EndpointSuffix=s", "AccountName=a;AccountKey=[redacted];EndpointSuffix=s"},
		{`password="hunt"er2 x=y`, `password=[redacted] x=y`},
		{`password="hunter2" failed`, `password="[redacted]" failed`},
		{`password=""`, `password=""`},
		{`{"token": "hunter2", "n": 1}`, `{"token": "[redacted]", "n": 1}`},
		{`{"token": "hun\"ter2", "n": 1}`, `{"token": "[redacted]", "n": 1}`},
		{`{"token": {"a": "hunter2}"}, "n": 1}`, `{"token": [redacted], "n": 1}`},
		{`{"token": 12345, "n": 1}`, `{"token": [redacted], "n": 1}`},
		{`"{\"token\":\"hunter2\",\"n\":1}"`, `"{\"token\":\"[redacted]\",\"n\":1}"`},
		{"Authorization: Basic hunter2\nHost: x", "Authorization: [redacted]\nHost: x"},
		{`Get "http://h/p?api_key=hunter2": dial tcp: refused`, `Get "http://h/p?api_key=[redacted]": dial tcp: refused`},
		{`Get "http://h/p?a=b&api_key=hunter2": EOF; password=hunter2 x=y`, `Get "http://h/p?a=b&api_key=[redacted]": EOF; password=[redacted] x=y`},
		{`Get "http://h/p?api_key=hun\"ter2": EOF`, `Get "http://h/p?api_key=[redacted]": EOF`},
		{"parse `password=hunter2`: no", "parse `password=[redacted]`: no"},
		{`cannot parse "host=h password=hun\"ter2 x": no`, `cannot parse "host=h password=[redacted]": no`},
		{`{"db": "host=h password=hunter2", "n": 1}`, `{"db": "host=h password=[redacted]", "n": 1}`},
		{`Get "http://h/p?api_key=hunter2&token=hun ter2": EOF`, `Get "http://h/p?api_key=[redacted]&token=[redacted]": EOF`},
		{`he said "no", password=hun"ter2`, `he said "no", password=[redacted]`},
		{"Authorization: Bearer hunter2 was refused", "Authorization: [redacted] was refused"},
		{"Authorization: Bearer hun ter2{", "Authorization: [redacted] ter2{"},
		{"Authorization: Bearer hun{ter2 x", "Authorization: [redacted]"},
		{"Authorization: basic aGk=: refused", "Authorization: [redacted]: refused"},
		{`Authorization: Digest username="a", response="hunter2"`, "Authorization: [redacted]"},
		{"got Bearer hunter2 there", "got Bearer [redacted] there"},
		{"a --token hunter2 b", "a --token [redacted] b"},
		{"a --token 'hun ter2' b", "a --token '[redacted]' b"},
		{"a --token --verbose", "a --token [redacted]"},
		{"u:hun/t@er2@tcp(h)/d", "u:[redacted]@tcp(h)/d"},
		{"u:hun/ter2@/d", "u:[redacted]@/d"},
		{"u:hunter2@h:5672", "u:[redacted]@h:5672"},
		{"nginx:1.25@sha256:abcd reg:5000/img@v1", "nginx:1.25@sha256:abcd reg:5000/img@v1"},
		{"mailto:joe@example.org", "mailto:joe@example.org"},
		{"token=", "token="}, {"token= ", "token= "}, {"token:\n", "token:\n"}, {"--token ", "--token "},
	} {
		var r *Redactor
		got := r.Text(c.in)
		if got != c.want {
			t.Errorf("Text(%q) =\n%q, want\n%q", c.in, got, c.want)
		}
		if again := r.Text(got); again != got {
			t.Errorf("Text(Text(%q)) = %q, want %q", c.in, again, got)
		}
		if got := New(nil, true).Text(c.in); got != c.in {
			t.Errorf("off: Text(%q) = %q", c.in, got)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	r := New([]string{"extra"}, false)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				if !r.Name("extra_id") || r.Text("password=x") != "password=[redacted]" {
					t.Error("wrong answer under concurrent use")
				}
			}
		})
	}
	wg.Wait()
}
