package authenticode

import (
	"cmp"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
)

// codeVerificationRoot is the root of Microsoft's kernel-mode cross-certificates. They
// all expired in or before 2021 and drivers are signed by Microsoft since (Microsoft,
// "Cross-Certificates for Kernel Mode Code Signing").
const codeVerificationRoot = "Microsoft Code Verification Root"

// AdditionalOptions says how to judge certificates that are to be embedded besides the chain.
type AdditionalOptions struct {
	Leaf     *x509.Certificate
	Embedded []*x509.Certificate // what the signature holds already: the intermediates
	// Time is now if zero. Until is when the signature will be stamped at the latest; zero is Time.
	Time, Until time.Time
	// Anchors name the roots in which paths end; nothing is judged by them but RequirePathTo.
	Anchors *certchain.Pool
	// RequirePathTo is the thumbprint (SHA-1 or SHA-256, hexadecimal, spaces and colons
	// allowed) of a root to which the embedded certificates must lead. Empty requires
	// nothing.
	RequirePathTo string
}

// AdditionalReport is the judgement.
type AdditionalReport struct {
	// Findings: error forbids embedding, warning does not.
	Findings []Finding
	// Paths are all that a machine can build offline from the leaf and the embedded
	// certificates, the additional ones among them.
	Paths []OfflinePath
}

// OfflinePath is a path over embedded certificates.
type OfflinePath struct {
	Certificates []*x509.Certificate // leaf first, without the anchor
	// Anchor is the subject of the root in which the path ends. Known is that root if
	// it is among AdditionalOptions.Anchors.
	Anchor string
	Known  *x509.Certificate
}

// String gives the path as one line: leaf <- intermediate <- [root].
func (p OfflinePath) String() string {
	var names []string
	for _, c := range p.Certificates {
		names = append(names, certchain.Name(c))
	}
	end := "[" + p.Anchor + "]"
	if p.Known != nil {
		end = fmt.Sprintf("[%s, SHA-1 %x]", p.Anchor, sha1.Sum(p.Known.Raw))
	}
	return strings.Join(append(names, end), " <- ")
}

// Err returns all findings of severity error as one error, nil if there are none.
func (r *AdditionalReport) Err() error {
	var lines []string
	for _, f := range r.Findings {
		if f.Severity == SeverityError {
			lines = append(lines, f.Message)
		}
	}
	if lines == nil {
		return nil
	}
	return fmt.Errorf("additional certificates: %s", strings.Join(lines, "; "))
}

// JudgeAdditional says whether embedding extra (signtool /ac) does any good: each has
// to be a certification authority's, valid, and issuer of something in the leaf's
// chain. What signtool leaves to luck is an error here, since a certificate off every
// path is a mistake that no verifier reports.
func JudgeAdditional(extra []*x509.Certificate, o AdditionalOptions) *AdditionalReport {
	if o.Time.IsZero() {
		o.Time = time.Now()
	}
	if o.Until.IsZero() {
		o.Until = o.Time
	}
	r := &AdditionalReport{Paths: offlinePaths(o, extra)}
	for _, c := range extra {
		r.Findings = append(r.Findings, judgeExtra(c, r.Paths, o)...)
	}
	if o.RequirePathTo != "" {
		r.Findings = append(r.Findings, requirePath(r.Paths, o.RequirePathTo)...)
	}
	return r
}

