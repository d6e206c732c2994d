// Package submission writes what a person puts into Microsoft's file
// submission form (https://www.microsoft.com/wdsi/filesubmission) when a
// program was detected by mistake: the free text and the fields. It checks
// both as a careful analyst would before they are shipped.
package submission

import (
	"fmt"
	"slices"
	"strings"
	"text/template"

	"golang.org/x/text/unicode/norm"
)

// MaxText is how long the free text may be, in characters. The form takes
// about 1,900; the rest is reserve for line ends that a browser adds.
const MaxText = 1800

// Facts are what the text says. Empty fields are left out.
type Facts struct {
	// Warnings make the text unfit for submission; each becomes a line at
	// its top.
	Warnings []string

	Title, Version, Purpose, Company, URL, Support, Repository string

	FileName     string
	Size         int64
	SHA256       string // of the whole file, lower-case hex
	DownloadURL  string
	GOOS, GOARCH string
	GoVersion    string
	Commit       string
	CIURL        string
	Reproduced   bool // built twice in different folders with the same bytes
	Packing      string

	Signed     bool // and verified in this run
	Signer     string
	Issuer     string
	Thumbprint string // SHA-1, upper-case hex
	StampTime  string

	Detection, DefinitionVersion, EngineVersion, Stage, FirstSeen string

	Behaviour           string
	PreviousSubmissions []string
}

// kept are the labels of the lines that are never dropped.
var kept = []string{"DO NOT SUBMIT:", "File:", "Signature:", "Detection:"}

// Text fills the template and shortens the result to MaxText characters by
// dropping whole lines from the end, never those of file, signature,
// detection or warning. It returns the labels of the lines dropped. The error
// lists every problem of the text.
func Text(tmpl string, f Facts, hosts []string) (text string, dropped []string, err error) {
	t, err := template.New("portal").Option("missingkey=error").Parse(tmpl)
	if err != nil {
		return "", nil, fmt.Errorf("reading template: %v", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, f); err != nil {
		return "", nil, fmt.Errorf("filling template: %v", err)
	}
	lines := splitLines(ascii(b.String()))
	lines, dropped = shorten(lines)
	text = strings.Join(lines, "\n") + "\n"
	return text, dropped, check(text, f, hosts)
}

// splitLines trims lines and leaves out empty ones.
func splitLines(text string) []string {
	var out []string
	for _, l := range strings.Split(text, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

func shorten(lines []string) (short, dropped []string) {
	for i := len(lines) - 1; i >= 0 && length(lines) > MaxText; i-- {
		if slices.ContainsFunc(kept, func(k string) bool { return strings.HasPrefix(lines[i], k) }) {
			continue
		}
		label, _, _ := strings.Cut(lines[i], ":")
		dropped = append(dropped, label)
		lines = slices.Delete(lines, i, i+1)
	}
	return lines, dropped
}

func length(lines []string) int {
	n := 0
	for _, l := range lines {
		n += len(l) + 1
	}
	return n
}

// plain replaces characters that have a usual spelling in ASCII.
var plain = strings.NewReplacer(
	"ß", "ss", "ẞ", "SS", "æ", "ae", "Æ", "AE", "œ", "oe", "Œ", "OE", "ø", "o", "Ø", "O", "đ", "d", "Đ", "D",
	"ł", "l", "Ł", "L", "þ", "th", "Þ", "Th", "ı", "i", "–", "-", "—", "-", "‘", "'", "’", "'", "“", `"`, "”", `"`,
	"„", `"`, "«", `"`, "»", `"`, "…", "...", "\u00a0", " ", "™", "(TM)", "®", "(R)", "©", "(c)", "\t", " ", "\r", "",
)

// ascii spells text in ASCII as far as there is a usual way: accents are taken
// off, quotes and dashes made plain. What is left over is reported by check.
func ascii(text string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(plain.Replace(text)) {
		if r < 0x300 || r > 0x36f { // the block of combining accents
			b.WriteRune(r)
		}
	}
	return b.String()
}
