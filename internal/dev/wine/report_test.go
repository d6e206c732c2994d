package wine

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	events := `{"Action":"build-output","ImportPath":"p","Output":"p.go:1: broken\n"}
{"Action":"run","Package":"github.com/hallmark-dev/hallmark/internal/a","Test":"TestX"}
{"Action":"output","Package":"github.com/hallmark-dev/hallmark/internal/a","Test":"TestX","Output":"=== RUN   TestX\n"}
{"Action":"output","Package":"github.com/hallmark-dev/hallmark/internal/a","Test":"TestX","Output":"    a_test.go:7: no tool\n"}
{"Action":"skip","Package":"github.com/hallmark-dev/hallmark/internal/a","Test":"TestX","Elapsed":0.1}
{"Action":"output","Package":"github.com/hallmark-dev/hallmark/internal/a","Test":"TestY","Output":"    a_test.go:9: got 1\n"}
{"Action":"fail","Package":"github.com/hallmark-dev/hallmark/internal/a","Test":"TestY","Elapsed":0.2}
{"Action":"pass","Package":"github.com/hallmark-dev/hallmark/internal/a","Test":"TestZ","Elapsed":0}
{"Action":"pass","Package":"github.com/hallmark-dev/hallmark/internal/b","Elapsed":1}
`
	var out strings.Builder
	if err := report(strings.NewReader(events), &out); err != nil {
		t.Fatal(err)
	}
	want := `p.go:1: broken
FAIL internal/a TestY (0.2s)
    a_test.go:9: got 1
ok   github.com/hallmark-dev/hallmark/internal/b (1.0s)
1 tests passed, 1 failed; skipped:
    1  no tool (internal/a TestX)
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	if err := report(strings.NewReader("{"), &out); err == nil {
		t.Error("half an event is no error")
	}
}

func TestWindowsPath(t *testing.T) {
	if got := windows("/tmp/a b/c"); got != `Z:\tmp\a b\c` {
		t.Errorf("got %s", got)
	}
}
