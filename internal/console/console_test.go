package console

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func TestPlainOutputHasNoControlCharacters(t *testing.T) {
	var b bytes.Buffer
	c := New(&b, Options{})
	c.Heading("sign", "1 up to date")
	end := c.Begin("a.exe")
	end()
	c.Done("a.exe", "by test", 1250*time.Millisecond)
	c.Warn("first line\nsecond line")
	c.Detail("not shown")
	c.Heading("verify", "")
	c.Done("a.exe", "", time.Second)
	c.Failed("b.exe", time.Second)
	want := "sign               1 up to date\n                   ok      a.exe  by test  1.25s\n  warning  first line\n           second line\n" +
		"verify             ok      a.exe  1s\n                   failed  b.exe  1s\n"
	if b.String() != want {
		t.Errorf("got\n%q\nwant\n%q", b.String(), want)
	}
}

func TestColourAndLiveLineOnlyWhenAsked(t *testing.T) {
	var b bytes.Buffer
	now := time.Unix(0, 0)
	c := New(&b, Options{Terminal: true, Width: 30, Now: func() time.Time { return now }})
	end := c.Begin(strings.Repeat("x", 60))
	c.Line("between")
	end()
	out := b.String()
	if strings.Contains(out, "\x1b[3") {
		t.Errorf("colour in %q", out)
	}
	if !strings.HasSuffix(out, "\r\x1b[K") {
		t.Errorf("live line is not cleared at the end: %q", out)
	}
	for _, line := range strings.Split(strings.ReplaceAll(out, "\r\x1b[K", "\n"), "\n") {
		if n := len([]rune(line)); n >= 30 {
			t.Errorf("line of %d columns would wrap: %q", n, line)
		}
	}
	b.Reset()
	New(&b, Options{Colour: true}).Heading("sign", "off")
	if b.String() != "\x1b[1msign\x1b[0m               \x1b[2moff\x1b[0m\n" {
		t.Errorf("got %q", b.String())
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1900 * time.Microsecond: "2ms", 12345 * time.Millisecond: "12.35s", 190 * time.Second: "3m10s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%d) is %s, want %s", d, got, want)
		}
	}
}

// Elsewhere than on a terminal long work does not look dead.
func TestALineAMinute(t *testing.T) {
	var b bytes.Buffer
	now := time.Unix(0, 0)
	c := New(&b, Options{Now: func() time.Time { return now }})
	c.Heading("build", "")
	end := c.Begin("a.exe windows/amd64 (./cmd/a)")
	now = now.Add(2 * time.Minute)
	c.beat()
	end()
	c.beat()
	if want := "  …   2m0s  build  a.exe windows/amd64 (./cmd/a)\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestEvents(t *testing.T) {
	var got []string
	c := New(io.Discard, Options{Events: func(name string, data map[string]any) {
		got = append(got, fmt.Sprint(name, " ", data["step"], " ", data["state"], " ", data["text"]))
	}})
	c.Heading("sign", "up to date")
	c.Heading("verify", "")
	c.Note("n %d", 1)
	c.Warn("w")
	c.Event("mine", map[string]any{"text": "t"})
	want := "step sign up to date <nil>|step verify <nil> <nil>|note <nil> <nil> n 1|warning <nil> <nil> w|mine <nil> <nil> t"
	if text := strings.Join(got, "|"); text != want {
		t.Errorf("got %s", text)
	}
}
