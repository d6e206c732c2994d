package spec

import (
	"fmt"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/gitinfo"
)

// exampleBasePolicy is the GUID in Microsoft's example policies that ship
// with Windows under System32\CodeIntegrity\ExamplePolicies; it is also that
// of the single policy (SiPolicy.p7b).
const exampleBasePolicy = "{A244370E-44C9-4C06-B551-F6016E563076}"

// Defaults fills in what the file leaves out. It judges nothing and changes
// nothing that is set. project.version must be resolved before.
func Defaults(s *Spec) {
	defaultProject(s)
	defaultBuild(s)
	defaultResources(s)
	if s.Sign != nil {
		fill(s.Sign)
		text0(&s.Sign.Description, s.Project.Title)
		text0(&s.Sign.URL, s.Project.URL)
		if s.Verify == nil {
			s.Verify = &Verify{} // with sign it is always on
		}
	}
	if s.Timestamp != nil {
		fill(s.Timestamp)
	}
	if s.Verify != nil {
		fill(s.Verify)
	}
	if s.Catalog != nil {
		text0(&s.Catalog.Name, s.Project.Name)
		fill(s.Catalog)
	}
	if s.WDAC != nil {
		defaultWDAC(s.WDAC, &s.Project)
	}
	if s.Package == nil {
		s.Package = &Package{} // it is always on
	}
	fill(s.Package)
	if s.Portal != nil {
		fill(s.Portal)
		if s.Portal.Hosts == nil {
			s.Portal.Hosts = hostsOf(s.Project.URL, s.Project.Repository, s.Project.Support, s.Portal.DownloadURL)
		}
	}
}

// text0 sets a text that is empty.
func text0(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

func defaultProject(s *Spec) {
	p := &s.Project
	text0(&p.Title, p.Name)
	if p.Company == "" {
		return
	}
	if s.Source.Time.IsZero() || s.Source.Time.Equal(gitinfo.NoTime) {
		text0(&p.Copyright, fmt.Sprintf("© %s", p.Company))
		return
	}
	text0(&p.Copyright, fmt.Sprintf("© %d %s", s.Source.Time.Year(), p.Company))
}

func defaultBuild(s *Spec) {
	b := &s.Build
	if b.Config != "" {
		text0(&b.Builder, "goreleaser")
		fill(b, "targets", "ldflags") // they come from the user's configuration
		return
	}
	fill(b)
	for i := range b.Binaries {
		one := &b.Binaries[i]
		if one.File == "" {
			fill(one)
		} else {
			text0(&one.Name, stem(one.File))
		}
		text0(&one.Name, s.Project.Name)
		text0(&one.ID, one.Name)
	}
}

// stem is the name of a file without its extension, empty when the last element
// of the path is a pattern.
func stem(file string) string {
	base := path.Base(file)
	if strings.ContainsAny(base, `*?[\`) {
		return ""
	}
	return strings.TrimSuffix(base, path.Ext(base))
}

func defaultResources(s *Spec) {
	r := s.Resources
	if r == nil {
		return
	}
	fill(r)
	text0(&r.FileVersion, fileVersion(s.Project.Version))
	text0(&r.ProductVersion, s.Project.Version)
	text0(&r.Company, s.Project.Company)
	text0(&r.Product, s.Project.Title)
	text0(&r.Description, s.Project.Description)
	text0(&r.Description, s.Project.Title)
	text0(&r.Copyright, s.Project.Copyright)
	for language, t := range r.Translations {
		text0(&t.Company, r.Company)
		text0(&t.Product, r.Product)
		text0(&t.Description, r.Description)
		text0(&t.Copyright, r.Copyright)
		text0(&t.Trademarks, r.Trademarks)
		text0(&t.Comments, r.Comments)
		r.Translations[language] = t
	}
	if r.Manifest != nil && r.Manifest.File == "" {
		fill(r.Manifest)
	}
}

func defaultWDAC(w *WDAC, p *Project) {
	text0(&w.Name, p.Title)
	if w.Template == "deny-old" && w.KeepReleases == nil {
		w.KeepReleases = new(int) // what is denied is not kept
	}
	if w.TemplateFile != "" {
		fill(w, "template")
	} else {
		fill(w)
	}
	if w.Template == "supplemental" {
		text0(&w.BasePolicyID, exampleBasePolicy)
	}
	if w.Fallback == nil && w.Level != "Hash" {
		w.Fallback = []string{"Hash"}
	}
}

// fill sets every field of the section that is zero and has a default in its
// tag, except those named.
func fill(section any, except ...string) {
	v := reflect.ValueOf(section).Elem()
	for _, f := range fieldsOf(v.Type()) {
		if target := v.Field(f.index); f.rule.Default != nil && target.IsZero() && !slices.Contains(except, f.key) {
			setDefault(target, f.rule.Default)
		}
	}
}

// setDefault panics on a default that does not fit its field; a test fills
// every section.
func setDefault(v reflect.Value, value []string) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	var err error
	switch {
	case v.Type() == reflect.TypeFor[Duration]():
		var d time.Duration
		d, err = time.ParseDuration(value[0])
		v.SetInt(int64(d))
	case v.Kind() == reflect.Slice:
		v.Set(reflect.ValueOf(append([]string(nil), value...)))
	case v.Kind() == reflect.Bool:
		v.SetBool(value[0] == "true")
	case v.Kind() == reflect.Int:
		var i int
		i, err = strconv.Atoi(value[0])
		v.SetInt(int64(i))
	default:
		v.SetString(value[0])
	}
	if err != nil {
		panic(err)
	}
}
