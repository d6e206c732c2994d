// Package kit writes what an administrator needs to deploy an App Control
// policy: the binary, the XML, scripts, the values for Intune, and a README that
// describes what the policy does.
package kit

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"strings"
	"text/template"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/formats/printable"
)

// IntuneLimit is the largest policy that Intune takes, in bytes (Microsoft
// Learn, "Deploy App Control policies using Mobile Device Management").
const IntuneLimit = 350_000

// Kit is what the files are made of.
type Kit struct {
	Policy  *cipolicy.Policy
	Title   string
	Release string
	XMLName string // file name of the XML
	Binary  []byte // the compiled policy, signed if it is to be
	Single  []byte // the same in the single-policy format, nil for none
	Format  int
	Signer  string // name of the certificate that signed, "" if unsigned
	Test    bool   // the release is signed with the test identity
	Catalog string // file name of the catalog that some files are allowed through, "" for none
	History []byte
	// Templates hold the folder wdac.
	Templates fs.FS
}

// Files returns the files of the kit by their names.
func (k *Kit) Files() (map[string][]byte, error) {
	uri, err := k.omaURI()
	if err != nil {
		return nil, err
	}
	id := k.Policy.ID()
	files := map[string][]byte{
		k.XMLName:                      k.Policy.XML(),
		id.String() + ".cip":           k.Binary,
		"intune/" + id.Bare() + ".bin": k.Binary,
		"intune/oma-uri.json":          uri,
		"history.json":                 k.History,
	}
	texts := []string{"deploy.ps1", "remove.ps1", "README.md"}
	if k.Single != nil {
		files["SiPolicy.p7b"] = k.Single
		texts = append(texts, "deploy-single.ps1")
	}
	for _, name := range texts {
		if files[name], err = k.render(name); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// omaURI is what the form of a custom Intune profile asks for.
func (k *Kit) omaURI() ([]byte, error) {
	id := k.Policy.ID().Bare()
	b, err := printable.JSON(map[string]any{
		"name":      k.Title,
		"oma_uri":   "./Vendor/MSFT/ApplicationControl/Policies/" + id + "/Policy",
		"data_type": "Base64 (file)",
		"file":      id + ".bin",
		"bytes":     len(k.Binary),
		"limit":     IntuneLimit,
		"fits":      len(k.Binary) <= IntuneLimit,
	})
	return append(b, '\n'), err
}

// values are what the templates see.
type values struct {
	Title, Release, Kind, PolicyID, Bare, BaseID, Version, Mode, Signer, Catalog string
	Binary, XML, SHA256, SingleSHA256                                            string
	Format, Size, Limit                                                          int
	Signed, Single, Audit, Test, TooLarge                                        bool
	Words                                                                        []string
}

func (k *Kit) values() values {
	p := k.Policy
	v := values{
		Title: k.Title, Release: k.Release, Kind: "base policy", PolicyID: p.ID().String(), Bare: p.ID().Bare(),
		Version: p.Version.String(), Mode: "enforced", Signer: k.Signer, Catalog: k.Catalog, Signed: k.Signer != "",
		Binary: p.ID().String() + ".cip", XML: k.XMLName, SHA256: digest(k.Binary),
		Format: k.Format, Size: len(k.Binary), Limit: IntuneLimit, TooLarge: len(k.Binary) > IntuneLimit,
		Single: k.Single != nil, Audit: p.HasOption(cipolicy.OptionAudit), Test: k.Test, Words: cipolicy.Describe(p),
	}
	if v.Audit {
		v.Mode = "audit: nothing is blocked, only logged"
	}
	if p.IsSupplemental() {
		v.Kind, v.BaseID, v.Mode = "supplemental policy", p.BaseID().String(), "that of the base policy"
	}
	if k.Single != nil {
		v.SingleSHA256 = digest(k.Single)
	}
	return v
}

func digest(b []byte) string {
	return fmt.Sprintf("%X", sha256.Sum256(b))
}

// render fills a template. Scripts get a byte order mark, without which Windows
// PowerShell takes them for ANSI text, and the line ends of Windows.
func (k *Kit) render(name string) ([]byte, error) {
	text, err := fs.ReadFile(k.Templates, "wdac/"+name+".tmpl")
	if err != nil {
		return nil, fmt.Errorf("reading template: %w", err)
	}
	t, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{"quoted": quoted, "comment": printable.Text, "md": printable.Markdown, "code": printable.MarkdownCode}).Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("reading template: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, k.values()); err != nil {
		return nil, fmt.Errorf("filling template: %w", err)
	}
	if !strings.HasSuffix(name, ".ps1") {
		return out.Bytes(), nil
	}
	return []byte("\uFEFF" + strings.ReplaceAll(out.String(), "\n", "\r\n")), nil
}

// quoted makes a text safe inside single quotes of PowerShell, which takes
// typographic quotes for quotes too.
func quoted(s string) string {
	return strings.NewReplacer("'", "''", "\u2018", "''", "\u2019", "''", "\u201A", "''", "\u201B", "''").Replace(printable.Text(s))
}
