package console

import (
	"bytes"
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
	want := "sign  1 up to date\n  ok      a.exe  by test  1.25s\n  warning  first line\n           second line\n"
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
	New(&b, Options{Colour: true}).Heading("sign", "")
	if b.String() != "\x1b[1msign\x1b[0m\n" {
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
