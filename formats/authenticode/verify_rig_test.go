package authenticode_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestTableAsWindows holds the verdicts of the table, and with TestVerifyTable ours,
// against Microsoft's own wintrust.dll.
func TestTableAsWindows(t *testing.T) {
	if testing.Short() {
		t.Skip("needs wine")
	}
	rig := formatstest.NewRig(t)
	v := newVfiles(t)
	dir := t.TempDir()
	var files []string
	var cases []vcase
	for _, c := range vcases() {
		if c.norig != "" {
			continue
		}
		path := filepath.Join(dir, strconv.Itoa(len(files))+".exe")
		if err := os.WriteFile(path, c.file(v), 0o600); err != nil {
			t.Fatal(err)
		}
		files, cases = append(files, path), append(cases, c)
	}
	for i, got := range rig.Verify(files...) {
		if want := cases[i].windows; got.HRESULT != uint32(want) {
			t.Errorf("%s: Microsoft answers %v, the table says %v", cases[i].name, got, want)
		}
	}
}

// TestSecondaryAsWindows asks about single signatures, WSS_VERIFY_SPECIFIC.
func TestSecondaryAsWindows(t *testing.T) {
	if testing.Short() {
		t.Skip("needs wine")
	}
	rig := formatstest.NewRig(t)
	v := newVfiles(t)
	for _, c := range vcases() {
		if c.name != "two nested" && c.name != "nested one of another file" {
			continue
		}
		b := c.file(v)
		path := v.write(b)
		report := verifyBytes(t, b, authenticode.VerifyOptions{Roots: v.roots()})
		for i := range len(report.Signatures) + 1 {
			if got, want := report.Secondary(i), rig.VerifyIndex(path, i); uint32(got) != want.HRESULT {
				t.Errorf("%s: signature %d: we say %v, Microsoft %v", c.name, i, got, want)
			}
		}
	}
}

// TestHashOnlyAsWindows asks with WTD_HASH_ONLY_FLAG. WTD_LIFETIME_SIGNING_FLAG is not
// asked for: it acts in the chain engine, and the rig's is wine's, which does not know
// it.
func TestHashOnlyAsWindows(t *testing.T) {
	if testing.Short() {
		t.Skip("needs wine")
	}
	rig := formatstest.NewRig(t)
	v := newVfiles(t)
	args := []string{"verify", "-hashonly"}
	var want []string
	for _, c := range vcases() {
		switch c.name {
		case "expired", "root not trusted", "byte of the code", "unsigned", "amd64", "byte of the code, digest replaced":
			b := c.file(v)
			args = append(args, rig.Path(v.write(b)))
			want = append(want, verifyBytes(t, b, authenticode.VerifyOptions{HashOnly: true}).Windows.Code()+" "+c.name)
		}
	}
	out, _ := rig.Run(`C:\rig\wvt.exe`, args...)
	var got []string
	for line := range strings.Lines(out) {
		if code, _, _ := strings.Cut(line, " "); strings.HasPrefix(code, "0x") && len(got) < len(want) {
			_, name, _ := strings.Cut(want[len(got)], " ")
			got = append(got, "0x"+strings.ToUpper(code[2:])+" "+name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("we say\n%s\nMicrosoft\n%s\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"), out)
	}
}
