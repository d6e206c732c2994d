package ledger

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func open(t *testing.T, path string) *Ledger {
	t.Helper()
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func record(step, unit, sum string) Record {
	return Record{Step: step, Unit: unit, Config: json.RawMessage(`{"digest":"sha256"}`),
		Inputs: map[string]string{"in/" + unit: "aa"}, Outputs: map[string]string{"dist/" + step + "/" + unit: sum}, Facts: map[string]string{"by": "test"}}
}

func TestWhatIsPutIsThereTheNextTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dist", "release.json")
	l := open(t, path)
	l.SetProduct("tiny", "1.2.3", true)
	l.SetArtifacts([]Artifact{{ID: "b", Name: "b.exe", GOOS: "windows", GOARCH: "amd64"}, {ID: "a", Name: "a.exe", GOOS: "windows", GOARCH: "386"}})
	l.SetShipped(map[string]string{"dist/x": "ff"})
	for _, r := range []Record{record("sign", "b", "01"), record("build", "all", "02"), record("sign", "a", "03"), record("sign", "b", "04")} {
		if err := l.Put(r); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, path)
	if got, ok := again.Record("sign", "b"); !ok || got.Outputs["dist/sign/b"] != "04" || got.Facts["by"] != "test" {
		t.Errorf("sign b is %+v, %v, want what was put last", got, ok)
	}
	if got := again.Records("sign"); len(got) != 2 || got[0].Unit != "a" || got[1].Unit != "b" {
		t.Errorf("records of sign are %+v, want a and b", got)
	}
	if got := again.Artifacts(); len(got) != 2 || got[0].File() != "a_windows_386/a.exe" {
		t.Errorf("artifacts are %+v, want them sorted", got)
	}
	if !again.data.Test || again.Shipped()["dist/x"] != "ff" {
		t.Error("the test flag or what is shipped was lost")
	}
	if got := again.Owner("dist/build/all"); got != "build" {
		t.Errorf("owner is %q, want build", got)
	}
	if got := again.Owner("dist/none"); got != "" {
		t.Errorf("owner of a stranger's file is %q", got)
	}
}

func TestDrop(t *testing.T) {
	path := filepath.Join(t.TempDir(), "release.json")
	l := open(t, path)
	for _, u := range []string{"a", "b"} {
		if err := l.Put(record("sign", u, "01")); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // what is not there is not an error
		if err := l.Drop("sign", "a"); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, path)
	if _, ok := again.Record("sign", "a"); ok {
		t.Error("a is still there")
	}
	if _, ok := again.Record("sign", "b"); !ok {
		t.Error("b is gone")
	}
}

func TestFilesThatAreNotOurs(t *testing.T) {
	for name, c := range map[string]struct{ text, fails string }{
		"another schema": {`{"schema": 99, "records": [{"step": "sign", "unit": "a"}]}`, ""},
		"not JSON":       {"{", "hint: delete the file"},
		"wrong type":     {`{"schema": 1, "records": {}}`, "hint: delete the file"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "release.json")
			if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			l, err := Open(path)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) || !strings.Contains(err.Error(), path) {
					t.Errorf("error is %v, want the file and %q", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := l.Record("sign", "a"); ok {
				t.Error("a record of another schema was taken over")
			}
		})
	}
}

func TestEqualContentIsNotWrittenAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "release.json")
	l := open(t, path)
	if err := l.Put(record("sign", "a", "01")); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Put(record("sign", "a", "01")); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) {
		t.Error("the same content was written a second time")
	}
}

func TestTheOrderOfWorkDoesNotShow(t *testing.T) {
	var texts []string
	for _, order := range [][]string{{"a", "b", "c"}, {"c", "a", "b"}} {
		path := filepath.Join(t.TempDir(), "release.json")
		l := open(t, path)
		for _, u := range order {
			if err := l.Put(record("sign", u, "01")); err != nil {
				t.Fatal(err)
			}
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(b))
	}
	if !reflect.DeepEqual(texts[0], texts[1]) {
		t.Errorf("two orders give two files:\n%s\n%s", texts[0], texts[1])
	}
}

func TestSideBySide(t *testing.T) {
	path := filepath.Join(t.TempDir(), "release.json")
	l := open(t, path)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if err := l.Put(record("sign", strconv.Itoa(i), "01")); err != nil {
				t.Error(err)
			}
			l.Records("sign")
			l.Owner("dist/sign/0")
		})
	}
	wg.Wait()
	if got := open(t, path).Records("sign"); len(got) != 20 {
		t.Errorf("%d records, want 20", len(got))
	}
}
