package bench

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/internal/identity"
)

func TestRatioIsPairByPair(t *testing.T) {
	for name, c := range map[string]struct {
		a, b []float64
		want float64
	}{
		"equal":                       {[]float64{1, 2, 3}, []float64{1, 2, 3}, 1},
		"machine that gets slower":    {[]float64{1, 2, 10}, []float64{2, 4, 20}, 0.5},
		"one bad pair":                {[]float64{1, 100, 1}, []float64{2, 2, 2}, 0.5},
		"even number: middle of both": {[]float64{1, 3}, []float64{1, 1}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ratio(c.a, c.b); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestTable(t *testing.T) {
	tab := table{machine: "somewhere"}
	tab.compare("faster", []float64{1e6}, []float64{4e6}, 0.5, "tool", duration)
	tab.compare("slower", []float64{3e6}, []float64{4e6}, 0.5, "tool", duration)
	tab.compare("alone", []float64{3e6}, nil, 0.5, "", duration)
	tab.add("small", 10<<20, 24<<20, size)
	tab.add("large", 25<<20, 24<<20, size)
	tab.note("a note")
	got := strings.Join(strings.Fields(tab.String()), " ")
	want := "somewhere what ours other ratio bar" +
		" faster 1.0 ms tool 4.0 ms 0.25 ≤ 0.50 ok" +
		" slower 3.0 ms tool 4.0 ms 0.75 ≤ 0.50 over" +
		" alone 3.0 ms" +
		" small 10.0 MiB ≤ 24.0 MiB ok" +
		" large 25.0 MiB ≤ 24.0 MiB over" +
		" a note"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestDuration(t *testing.T) {
	for ns, want := range map[float64]string{1500: "1.5 µs", 2.5e6: "2.5 ms", 1.5e9: "1500 ms", 12e9: "12.0 s"} {
		if got := duration(ns); got != want {
			t.Errorf("%v is %q, want %q", ns, got, want)
		}
	}
}

func launched(t *testing.T) *session {
	t.Helper()
	s := &session{dir: t.TempDir()}
	if err := s.buildLauncher(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestOnce measures what is known: a program that waits, one that fails, one that is not there.
func TestOnce(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	s := launched(t)
	ctx := context.Background()
	u, err := s.once(ctx, command{args: []string{"sh", "-c", "sleep 0.2"}})
	if err != nil || u.Wall < 200*time.Millisecond || u.CPU > u.Wall || u.Peak == 0 {
		t.Errorf("usage %+v, error %v", u, err)
	}
	if runtime.GOOS == "linux" && u.Peak > 16<<20 {
		t.Errorf("a shell took %d bytes: was the memory of this test counted?", u.Peak)
	}
	_, err = s.once(ctx, command{args: []string{"sh", "-c", "echo why; exit 3"}})
	if err == nil || !strings.Contains(err.Error(), "exit status 3\nwhy") {
		t.Errorf("error %v", err)
	}
	if _, err := s.once(ctx, command{args: []string{filepath.Join(s.dir, "nothing")}}); err == nil {
		t.Error("a program that is not there gave no error")
	}
}

// TestInTurn: the run before counting happens, and commands take turns.
func TestInTurn(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	s := launched(t)
	var order strings.Builder
	c := func(name string) command {
		return command{args: []string{"sh", "-c", ":"}, clean: func() error { order.WriteString(name); return nil }}
	}
	all, err := s.inTurn(context.Background(), 2, c("a"), c("b"))
	if err != nil || order.String() != "ababab" || len(all) != 2 || len(all[0]) != 2 {
		t.Errorf("order %s, %d commands, error %v", order.String(), len(all), err)
	}
}

// TestStartOn: a program on one processor knows of one only.
func TestStartOn(t *testing.T) {
	if !canPin {
		t.Skip("only Linux binds programs to processors here")
	}
	s := launched(t)
	out := filepath.Join(s.dir, "n")
	if _, err := s.once(context.Background(), command{args: []string{"sh", "-c", "nproc > " + out}, cpus: 1}); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(out); strings.TrimSpace(string(b)) != "1" {
		t.Errorf("the program saw %s processors", b)
	}
}

// TestKey: identity opens the key and takes it for a good one.
func TestKey(t *testing.T) {
	k, err := makeKey(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	id, err := identity.Open(context.Background(), "pkcs12:"+k.pfx, identity.Options{
		Password: "env:" + passwordVariable, ChainFiles: []string{k.root}, Getenv: func(string) string { return password },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer id.Close()
	if err := identity.Err(id.Judge(time.Now())); err != nil {
		t.Error(err)
	}
	b, err := os.ReadFile(k.root)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(b)
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil || !root.Equal(id.Root) {
		t.Errorf("the root is not that of the key: %v", err)
	}
}

func TestPolicyOf(t *testing.T) {
	p, err := cipolicy.ReadBytes(policyOf(100).XML())
	if err != nil || len(p.FileRules) != 100 {
		t.Errorf("error %v", err)
	}
}

func TestLinked(t *testing.T) {
	from, dir := t.TempDir(), t.TempDir()
	for _, n := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(from, n), []byte("12345"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	total, err := linked(dir, from, 3)
	if err != nil || total != 30 {
		t.Errorf("%d bytes, error %v", total, err)
	}
	if all, _ := filepath.Glob(filepath.Join(dir, "*", "*")); len(all) != 6 {
		t.Errorf("%d links", len(all))
	}
}

// TestHostileSignatureIsRebuilt: what is taken apart and put together again is
// the same message, with more in one field.
func TestHostileSignatureIsRebuilt(t *testing.T) {
	p7 := wrap(0x30, append([]byte{6, 1, 42}, wrap(0xa0, wrap(0x30, []byte{2, 1, 1, 0x31, 2, 5, 0, 0x30, 0, 0xa0, 0, 0x31, 0}))...))
	got := rebuilt(p7, 1, []byte{5, 0})
	if want := []byte{5, 0, 5, 0}; !bytes.Equal(content(part(got, 1)), want) {
		t.Errorf("field 1 holds %x, want %x", content(part(got, 1)), want)
	}
	if n := len(children(content(children(got)[1]))); n != 5 {
		t.Errorf("%d fields", n)
	}
	file := append(make([]byte, 0x200), 1)
	file[0x3c] = 0x40
	if out := withTable(file, []byte{1, 2, 3}); len(out) != len(file)+16 || out[0x40+24+112+36] != 16 {
		t.Errorf("the table is not recorded: %x", out[0x40+24+112+32:][:8])
	}
}
