package submission

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/templates"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var hosts = []string{"example.com", "github.com"}

func facts() Facts {
	return Facts{
		Title: "Beacon", Version: "1.2.3", Purpose: "Answers health checks.", Company: "Müller & Søn GmbH", URL: "https://example.com/beacon",
		FileName: "beacon.exe", Size: 1234567, SHA256: strings.Repeat("ab", 32), GOOS: "windows", GOARCH: "amd64", GoVersion: "go1.26.8",
		Signed: true, Signer: "Müller & Søn GmbH", Issuer: "Some CA", Thumbprint: strings.Repeat("AB", 20), StampTime: "2026-01-02T03:04:05Z",
		Detection: "Trojan:Win32/Wacatac.B!ml", DefinitionVersion: "1.457.164.0", Packing: "none", Support: "help@example.com",
		PreviousSubmissions: []string{"6ba09155-cb24-475b-b24f-b4e28fc74365"}, Repository: "https://github.com/example/beacon",
	}
}

func builtin(t *testing.T) string {
	t.Helper()
	b, err := templates.FS.ReadFile("portal/additional-information.txt.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTextGolden(t *testing.T) {
	got, dropped, err := Text(builtin(t), facts(), hosts)
	if err != nil || dropped != nil {
		t.Fatal(err, dropped)
	}
	const golden = "testdata/full.txt"
	if *update {
		os.WriteFile(golden, []byte(got), 0o644)
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWarningsComeFirst(t *testing.T) {
	f := facts()
	f.Warnings = []string{"signed with the test identity"}
	text, _, err := Text(builtin(t), f, hosts)
	if err != nil {
		t.Fatal(err)
	}
	if first, _, _ := strings.Cut(text, "\n"); first != "DO NOT SUBMIT: signed with the test identity" {
		t.Errorf("first line is %q", first)
	}
}

func TestUnsignedFileClaimsNothing(t *testing.T) {
	f := facts()
	f.Signed, f.Signer, f.Thumbprint = false, "", ""
	text, _, err := Text(builtin(t), f, hosts)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "the file is unsigned") || strings.Contains(text, "verified OK") {
		t.Errorf("text claims a signature:\n%s", text)
	}
}

func TestLongTextLosesLeastImportantLines(t *testing.T) {
	f := facts()
	f.Behaviour = strings.Repeat("Listens on port 8080. ", 60)
	text, dropped, err := Text(builtin(t), f, hosts)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > MaxText {
		t.Errorf("text has %d characters", len(text))
	}
	if strings.Join(dropped, ",") != "Earlier submissions,Contact,Packing,Behaviour" {
		t.Errorf("dropped %v", dropped)
	}
	for _, want := range []string{f.SHA256, f.Detection, f.Thumbprint} {
		if !strings.Contains(text, want) {
			t.Errorf("text lost %q", want)
		}
	}
}

func TestRefusedTexts(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Facts)
		want   string
	}{
		"http link":          {func(f *Facts) { f.DownloadURL = "http://example.com/x" }, "not an https URL"},
		"foreign host":       {func(f *Facts) { f.CIURL = "https://evil.example.net/1" }, "not in portal.hosts"},
		"user in URL":        {func(f *Facts) { f.CIURL = "https://me:pw@example.com/1" }, "user name or password"},
		"placeholder":        {func(f *Facts) { f.Behaviour = "Installs <service> for you" }, "left to be filled in"},
		"to do":              {func(f *Facts) { f.Behaviour = "TODO" }, "left to be filled in"},
		"no ASCII spelling":  {func(f *Facts) { f.Company = "株式会社" }, "no plain ASCII spelling"},
		"credential":         {func(f *Facts) { f.Behaviour = "uses ghp_0123456789abcdefghij0123" }, "credential"},
		"local path":         {func(f *Facts) { f.Behaviour = "writes /home/anna/x" }, "path of a local machine"},
		"Windows local path": {func(f *Facts) { f.Behaviour = `writes C:\Users\anna\x` }, "path of a local machine"},
		"too long":           {func(f *Facts) { f.FileName = strings.Repeat("x", MaxText) }, "the form takes 1800"},
	} {
		t.Run(name, func(t *testing.T) {
			f := facts()
			c.change(&f)
			if _, _, err := Text(builtin(t), f, hosts); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestTemplateOfTheUserMustKeepTheFacts(t *testing.T) {
	_, _, err := Text("Please look at {{.FileName}}.\n", facts(), hosts)
	if err == nil || !strings.Contains(err.Error(), "SHA-256") || !strings.Contains(err.Error(), "detection") || !strings.Contains(err.Error(), "signer") {
		t.Errorf("error is %v, want all three missing facts", err)
	}
	if _, _, err := Text("{{.Nonsense}}", facts(), hosts); err == nil {
		t.Error("an unknown field was accepted")
	}
}

func TestFieldsRefuseAFileThatIsTooLarge(t *testing.T) {
	f := facts()
	f.Size = MaxUpload + 1
	if _, err := NewFields(f, "p", "", "x", 1); err == nil {
		t.Error("a file over the limit was accepted")
	}
	f.Size = MaxUpload
	got, err := NewFields(f, "p", "", "x", 1)
	if err != nil || !got.Ready {
		t.Errorf("got %+v, %v", got, err)
	}
}
