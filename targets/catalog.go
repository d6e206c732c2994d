package targets

import (
	"context"
	"os"
	"time"

	"github.com/magefile/mage/mg"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
	"github.com/hallmark-dev/hallmark/internal/tool/catalog"
)

// Catalog lists what is shipped in a signed security catalog.
func Catalog(ctx context.Context) error { return run(ctx, "catalog") }

// CATALOG works on security catalogs, without a release.yaml. Its name is in capitals because mage knows no difference and Go needs one:
// the step is Catalog.
type CATALOG mg.Namespace

// Make lists the files of a folder in a new, unsigned catalog.
func (CATALOG) Make(ctx context.Context,
	dir *string, // the folder
	cdf *string, // a catalog definition file instead
	out *string, // the catalog
	version *int, // 2 (SHA-256) or 1 (SHA-1, for Windows 7)
	names *string, // attribute that holds each file's name: FilePath (Test-FileCatalog), File or none
	attributes *string, // attributes of the catalog: NAME=VALUE, separated by commas
	pages *bool, // add page hashes of programs
	nosha1 *bool, // omit the SHA-1 entries
) error {
	return do(ctx, func(ctx context.Context) error {
		return catalog.Make(ctx, screen(), catalog.Making{
			Dir:           str(dir),
			CDF:           str(cdf),
			Out:           str(out),
			Version:       number(version),
			PathAttribute: str(names),
			Attributes:    str(attributes),
			PageHashes:    flag(pages),
			NoSHA1:        flag(nosha1),
			Now:           time.Now,
			Getenv:        os.Getenv,
		})
	})
}

// List prints the contents of catalogs.
func (CATALOG) List(
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	json *bool, // print JSON
) error {
	return fault.Exit(catalog.List(os.Stdout, str(in), flag(json)))
}

// Check verifies a catalog and compares it with the files in a folder.
func (CATALOG) Check(ctx context.Context,
	in *string, // the catalog
	dir *string, // the folder (default: check the signature only)
	roots *string, // certificate files to trust for code signing and time stamping
	tsroots *string, // certificate files to trust for time stamping
	only *bool, // trust only these roots
	crl *string, // files with revocation lists
	online *bool, // fetch CRLs and OCSP responses over the network
	policy *string, // authenticode, or kernel for drivers
	strict *bool, // also refuse what Windows accepts but this program would not sign
	allow *string, // checks that only warn with -strict; windows stands for all that Windows does not make
	unsigned *bool, // do not check the signature
) error {
	return do(ctx, func(ctx context.Context) error {
		return catalog.Check(ctx, os.Stdout, catalog.Checking{
			Verification: args.Verification{
				In:             str(in),
				Roots:          str(roots),
				TimestampRoots: str(tsroots),
				Only:           flag(only),
				CRLs:           str(crl),
				Online:         flag(online),
				Policy:         str(policy),
				Strict:         flag(strict),
				Allow:          str(allow),
			},
			Dir:      str(dir),
			Unsigned: flag(unsigned),
		})
	})
}

// Sign signs catalogs, in place unless -out= is given.
func (CATALOG) Sign(ctx context.Context,
	in *string, // files: paths, glob patterns and @lists of them, separated by commas
	out *string, // a file or an existing folder
	identity *string, // test, pkcs12:FILE, pkcs11:URI, keyvault:URL…, all in docs/identities.md
	password *string, // password of the identity, as env:NAME or file:PATH
	chain *string, // files with intermediate certificates that complete the chain
	fetch *bool, // fetch missing intermediates (AIA)
	incomplete *bool, // sign although an intermediate is missing
	ecdsa *bool, // accept an elliptic-curve key
	digest *string, // sha256, sha384 or sha512
	description *string, // shown by Windows
	url *string, // shown beside the description
	replace *bool, // replace an existing signature
	server *string, // time servers, separated by commas; or test; or a time-stamping key such as pkcs12:FILE
	tspassword *string, // password of a time-stamping key, as env:NAME or file:PATH
	allow *string, // relax a rule for your own time server, such as tsa-critical
	roots *string, // certificate files to trust for code signing and time stamping
	tsroots *string, // certificate files to trust for time stamping
) error {
	return do(ctx, func(ctx context.Context) error {
		return catalog.Sign(ctx, screen(), catalog.Signing{
			Files: files(in, out),
			Signer: args.Signer{
				Key:         key(identity, password, chain, fetch, incomplete, ecdsa),
				Trusted:     trusted(roots, tsroots),
				Stampers:    stampers(server, tspassword, allow, nil),
				Digest:      str(digest),
				Description: str(description),
				URL:         str(url),
			},
			Replace: flag(replace),
		})
	})
}