func judgeExtra(c *x509.Certificate, paths []OfflinePath, o AdditionalOptions) []Finding {
	bad := func(format string, args ...any) Finding {
		return problem(CheckChain, VerdictTrusted, "certificate %s: %s", certchain.Name(c), fmt.Sprintf(format, args...))
	}
	if c.Issuer.CommonName == codeVerificationRoot || c.Subject.CommonName == codeVerificationRoot {
		return []Finding{bad("belongs to the kernel cross-certificates under %q, which have all expired; Windows takes new drivers signed by "+
			"Microsoft only, and programs never needed them", codeVerificationRoot).WithHint("leave it out; for a driver use Microsoft's hardware portal")}
	}
	var out []Finding
	if certchain.IsRoot(c) {
		return append(out, warning(CheckChain, "certificate %s: is self-signed; a root inside a signature is useless, it has to be in the machine's store", certchain.Name(c)).
			WithHint("leave it out"))
	}
	if !c.IsCA || !c.BasicConstraintsValid {
		out = append(out, bad("is not the certificate of a CA, so it cannot be on a path"))
	}
	switch {
	case o.Time.Before(c.NotBefore):
		out = append(out, bad("is valid from %s only", c.NotBefore.UTC().Format(time.DateOnly)))
	case o.Until.After(c.NotAfter):
		out = append(out, bad("expired on %s", c.NotAfter.UTC().Format(time.DateOnly)).WithHint("get the CA's current cross-certificate"))
	}
	if !onAnyPath(c, paths) {
		out = append(out, bad("is on no path: its name and key are not the issuer's of any certificate in the chain of %s", certchain.Name(o.Leaf)).
			WithHint("embed only certificates that the chain leads through"))
	}
	if alg, weak := weakDigest(c.SignatureAlgorithm); weak {
		out = append(out, warning(CheckAlgorithms, "certificate %s: is signed with %s, which current Windows does not accept from a CA", certchain.Name(c), alg))
	}
	return out
}

func onAnyPath(c *x509.Certificate, paths []OfflinePath) bool {
	for _, p := range paths {
		for _, q := range p.Certificates {
			if q.Equal(c) {
				return true
			}
		}
	}
	return false
}

// offlinePaths finds all paths over the embedded certificates. A path ends at every
// certificate that one of the anchors signed, since a machine with that root goes no
// further, and where the issuer is not embedded.
func offlinePaths(o AdditionalOptions, extra []*x509.Certificate) []OfflinePath {
	var usable []*x509.Certificate
	for _, c := range append(o.Embedded[:len(o.Embedded):len(o.Embedded)], extra...) {
		if !certchain.IsRoot(c) {
			usable = append(usable, c)
		}
	}
	var out []OfflinePath
	seen := map[string]bool{}
	// Without anchors: a trusted certificate in the middle of a path must not end it.
	for _, chain := range certchain.Build(context.Background(), o.Leaf, certchain.Options{Time: o.Time, Intermediates: usable}) {
		certs := chain.Certificates
		for n := range certs {
			p := OfflinePath{Certificates: certs[:n+1], Anchor: printableIssuer(certs[n]), Known: o.Anchors.Issuer(certs[n])}
			last := n == len(certs)-1
			if (last || p.Known != nil) && !seen[p.String()] {
				seen[p.String()] = true
				out = append(out, p)
			}
		}
	}
	return out
}

// printableIssuer is the name of the issuer, with escapes for what cannot be
// printed.
func printableIssuer(c *x509.Certificate) string {
	return strings.Trim(strconv.Quote(cmp.Or(c.Issuer.CommonName, c.Issuer.String())), `"`)
}

// requirePath looks for the wanted root at the end of a path.
func requirePath(paths []OfflinePath, wanted string) []Finding {
	want := strings.ToLower(strings.NewReplacer(" ", "", ":", "", "\u200e", "").Replace(wanted)) // certmgr.msc copies a left-to-right mark
	if b, err := hex.DecodeString(want); err != nil || (len(b) != sha1.Size && len(b) != sha256.Size) {
		return []Finding{problem(CheckChain, VerdictTrusted, "required root %q is not a SHA-1 or SHA-256 thumbprint in hexadecimal", wanted)}
	}
	var ends []string
	for _, p := range paths {
		if p.Known != nil && (fmt.Sprintf("%x", sha1.Sum(p.Known.Raw)) == want || fmt.Sprintf("%x", sha256.Sum256(p.Known.Raw)) == want) {
			return nil
		}
		ends = append(ends, p.String())
	}
	return []Finding{problem(CheckChain, VerdictTrusted, "no embedded path ends in the required root %s; there are: %s", want, strings.Join(ends, ", ")).
		WithHint("embed the missing cross-certificate, and give the root itself with the trusted roots so that it can be recognised")}
}
