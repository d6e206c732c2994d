package kit

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/templates"
)

func kit(t *testing.T, edit func(*Kit)) (*Kit, map[string][]byte) {
	t.Helper()
	id := cipolicy.Some(cipolicy.MustGUID("{11111111-2222-3333-4444-55555555AAAA}"))
	p := &cipolicy.Policy{Type: cipolicy.BasePolicy, PlatformID: cipolicy.PlatformWindows, PolicyID: id, BasePolicyID: id,
		Version: cipolicy.NewVersion(1, 2, 3, 0), Options: []cipolicy.Option{{Name: cipolicy.OptionUnsigned}}}
	k := &Kit{Policy: p, Title: "It's the “App” $env:x `n\n{{.}}", Release: "1.2.3", XMLName: "App.xml", Binary: []byte("policy"), Format: 7, History: []byte("{}"), Templates: templates.FS}
	edit(k)
	files, err := k.Files()
	if err != nil {
		t.Fatal(err)
	}
	return k, files
}

// variants are the kinds of kits whose texts differ.
var variants = map[string]func(*Kit){
	"base":    func(*Kit) {},
	"audit":   func(k *Kit) { k.Policy.SetOption(cipolicy.OptionAudit) },
	"signed":  func(k *Kit) { k.Signer = "Example Ltd" },
	"single":  func(k *Kit) { k.Single = []byte("single") },
	"test":    func(k *Kit) { k.Test = true },
	"catalog": func(k *Kit) { k.Catalog = "app.cat" },
	"large":   func(k *Kit) { k.Binary = make([]byte, IntuneLimit+1) },
	"supplemental": func(k *Kit) {
		k.Policy.Type = cipolicy.SupplementalPolicy
		k.Policy.BasePolicyID = cipolicy.Some(cipolicy.SinglePolicyType)
	},
}

func TestFiles(t *testing.T) {
	for name, edit := range variants {
		t.Run(name, func(t *testing.T) {
			k, files := kit(t, edit)
			for _, want := range []string{"App.xml", "{11111111-2222-3333-4444-55555555AAAA}.cip", "deploy.ps1", "remove.ps1", "README.md",
				"intune/11111111-2222-3333-4444-55555555AAAA.bin", "intune/oma-uri.json", "history.json"} {
				if _, ok := files[want]; !ok {
					t.Errorf("no file %s", want)
				}
			}
			if _, ok := files["SiPolicy.p7b"]; ok != (k.Single != nil) {
				t.Errorf("SiPolicy.p7b: %v", ok)
			}
			for name, b := range files {
				if strings.Contains(string(b), "{{") && strings.HasSuffix(name, ".ps1") && !strings.Contains(string(b), "{{.}}") || strings.Contains(string(b), "<no value>") {
					t.Errorf("%s holds a leftover of its template", name)
				}
			}
		})
	}
}

func TestReadmeSaysWhatMatters(t *testing.T) {
	for name, want := range map[string]string{
		"audit": "nothing is blocked", "signed": "would not start", "single": "name `SiPolicy.p7b` there", "test": "Do not deploy",
		"large": "more than the 350000 that Intune accepts", "supplemental": "Enabled:Allow Supplemental Policies", "base": "It is enforced",
		"catalog": "copy it to `%windir%",
	} {
		if _, files := kit(t, variants[name]); !strings.Contains(string(files["README.md"]), want) {
			t.Errorf("%s: README.md does not say %q", name, want)
		}
	}
}

