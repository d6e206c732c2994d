package authenticode

import (
	"context"
	"crypto"
	"crypto/x509"
	"io"
	"slices"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
)

// VerifyOptions says how strict Verify is. The zero value is the strictest: built-in
// roots, no network, every check on. A finding of severity "strict" (Windows would let
// it pass) can be allowed by name, one of severity "error" never.
type VerifyOptions struct {
	// AsWindows makes Report.Trusted Windows' own answer: what is stricter becomes a
	// warning, and so does what is wrong with a signature that Windows does not need.
	// What is asked for with Require, Revocation and Kernel counts all the same.
	AsWindows bool
	// Firmware judges for UEFI firmware instead of Windows: peimage.LayoutRules are
	// warnings. Report.Windows still is Windows' answer.
	Firmware bool

	// Time is the moment of the verification; zero is now. Signatures with a good
	// timestamp are judged at the time of the stamp instead.
	Time time.Time
	// Roots are the trust anchors; nil means BuiltinRoots.
	Roots *certchain.Roots
	// LoadRoots, if not nil, gives the trust anchors in place of Roots. It is called
	// when the file has been read, so that they can be read at the same time.
	LoadRoots func() (*certchain.Roots, error)
	// Intermediates are further certificates that may complete a chain; they are not
	// trusted by themselves.
	Intermediates []*x509.Certificate

	// HashOnly compares digests and does not look at signers at all, as WTD_HASH_ONLY_FLAG does.
	HashOnly bool
	// LifetimeSigning treats every signer as if it had the lifetime signing usage, as
	// WTD_LIFETIME_SIGNING_FLAG does: a timestamp does not prolong the signature beyond
	// the certificate.
	LifetimeSigning bool

	// Allow lists checks whose findings of severity "strict" become warnings:
	// CheckNoTimestamp, CheckAlgorithms, CheckPadding, …
	Allow []Check
	// Require lists what the publisher has to be; the zero value asks for nothing but trust.
	Require Require

	// Revocation says what is known about revoked certificates and how much has to be known.
	Revocation certchain.Revocation
	// Disallowed are certificates that make a chain worthless wherever they are in it.
	// Nil means that there is no list at hand, which the report then says.
	Disallowed *certchain.Disallowed
	// Kernel asks in addition for what Windows' kernel wants of a driver. Nil asks for nothing.
	Kernel *certchain.KernelRoots
	// Fetcher gets missing issuers, CRLs and OCSP responses from the network. Nil means no network.
	Fetcher certchain.Fetcher
	// Catalogs is asked about a file that carries no signature of its own. Nil means
	// that there are none.
	Catalogs Catalogs
}

// Require is a policy on the first signature, the one whose publisher Windows shows. It
// cannot be combined with HashOnly.
type Require struct {
	// Publishers lists names of which the signer's certificate must have one: its
	// common name, as Windows shows the publisher, or its whole subject as
	// CertificateReport.Subject has it. Case and the number of spaces do not matter
	// (RFC 5280 section 7.1). Empty means any.
	Publishers []string
	// Classes lists the kinds of certificate that will do, such as ClassEV; empty means any.
	Classes []certchain.Class
	// EKUs lists extended key usages that the signer's certificate must all have, as
	// dotted numbers. The way to pin a subscriber of Artifact Signing, whose
	// certificates change daily, is its own usage below 1.3.6.1.4.1.311.97.
	EKUs []string
	// Thumbprints lists signer certificates that will do, SHA-1 or SHA-256 in
	// hexadecimal; empty means any.
	Thumbprints []string
}

func (q Require) empty() bool {
	return len(q.Publishers)+len(q.Classes)+len(q.EKUs)+len(q.Thumbprints) == 0
}

// Catalogs looks files up in security catalogs. formats/catalog implements it.
type Catalogs interface {
	// Hashes lists the digests that Find wants.
	Hashes() []crypto.Hash
	// Digest computes them for a file that is not a PE file (of which they are the
	// Authentihash): catalogs list cabinets by a digest of their own, other files by
	// that of all bytes. It returns none for a file that no catalog can list.
	Digest(ctx context.Context, r io.ReaderAt, size int64) (map[crypto.Hash][]byte, error)
	// Find returns the catalog that lists one of the digests; ok is false where none does.
	Find(ctx context.Context, digests map[crypto.Hash][]byte) (match CatalogMatch, ok bool, err error)
}

// CatalogMatch is a catalog that lists a file.
type CatalogMatch struct {
	Name   string      // of the catalog, for people
	PKCS7  []byte      // the whole catalog; its signature is judged like any other
	Member string      // tag of the member
	Hash   crypto.Hash // by which the file was found
}

func (o VerifyOptions) now() time.Time {
	if o.Time.IsZero() {
		return time.Now()
	}
	return o.Time
}

// admit applies Allow to findings; what is required cannot be allowed away.
func (o VerifyOptions) admit(fs []Finding) []Finding {
	for i := range fs {
		if fs[i].Severity == SeverityStrict && o.admits(fs[i].Check) {
			fs[i].Severity = SeverityWarning
		}
	}
	return fs
}

// admits says whether a strict finding becomes a warning. AsWindows leaves seals out: some kinds are not judged here, and Windows may refuse them.
func (o VerifyOptions) admits(c Check) bool {
	return c != CheckRequired && slices.Contains(o.Allow, c) || o.AsWindows && c != CheckSeal && slices.Contains(WindowsOnly(), c)
}
