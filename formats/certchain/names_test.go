package certchain_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// subtrees is the extension NameConstraints with one directory name; excluded or else permitted.
func subtrees(t *testing.T, excluded bool, n pkix.Name) pkix.Extension {
	t.Helper()
	der, err := asn1.Marshal(n.ToRDNSequence())
	if err != nil {
		t.Fatal(err)
	}
	wrap := func(class, tag int, b []byte) []byte {
		out, err := asn1.Marshal(asn1.RawValue{Class: class, Tag: tag, IsCompound: true, Bytes: b})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	tag := 0
	if excluded {
		tag = 1
	}
	tree := wrap(asn1.ClassUniversal, asn1.TagSequence, wrap(asn1.ClassContextSpecific, 4, der))
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 30}, Critical: true, Value: wrap(asn1.ClassUniversal, asn1.TagSequence, wrap(asn1.ClassContextSpecific, tag, tree))}
}

// TestNameConstraints: openssl, which implements RFC 5280 too, has to be of the same mind.
func TestNameConstraints(t *testing.T) {
	openssl := formatstest.Tool(t, "openssl")
	root := grow(t, nil, "root", ca)
	org := func(name string) pkix.Name { return pkix.Name{Country: []string{"CH"}, Organization: []string{name}} }
	directory := func(excluded bool, n pkix.Name) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.Subject, c.ExtraExtensions = pkix.Name{Country: []string{"CH"}, Organization: []string{"Example"}, CommonName: "mid"}, []pkix.Extension{subtrees(t, excluded, n)}
		}
	}
	subject := func(n pkix.Name) func(*x509.Certificate) {
		return func(c *x509.Certificate) { n.CommonName = "leaf"; c.Subject = n }
	}
	dns := func(names ...string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.DNSNames = names }
	}
	mail := func(names ...string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.EmailAddresses = names }
	}
	permitDNS := func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"example.org"} }
	permitMail := func(names ...string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.PermittedEmailAddresses = names }
	}
	for name, c := range map[string]struct {
		mid, leaf func(*x509.Certificate)
		good      bool
	}{
		"directory permitted":             {directory(false, org("Example")), subject(org("Example")), true},
		"directory permitted, other case": {directory(false, org("Example")), subject(org("EXAMPLE")), true},
		"directory not permitted":         {directory(false, org("Example")), subject(org("Example Ltd")), false},
		"directory permitted, name is short": {directory(false, pkix.Name{Country: []string{"CH"}, Organization: []string{"Example"}, OrganizationalUnit: []string{"Code"}}),
			subject(pkix.Name{Country: []string{"CH"}, Organization: []string{"Example"}}), false},
		"directory excluded":           {directory(true, org("Evil")), subject(org("Evil")), false},
		"directory not excluded":       {directory(true, org("Evil")), subject(org("Example")), true},
		"DNS permitted":                {permitDNS, dns("a.example.org", "EXAMPLE.org"), true},
		"DNS not permitted":            {permitDNS, dns("a.example.org", "badexample.org"), false},
		"DNS constrained, none":        {permitDNS, nil, true},
		"DNS excluded":                 {func(c *x509.Certificate) { c.ExcludedDNSDomains = []string{"example.org"} }, dns("a.example.org"), false},
		"DNS not excluded":             {func(c *x509.Certificate) { c.ExcludedDNSDomains = []string{"example.org"} }, dns("example.com"), true},
		"host of mail permitted":       {permitMail("example.org"), mail("a@example.org"), true},
		"host of mail not permitted":   {permitMail("example.org"), mail("a@b.example.org"), false},
		"domain of mail permitted":     {permitMail(".example.org"), mail("a@b.example.org"), true},
		"domain of mail not permitted": {permitMail(".example.org"), mail("a@example.org"), false},
		"mailbox permitted":            {permitMail("a@example.org"), mail("a@EXAMPLE.org"), true},
		"mailbox not permitted":        {permitMail("a@example.org"), mail("b@example.org"), false},
	} {
		t.Run(name, func(t *testing.T) {
			edit := c.leaf
			if edit == nil {
				edit = signing
			}
			mid := grow(t, root, "mid", also(ca, func(c *x509.Certificate) { c.PermittedDNSDomainsCritical = true }, c.mid))
			leaf := grow(t, mid, "leaf", also(signing, edit))
			o := certchain.Options{Anchors: certchain.NewPool(root.Certificate), Intermediates: certs(mid)}
			best := certchain.Build(t.Context(), leaf.Certificate, o)[0]
			want := certchain.VerdictTrusted
			if !c.good {
				want = certchain.VerdictInvalidName
			}
			if got := best.Verdict(); got != want {
				t.Errorf("verdict is %v, want %v: %v", got, want, best.Problems)
			}
			out, err := exec.Command(openssl, "verify", "-CAfile", pemFile(t, root), "-untrusted", pemFile(t, mid), pemFile(t, leaf)).CombinedOutput()
			if (err == nil) != c.good {
				t.Errorf("openssl: %v\n%s", err, out)
			}
		})
	}
}

func pemFile(t *testing.T, n *node) string {
	t.Helper()
	f := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(f, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: n.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestNameConstraintsUnjudged: what is constrained and not understood refuses the path.
func TestNameConstraintsUnjudged(t *testing.T) {
	root := grow(t, nil, "root", ca)
	for name, c := range map[string]struct{ mid, leaf func(*x509.Certificate) }{
		"IP address": {func(c *x509.Certificate) {
			c.PermittedIPRanges = []*net.IPNet{{IP: net.IPv4(10, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}}
		}, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(10, 0, 0, 1)} }},
		"attribute twice": {func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{subtrees(t, false, pkix.Name{Organization: []string{"Example"}})}
		}, func(c *x509.Certificate) { c.Subject = pkix.Name{Organization: []string{"Evil", "Example"}} }},
	} {
		t.Run(name, func(t *testing.T) {
			mid := grow(t, root, "mid", also(ca, c.mid))
			leaf := grow(t, mid, "leaf", also(signing, c.leaf))
			best := certchain.Build(t.Context(), leaf.Certificate, certchain.Options{Anchors: certchain.NewPool(root.Certificate), Intermediates: certs(mid)})[0]
			if got := best.Verdict(); got != certchain.VerdictInvalidName {
				t.Errorf("verdict is %v: %v", got, best.Problems)
			}
		})
	}
}
