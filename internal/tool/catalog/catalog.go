// Package catalog makes, lists, checks and signs security catalogs without a
// release.yaml.
package catalog

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/catalog"
	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/inventory"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// Making says what catalog is made of which files.
type Making struct {
	// Dir is the folder whose files are listed; CDF a catalog definition file
	// instead, whose paths are relative to it.
	Dir, CDF string
	// Out is the catalog; empty means NAME.cat beside the folder, or what the
	// definition says.
	Out string
	// Version 2 (also 0) or 1.
	Version int
	// PathAttribute is FilePath, File or none; "" is FilePath.
	PathAttribute string
	// Attributes of the catalog: a comma-separated list of NAME=VALUE.
	Attributes string
	PageHashes bool
	NoSHA1     bool
	// Now and Getenv are the clock and the environment (SOURCE_DATE_EPOCH).
	Now    func() time.Time
	Getenv func(string) string
}

// Make writes an unsigned catalog and, for a folder, the definition from
// which makecat makes the same one.
func Make(ctx context.Context, c *console.Console, m Making) error {
	if (m.Dir == "") == (m.CDF == "") {
		return fault.New(fault.Usage, "give either -dir= or -cdf=").Hint("-dir=FOLDER, or -cdf=FILE.cdf")
	}
	if m.CDF != "" {
		return m.fromCDF(ctx, c)
	}
	o, err := m.options()
	if err != nil {
		return err
	}
	if err := args.Folder("dir", m.Dir); err != nil {
		return err
	}
	if m.Out == "" {
		m.Out = strings.TrimRight(filepath.Clean(m.Dir), `/\`) + ".cat"
	}
	cdf := strings.TrimSuffix(m.Out, filepath.Ext(m.Out)) + ".cdf"
	files, err := inventory.Folder(m.Dir)
	if err != nil {
		return err
	}
	files = without(files, m.Dir, m.Out, cdf)
	made, err := inventory.Make(ctx, files, o)
	if err != nil {
		return err
	}
	for _, f := range made.Empty {
		c.Warn("%s is not listed: Windows cannot list empty files", f.Name)
	}
	der := made.DER
	made.DER, made.Catalog = nil, nil // a long list takes memory, and the definition is made of the files
	definition, err := made.Definition(filepath.Base(m.Out), o)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(cdf, definition, 0o644); err != nil {
		return err
	}
	if err := atomicfile.Write(m.Out, der, 0o644); err != nil {
		return err
	}
	c.Line("%s lists %d files; %s is the definition for makecat. Sign it with %s.", m.Out, len(made.Files), cdf, command.Line("catalog:sign"))
	return nil
}

// without leaves out the results of an earlier run.
func without(files []inventory.File, dir string, results ...string) []inventory.File {
	drop := map[string]bool{}
	for _, r := range results {
		if rel, ok := inventory.Inside(dir, r); ok {
			drop[rel] = true
		}
	}
	var out []inventory.File
	for _, f := range files {
		if !drop[f.Name] {
			out = append(out, f)
		}
	}
	return out
}

func (m Making) options() (inventory.Options, error) {
	o := inventory.Options{PathAttribute: m.PathAttribute}
	if o.PathAttribute == "" {
		o.PathAttribute = "FilePath"
	}
	at, err := m.time()
	if err != nil {
		return o, err
	}
	attrs := map[string]string{}
	for _, a := range args.List(m.Attributes) {
		name, value, ok := strings.Cut(a, "=")
		if !ok || name == "" || value == "" {
			return o, fault.New(fault.Usage, "-attributes: %q is not NAME=VALUE", a)
		}
		attrs[name] = value
	}
	o.Options = catalog.Options{Version: catalog.Version(m.Version), Time: at, PageHashes: m.PageHashes, NoSHA1: m.NoSHA1,
		Attributes: inventory.Attributes(attrs, nil)}
	return o, nil
}

// time is SOURCE_DATE_EPOCH if that is set, else now.
func (m Making) time() (time.Time, error) {
	s := m.Getenv("SOURCE_DATE_EPOCH")
	if s == "" {
		return m.Now(), nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return time.Time{}, fault.New(fault.Usage, "SOURCE_DATE_EPOCH is %q; it must be a number of seconds since 1970", s)
	}
	return time.Unix(n, 0), nil
}

func (m Making) fromCDF(ctx context.Context, c *console.Console) error {
	text, err := args.Read("cdf", m.CDF)
	if err != nil {
		return err
	}
	def, err := catalog.ParseCDF(bytes.NewReader(text))
	if err != nil {
		return fault.New(fault.Usage, "%s: %w", m.CDF, err)
	}
	for _, w := range def.Warnings {
		c.Warn("%s: %s", m.CDF, w)
	}
	at, err := m.time()
	if err != nil {
		return err
	}
	dir := filepath.Dir(m.CDF)
	made, err := def.Build(ctx, inventory.Source(dir), at, [16]byte{})
	if err != nil {
		return err
	}
	der, err := made.Marshal()
	if err != nil {
		return err
	}
	if m.Out == "" {
		m.Out = filepath.Join(dir, filepath.FromSlash(strings.ReplaceAll(def.Output(), `\`, "/")))
	}
	if err := atomicfile.Write(m.Out, der, 0o644); err != nil {
		return err
	}
	c.Line("%s lists the %d files of %s. Sign it with %s.", m.Out, len(def.Files), m.CDF, command.Line("catalog:sign"))
	return nil
}

// Signing says how a catalog is signed.
type Signing struct {
	args.Files
	args.Signer
	// Replace drops a signature that is there.
	Replace bool
}

// Sign signs catalogs.
func Sign(ctx context.Context, c *console.Console, s Signing) error {
	jobs, err := s.Jobs("")
	if err != nil {
		return err
	}
	id, err := s.Signer.Open(ctx, c)
	if err != nil {
		return err
	}
	defer id.Close()
	o := catalog.SignOptions{SignOptions: id.Options, Replace: s.Replace}
	return args.Each(ctx, c, jobs, id.Parallel, func(ctx context.Context, j args.Job) (string, error) {
		return sign(ctx, j, o, id.Stamping)
	})
}

func sign(ctx context.Context, j args.Job, o catalog.SignOptions, st *args.Stamping) (string, error) {
	der, err := args.ReadFile(j.In)
	if err != nil {
		return "", err
	}
	der, err = catalog.Sign(ctx, der, o)
	if errors.Is(err, catalog.ErrSigned) {
		return "", fault.New(fault.Usage, "%w", err).Hint("-replace=true")
	}
	if err != nil {
		return "", err
	}
	note := "signed"
	if st != nil {
		var server string
		if der, server, err = st.Stamp(ctx, der, 0); err != nil {
			return "", err
		}
		note = "signed, stamped by " + server
	}
	return note, atomicfile.Write(j.Out, der, 0o644)
}
