package rules

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/formats/printable"
)

// Options say what rules to make.
type Options struct {
	// Level is tried first for each file, then Fallback in order. "" means Hash.
	Level    Level
	Fallback []Level
	// Deny makes rules that deny the files. Versions count the other way round
	// then: a denied version is denied with all before it.
	Deny bool
	// Name is the attribute that the level FileName uses; "" means OriginalFileName.
	Name NameSource
	Mode Mode
	// WindowsPath is where the scanned folder lies on the machines that the policy
	// is for, such as %OSDRIVE%\Program Files\Product. The level FilePath needs it.
	WindowsPath string
	// AllowUnreadable goes on without the files that could not be read.
	AllowUnreadable bool
}

// Outcome says what became of a file.
type Outcome struct {
	Path  string
	Level Level // "" if no rule was made
	// Notes say why a level was passed over.
	Notes []string
}

// Build adds rules for files to a policy, in the order of their paths, whatever
// their order here; equal rules are made once. Files that could not be read, or
// that no level describes, are an error that names all of them; the policy is
// unchanged then.
func Build(p *cipolicy.Policy, files []File, o Options) ([]Outcome, error) {
	if o.Level == "" {
		o.Level = Hash
	}
	sorted := slices.Clone(files)
	slices.SortStableFunc(sorted, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	b := newBuilder(o)
	var outcomes []Outcome
	var failures []error
	for i := range sorted {
		out, err := b.file(&sorted[i])
		if err != nil {
			failures = append(failures, err)
		}
		outcomes = append(outcomes, out)
	}
	if len(failures) > 0 {
		return outcomes, errors.Join(failures...)
	}
	return outcomes, b.addTo(p)
}

// describe returns the rule content of a file at one level, or why there is none.
type describe func(b *builder, f *File) (content, error)

// content is what describes one file: rules of its own, or signers.
type content struct {
	rules   []cipolicy.FileRule
	signers []signerRule
}

// signerRule is a signer with the attributes of the file, if the level has such.
type signerRule struct {
	signer cipolicy.Signer
	eku    string // subscriber usage that is pinned, "" if none
	attrib *cipolicy.FileRule
}

// mistake marks reasons that are mistakes of the caller, not properties of
// the file: no fallback can make them good.
type mistake struct{ error }

func (b *builder) file(f *File) (Outcome, error) {
	out := Outcome{Path: f.Path, Notes: slices.Clone(f.Notes)}
	if f.Error != "" {
		out.Notes = append(out.Notes, f.Error)
		if b.opts.AllowUnreadable {
			return out, nil
		}
		return out, fmt.Errorf("%s: %s", printable.Text(f.Path), printable.Text(f.Error))
	}
	for _, level := range append([]Level{b.opts.Level}, b.opts.Fallback...) {
		c, err := level.describe(b, f)
		if err == nil {
			b.add(f, c)
			out.Level = level
			return out, nil
		}
		var wrong mistake
		if errors.As(err, &wrong) {
			return out, fmt.Errorf("%s: level %s: %w", printable.Text(f.Path), level, err)
		}
		out.Notes = append(out.Notes, fmt.Sprintf("level %s: %v", level, err))
	}
	return out, fmt.Errorf("%s: no level describes the file: %s", printable.Text(f.Path), printable.Text(strings.Join(out.Notes, "; ")))
}

func (l Level) describe(b *builder, f *File) (content, error) {
	table := map[Level]describe{
		Hash: (*builder).hash, FileName: (*builder).fileName, FilePath: (*builder).filePath,
		SignedVersion: (*builder).signedVersion, Publisher: (*builder).publisher, FilePublisher: (*builder).filePublisher,
		LeafCertificate: (*builder).leaf, PcaCertificate: (*builder).pca, RootCertificate: (*builder).root,
	}
	d, ok := table[l]
	if !ok {
		return content{}, mistake{fmt.Errorf("%q is not a level", string(l))}
	}
	return d(b, f)
}

func (b *builder) kind() cipolicy.RuleKind {
	if b.opts.Deny {
		return cipolicy.Deny
	}
	return cipolicy.Allow
}

// windowsPath is the path under which people know the file.
func (b *builder) windowsPath(f *File) string {
	path := strings.ReplaceAll(printable.Text(f.Path), "/", `\`)
	if b.opts.WindowsPath == "" {
		return path
	}
	return strings.TrimRight(b.opts.WindowsPath, `\`) + `\` + path
}

// hash makes the four rules of ConfigCI, two for what is not a PE.
func (b *builder) hash(f *File) (content, error) {
	var c content
	for _, h := range []struct {
		name string
		hash Hex
	}{{"Hash Sha1", f.SHA1}, {"Hash Sha256", f.SHA256}, {"Hash Page Sha1", f.PageSHA1}, {"Hash Page Sha256", f.PageSHA256}} {
		if h.hash != nil {
			c.rules = append(c.rules, cipolicy.FileRule{Kind: b.kind(), FriendlyName: cipolicy.Some(b.windowsPath(f) + " " + h.name), Hash: h.hash})
		}
	}
	return c, nil
}

func (b *builder) fileName(f *File) (content, error) {
	name := b.opts.Name.of(f)
	if name == "" {
		source := b.opts.Name
		if source == "" {
			source = OriginalFileName
		}
		return content{}, fmt.Errorf("the file has no %s", source)
	}
	if err := fitName(string(cmp.Or(b.opts.Name, OriginalFileName)), name); err != nil {
		return content{}, err
	}
	r := cipolicy.FileRule{Kind: b.kind(), FriendlyName: cipolicy.Some(b.windowsPath(f) + " FileRule")}
	switch b.opts.Name {
	case InternalName:
		r.InternalName = cipolicy.Some(name)
	case FileDescription:
		r.FileDescription = cipolicy.Some(name)
	case ProductName:
		r.ProductName = cipolicy.Some(name)
	default:
		r.FileName = cipolicy.Some(name)
	}
	return content{rules: []cipolicy.FileRule{r}}, nil
}

func (b *builder) filePath(f *File) (content, error) {
	if b.opts.WindowsPath == "" {
		return content{}, mistake{errors.New("say where the scanned folder lies on Windows, for example %OSDRIVE%\\Program Files\\Product")}
	}
	if b.opts.Mode.kernel(f) {
		return content{}, errors.New("path rules work in user mode only")
	}
	if err := fitPath(f.Path); err != nil {
		return content{}, err
	}
	path := b.windowsPath(f)
	r := cipolicy.FileRule{Kind: b.kind(), FriendlyName: cipolicy.Some(path + " FileRule"), FilePath: cipolicy.Some(path)}
	if r.Kind == cipolicy.Allow {
		r.MinVersion = cipolicy.Some(cipolicy.Version(0)) // as New-CIPolicyRule writes it
	}
	return content{rules: []cipolicy.FileRule{r}}, nil
}
