package fs_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hugelgupf/p9/linux"
	"github.com/hugelgupf/p9/p9"

	"github.com/ispyd/ispyd/fs"
	"github.com/ispyd/ispyd/nodes"
)

// withoutTimes takes the time out of each line, and puts words for who we are.
func withoutTimes(t *testing.T, s string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(s) {
		at, rest, _ := strings.Cut(line, "\t")
		if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)$`).MatchString(at) {
			t.Errorf("not a time: %q", at)
		}
		rest = strings.Replace(rest, fmt.Sprintf("\t%d\t%d\t", os.Geteuid(), os.Getpid()), "\tUID\tPID\t", 1)
		b.WriteString(rest)
	}
	return b.String()
}

func write(f p9.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}

func TestRecords(t *testing.T) {
	s := start(t, fs.Options{})
	root := s.attach(t)
	f := open(t, root, "ctl", p9.ReadWrite)
	for _, w := range []string{"ok\n", "bad\n", "frob\there \x01 \xff\nok"} {
		write(f, w)
	}
	tryOpen(root, "nothing", p9.ReadOnly)
	tryOpen(root, "names/nume", p9.ReadOnly)
	tryOpen(root, "process/pid/x", p9.ReadOnly)
	tryOpen(root, "fails", p9.ReadOnly)
	tryOpen(root, "process/pid", p9.WriteOnly)
	write(f, "bad "+strings.Repeat("x", 5000))
	want := "" +
		"write\tctl\tEBUSY\tUID\tPID\tsomebody else is at it\n" +
		"write\tctl\tEINVAL\tUID\tPID\tline 1: frob: unknown verb; the verbs are ok, bad, panic, block\n" +
		"walk\tnames/nume\tENOENT\tUID\tPID\tnume is no name (near: nome)\n" +
		"walk\tprocess/pid/x\tENOTDIR\tUID\tPID\tpid is a file\n" +
		"open\tfails\tEOPNOTSUPP\tUID\tPID\tnot on this machine\n" +
		"open\tprocess/pid\tEACCES\tUID\tPID\tpid is read only\n" +
		"write\tctl\tEINVAL\tUID\tPID\tbad takes no arguments"
	if got := withoutTimes(t, text(t, s.records.Errors())); !strings.HasPrefix(got, want) {
		t.Errorf("errors:\n%s\nwant:\n%s", got, want)
	}
	want = "" +
		"write\tctl\tok\tUID\tPID\tok\\n\n" +
		"write\tctl\tEBUSY\tUID\tPID\tbad\\n\n" +
		"write\tctl\tEINVAL\tUID\tPID\tfrob\\there \\x01 \\xff\\nok\n" +
		"open\tprocess/pid\tEACCES\tUID\tPID\tpid is read only\n" +
		"write\tctl\tEINVAL\tUID\tPID\tbad " + strings.Repeat("x", 1020) + "... [1024 of 5004 bytes]\n"
	if got := withoutTimes(t, text(t, s.records.Audit())); got != want {
		t.Errorf("audit:\n%s\nwant:\n%s", got, want)
	}
	s.log.wait(t, `path=ctl result=ok`)
}

func TestAuditReads(t *testing.T) {
	s := start(t, fs.Options{AuditReads: true})
	root := s.attach(t)
	cat(t, root, "process/args")
	cat(t, root, "process/pid")
	if _, err := list(root, "process"); err != nil {
		t.Fatal(err)
	}
	want := "" +
		"read\tprocess/args\tok\tUID\tPID\t\n" +
		"read\tprocess/pid\tok\tUID\tPID\t\n" +
		"list\tprocess\tok\tUID\tPID\t\n"
	if got := withoutTimes(t, text(t, s.records.Audit())); got != want {
		t.Errorf("audit:\n%s\nwant:\n%s", got, want)
	}
}

// A write for which there is no memory has failed, too.
func TestAuditOfRefusedWrite(t *testing.T) {
	s := start(t, fs.Options{Limits: fs.Limits{Held: 1 << 10}})
	f := open(t, s.attach(t), "ctl", p9.WriteOnly)
	if err := write(f, "ok "+strings.Repeat("x", 2<<10)); err != linux.ENOMEM {
		t.Fatal(err)
	}
	if got := text(t, s.records.Audit()); !strings.Contains(got, "\twrite\tctl\tENOMEM\t") {
		t.Errorf("audit: %s", got)
	}
}

// Every audited operation is a message of the program's logger, reads as well.
func TestAuditIsLogged(t *testing.T) {
	s := start(t, fs.Options{AuditReads: true})
	root := s.attach(t)
	f := open(t, root, "ctl", p9.WriteOnly)
	write(f, "ok")
	write(f, "bad")
	cat(t, root, "process/pid")
	tryOpen(root, "process/pid", p9.WriteOnly)
	who := fmt.Sprintf(" uid=%d pid=%d text=", os.Geteuid(), os.Getpid())
	for _, want := range []string{
		"op=write path=ctl result=ok" + who + "ok",
		"op=write path=ctl result=EBUSY" + who + "bad",
		"op=read path=process/pid result=ok" + who + `""`,
		"op=open path=process/pid result=EACCES" + who + `"pid is read only"`,
	} {
		s.log.wait(t, `level=INFO msg="ispyd: audit" `+want)
	}
}

// What a client waits for in vain is listed, for it tells of what hangs.
func TestCancelIsListed(t *testing.T) {
	tr := newTree()
	s := start(t, fs.Options{Root: tr.root})
	c := rawSession(t, s.addr)
	rawCall(t, c, twalk(1, 0, 1, "ctl"))
	rawCall(t, c, tlopen(1, 1, 1))
	c.Write(twrite(7, 1, 0, "block"))
	tr.await(t, "blocking", 1)
	c.Write(tflush(8, 7))
	if r, err := rawReply(c); err != nil || r[4] != 7 {
		t.Fatal(r, err)
	}
	if got := text(t, s.records.Errors()); !strings.Contains(got, "\twrite\tctl\tEINTR\t") || !strings.HasSuffix(got, "\tgiven up by the client before it was done\n") {
		t.Errorf("errors: %s", got)
	}
	if got := text(t, s.records.Audit()); !strings.Contains(got, "\twrite\tctl\tEINTR\t") {
		t.Errorf("audit: %s", got)
	}
}

func TestSettings(t *testing.T) {
	s := start(t, fs.Options{})
	root := s.attach(t)
	f := open(t, root, "level", p9.WriteOnly)
	const head = "setting\tvalue\town\tuid\tpid\tsince\tuntil\tnote\n"
	check := func(want string) string {
		t.Helper()
		got := text(t, s.records.Settings())
		since := regexp.MustCompile(`\d{4}-\S+$`).FindString(strings.TrimSpace(got))
		got = strings.Replace(got, fmt.Sprintf("\t%d\t%d\t", os.Geteuid(), os.Getpid()), "\tUID\tPID\t", 1)
		if since != "" {
			got = strings.Replace(got, since, "SINCE", 1)
		}
		if got != head+want {
			t.Errorf("settings:\n%s\nwant:\n%s%s", got, head, want)
		}
		return since
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check("")
	if err := write(f, "77"); err != linux.EINVAL {
		t.Fatal(err)
	}
	check("")
	must(write(f, "5"))
	since := check("level\t5\t3\tUID\tPID\tSINCE\t\t\n")
	// Since is when the value was set: the same again changes nothing.
	tick := func() {
		for began := time.Now(); time.Since(began) < 2*time.Millisecond; {
			runtime.Gosched()
		}
	}
	tick()
	must(write(f, "5"))
	if again := check("level\t5\t3\tUID\tPID\tSINCE\t\t\n"); again != since {
		t.Errorf("the same again: since %s, then %s", since, again)
	}
	must(write(f, "6"))
	if again := check("level\t6\t3\tUID\tPID\tSINCE\t\t\n"); again <= since {
		t.Errorf("another: since %s, then %s", since, again)
	}
	must(write(f, "3"))
	check("")
	must(write(f, "3"))
	check("")
}

// Writers at once: the program's own value is told all the same.
func TestSettingsAtOnce(t *testing.T) {
	s := start(t, fs.Options{})
	var files []p9.File
	for range 8 {
		files = append(files, open(t, s.attach(t), "level", p9.WriteOnly))
	}
	for range 50 {
		var wg sync.WaitGroup
		for i, f := range files {
			wg.Go(func() {
				for j := range 3 {
					write(f, fmt.Sprint(4+(i+j)%5))
				}
			})
		}
		wg.Wait()
		if got := text(t, s.records.Settings()); !regexp.MustCompile(`\nlevel\t[4-8]\t3\t`).MatchString(got) {
			t.Fatal(got)
		}
		write(files[0], "3")
		if got := text(t, s.records.Settings()); strings.Contains(got, "level") {
			t.Fatal(got)
		}
	}
}

func TestReadOnly(t *testing.T) {
	s := start(t, fs.Options{ReadOnly: true})
	root := s.attach(t)
	for _, path := range []string{"level", "ctl", "session"} {
		if _, err := tryOpen(root, path, p9.ReadWrite); err != linux.EACCES {
			t.Errorf("%s: %v", path, err)
		}
	}
	if got := cat(t, root, "level"); got != "3\n" {
		t.Errorf("level %q", got)
	}
	_, f, err := root.Walk([]string{"level"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, a, err := f.GetAttr(p9.AttrMaskAll); err != nil || a.Mode != p9.ModeRegular|0o400 {
		t.Error(a.Mode, err)
	}
	if err := f.SetAttr(p9.SetAttrMask{Size: true}, p9.SetAttr{}); err != linux.EACCES {
		t.Error(err)
	}
	want := "open\tlevel\tEACCES\tUID\tPID\tnothing can be written: readonly = true in the configuration\n"
	if got := withoutTimes(t, text(t, s.records.Errors())); !strings.HasPrefix(got, want) {
		t.Errorf("errors: %s", got)
	}
}

func TestRemote(t *testing.T) {
	for _, allow := range []bool{false, true} {
		records := fs.NewRecords()
		s := fs.NewServer(fs.Options{Root: newTree().root, AllowRemote: allow, Records: records})
		l, err := fs.Listen("localhost:0")
		if err != nil {
			t.Fatal(err)
		}
		go s.Serve(l)
		nc, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		root := attach(t, nc)
		if got := cat(t, root, "level"); got != "3\n" {
			t.Errorf("level %q", got)
		}
		f, err := tryOpen(root, "level", p9.WriteOnly)
		if allow {
			if err == nil {
				err = write(f, "5")
			}
			if err != nil {
				t.Errorf("allowed: %v", err)
			}
			if got := text(t, records.Audit()); !strings.Contains(got, "\twrite\tlevel\tok\t-1\t-1\t5\n") {
				t.Error(got)
			}
		} else {
			if err != linux.EACCES {
				t.Errorf("not allowed: %v", err)
			}
			if got := text(t, records.Errors()); !strings.Contains(got, "allow-remote = true") {
				t.Error(got)
			}
		}
		s.Close()
	}
}

// The nodes are told who asks.
func TestPeer(t *testing.T) {
	who := nodes.Value("who", "who asks", func(ctx context.Context) (string, error) {
		p := nodes.PeerFrom(ctx)
		return fmt.Sprintf("uid %d pid %d addr %q", p.UID, p.PID, p.Addr), nil
	})
	s := start(t, fs.Options{Root: nodes.Directory("", "", who)})
	want := fmt.Sprintf("uid %d pid %d addr \"\"\n", os.Geteuid(), os.Getpid())
	if got := cat(t, s.attach(t), "who"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// What is written to a variable whose name tells of a secret is not kept, its length is;
// what is written to other files is.
func TestAuditOfSecrets(t *testing.T) {
	s := start(t, fs.Options{Secret: func(string) bool { return true }})
	root := s.attach(t)
	write(open(t, root, "level", p9.WriteOnly), "7")
	write(open(t, root, "ctl", p9.WriteOnly), "ok")
	want := "" +
		"write\tlevel\tok\tUID\tPID\t[1 bytes, redacted]\n" +
		"write\tctl\tok\tUID\tPID\tok\n"
	if got := withoutTimes(t, text(t, s.records.Audit())); got != want {
		t.Errorf("audit:\n%s\nwant:\n%s", got, want)
	}
}