func TestIntune(t *testing.T) {
	for name, fits := range map[string]bool{"base": true, "large": false} {
		_, files := kit(t, variants[name])
		var got struct {
			URI  string `json:"oma_uri"`
			Fits bool   `json:"fits"`
		}
		if err := json.Unmarshal(files["intune/oma-uri.json"], &got); err != nil {
			t.Fatal(err)
		}
		if got.URI != "./Vendor/MSFT/ApplicationControl/Policies/11111111-2222-3333-4444-55555555AAAA/Policy" || got.Fits != fits {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestScripts reads every script as PowerShell would: strings, comments and
// brackets must close, and what lints complain about must be absent.
func TestScripts(t *testing.T) {
	aliases := regexp.MustCompile(`(?i)(^|[\s({|;])(cd|cp|copy|del|dir|echo|gci|iex|ls|mv|rm|where|\?|%)\s`)
	for variant, edit := range variants {
		k, files := kit(t, edit)
		for name, b := range files {
			if !strings.HasSuffix(name, ".ps1") {
				continue
			}
			t.Run(variant+" "+name, func(t *testing.T) {
				text := string(b)
				if !strings.HasPrefix(text, "\uFEFF") || strings.Count(text, "\n") != strings.Count(text, "\r\n") {
					t.Error("no byte order mark, or not the line ends of Windows")
				}
				code, err := lex(strings.ReplaceAll(strings.TrimPrefix(text, "\uFEFF"), "\r\n", "\n"))
				if err != nil {
					t.Fatal(err)
				}
				if m := aliases.FindString(code); m != "" {
					t.Errorf("alias %q", m)
				}
				for _, want := range []string{"#Requires -RunAsAdministrator", "Set-StrictMode", "$ErrorActionPreference = 'Stop'", "SupportsShouldProcess"} {
					if !strings.Contains(text, want) {
						t.Errorf("lacks %s", want)
					}
				}
				for i, line := range strings.Split(text, "\r\n") {
					if strings.TrimRight(line, " \t") != line {
						t.Errorf("line %d ends with white space", i+1)
					}
				}
				unused(t, code)
			})
		}
		if sum := fmt.Sprintf("%X", sha256.Sum256(k.Binary)); !strings.Contains(string(files["deploy.ps1"]), sum) {
			t.Errorf("%s: deploy.ps1 does not know the hash of the policy", variant)
		}
	}
}

var assigned = regexp.MustCompile(`(?m)^\s*\$(\w+) = `)

// unused reports variables that are set and never read.
func unused(t *testing.T, code string) {
	t.Helper()
	for _, m := range assigned.FindAllStringSubmatch(code, -1) {
		name := m[1]
		if name == "null" || name == "ErrorActionPreference" {
			continue
		}
		if len(regexp.MustCompile(`\$`+name+`\b`).FindAllString(code, -1)) < 2 {
			t.Errorf("$%s is set and never read", name)
		}
	}
}

// lex drops comments and the text of single-quoted strings, keeps variables of
// double-quoted ones, and checks that everything closes.
func lex(s string) (string, error) {
	var out strings.Builder
	var open []byte
	pairs := map[byte]byte{')': '(', ']': '[', '}': '{'}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch c {
		case '#':
			for i < len(s) && s[i] != '\n' {
				i++
			}
			out.WriteByte('\n')
		case '\'':
			end := strings.IndexByte(s[i+1:], '\'')
			if end < 0 || strings.Contains(s[i+1:i+1+end], "\n") {
				return "", fmt.Errorf("open single quote in %q", s[i:min(i+40, len(s))])
			}
			i += end + 1
			out.WriteString("''")
		case '"':
			start := i
			for i++; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '`' {
					i++
				}
			}
			if i >= len(s) || strings.Contains(s[start:i], "\n") {
				return "", fmt.Errorf("open double quote in %q", s[start:min(start+40, len(s))])
			}
			out.WriteString(s[start : i+1])
		case '(', '[', '{':
			open = append(open, c)
			out.WriteByte(c)
		case ')', ']', '}':
			if len(open) == 0 || open[len(open)-1] != pairs[c] {
				return "", fmt.Errorf("%q closes nothing at %q", c, s[max(0, i-40):i+1])
			}
			open = open[:len(open)-1]
			out.WriteByte(c)
		default:
			out.WriteByte(c)
		}
	}
	if len(open) > 0 {
		return "", fmt.Errorf("%q stays open", open)
	}
	return out.String(), nil
}

// TestLex makes sure that the check of the scripts can fail.
func TestLex(t *testing.T) {
	for _, bad := range []string{"if ($x) {", "a)", "'open", "\"open", "{ ( }"} {
		if _, err := lex(bad); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
}
