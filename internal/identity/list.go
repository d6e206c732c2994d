package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// Listing is what an identity holds and whether it can be used.
type Listing struct {
	Identity     string    `json:"identity"` // the short form
	Kind         string    `json:"kind"`
	Test         bool      `json:"test"`
	Verdict      string    `json:"verdict"`       // usable, usable with warnings, or not usable
	Key          *KeyEntry `json:"key,omitempty"` // of keys behind a service
	Certificates []Entry   `json:"certificates"`
	Problems     []Problem `json:"problems,omitempty"`
	Warnings     []string  `json:"warnings,omitempty"` // noticed while opening
}

// KeyEntry is what a service says about a key. Texts are made printable.
type KeyEntry struct {
	service.Info
	Milliseconds int64 `json:"latency_ms,omitempty"` // of the trial signature
}

// keyEntry is nil for keys that are behind no service.
func (i *Identity) keyEntry() *KeyEntry {
	if i.info == nil {
		return nil
	}
	k := &KeyEntry{Info: *i.info, Milliseconds: i.info.Latency.Milliseconds()}
	for _, s := range []*string{&k.Name, &k.Version, &k.Protection, &k.Algorithm, &k.Region, &k.Credential} {
		*s = printable.Text(*s)
	}
	return k
}

// Entry is one certificate. Texts from the certificate are made printable.
type Entry struct {
	Role      string    `json:"role"` // signs, intermediate, root, time stamping, or held: in the store but not in the chain
	Class     string    `json:"class"`
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Serial    string    `json:"serial"` // hexadecimal
	SHA1      string    `json:"sha1"`   // of the DER: what Windows calls the thumbprint
	SHA256    string    `json:"sha256"` // of the DER
	Key       string    `json:"key"`    // such as RSA-3072
	Signature string    `json:"signature"`
	EKUs      []string  `json:"ekus,omitempty"`     // names, or dotted numbers where no name is known
	Policies  []string  `json:"policies,omitempty"` // dotted numbers
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	DaysLeft  int       `json:"days_left"` // whole days; negative when expired
	AIA       []string  `json:"aia,omitempty"`
	CRL       []string  `json:"crl,omitempty"`
	OCSP      []string  `json:"ocsp,omitempty"`
}

// List describes the identity at the time now. Like Judge it makes one
// signature the first time.
func (i *Identity) List(now time.Time) *Listing {
	l := &Listing{Identity: i.Ref, Kind: i.Kind, Test: i.Test, Problems: i.Judge(now), Warnings: i.Warnings}
	l.Verdict = verdict(l.Problems)
	l.Key = i.keyEntry() // after the judgement, which measures the latency
	l.add("signs", now, i.Certificate)
	l.add("intermediate", now, i.Chain...)
	l.add("cross-certificate", now, i.Cross...)
	if i.Root != nil && !i.Root.Equal(i.Certificate) {
		l.add("root", now, i.Root)
	}
	if i.TSA != nil {
		l.add("time stamping", now, i.TSA.Certificate)
	}
	for _, c := range i.Held {
		if !l.has(c) {
			l.add("held", now, c)
		}
	}
	return l
}

func verdict(problems []Problem) string {
	v := "usable"
	for _, p := range problems {
		if p.Severity == Error {
			return "not usable"
		}
		v = "usable with warnings"
	}
	return v
}

func (l *Listing) add(role string, now time.Time, certs ...*x509.Certificate) {
	for _, c := range certs {
		l.Certificates = append(l.Certificates, entry(role, now, c))
	}
}

func (l *Listing) has(c *x509.Certificate) bool {
	sum := sha256.Sum256(c.Raw)
	for _, e := range l.Certificates {
		if e.SHA256 == hex.EncodeToString(sum[:]) {
			return true
		}
	}
	return false
}

func entry(role string, now time.Time, c *x509.Certificate) Entry {
	s1, s256 := sha1.Sum(c.Raw), sha256.Sum256(c.Raw)
	e := Entry{
		Role: role, Class: string(certchain.Classify(c)),
		Subject: printable.Text(c.Subject.String()), Issuer: printable.Text(c.Issuer.String()),
		Serial: fmt.Sprintf("%x", c.SerialNumber),
		SHA1:   hex.EncodeToString(s1[:]), SHA256: hex.EncodeToString(s256[:]),
		Key: keyName(c), Signature: c.SignatureAlgorithm.String(),
		EKUs:      usages(c),
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(), DaysLeft: days(c.NotAfter.Sub(now)),
		AIA: printables(c.IssuingCertificateURL), CRL: printables(c.CRLDistributionPoints), OCSP: printables(c.OCSPServer),
	}
	for _, p := range c.Policies {
		e.Policies = append(e.Policies, p.String())
	}
	return e
}

func keyName(c *x509.Certificate) string {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA-%d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	}
	return c.PublicKeyAlgorithm.String()
}

// usageName gives the usual names of extended key usages (RFC 5280 section
// 4.2.1.12, wincrypt.h).
func usageName(oid string) string {
	name, ok := map[string]string{
		"1.3.6.1.5.5.7.3.1":       "server authentication",
		"1.3.6.1.5.5.7.3.2":       "client authentication",
		"1.3.6.1.5.5.7.3.3":       "code signing",
		"1.3.6.1.5.5.7.3.4":       "e-mail protection",
		"1.3.6.1.5.5.7.3.8":       "time stamping",
		"1.3.6.1.5.5.7.3.9":       "OCSP signing",
		"2.5.29.37.0":             "any",
		oidLifetimeSigning:        "lifetime signing",
		"1.3.6.1.4.1.311.10.3.5":  "WHQL driver",
		"1.3.6.1.4.1.311.10.3.6":  "Windows component",
		"1.3.6.1.4.1.311.97.1.0":  "Artifact Signing public trust",
		"1.3.6.1.4.1.311.10.3.12": "document signing",
	}[oid]
	if !ok {
		return oid
	}
	return name
}

func usages(c *x509.Certificate) []string {
	var names []string
	for _, oid := range certchain.EKUs(c) {
		names = append(names, usageName(oid))
	}
	return names
}

// purposes says for a message what a certificate may be used for.
func purposes(c *x509.Certificate) string {
	if names := usages(c); len(names) > 0 {
		return strings.Join(names, ", ")
	}
	return "no particular purpose"
}

func printables(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, printable.Text(s))
	}
	return out
}

// WriteText writes the listing for people: verdict, a table, and each
// certificate in full.
func (l *Listing) WriteText(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "identity  %s\nverdict   %s\n", printable.Text(l.Identity), l.Verdict)
	for _, p := range l.Problems {
		fmt.Fprintf(&b, "%-9s %s\n", p.Severity, p.Text)
		if p.Hint != "" {
			fmt.Fprintf(&b, "%-9s %s\n", "hint", p.Hint)
		}
	}
	for _, text := range l.Warnings {
		fmt.Fprintf(&b, "%-9s %s\n", "note", text)
	}
	if l.Key != nil {
		l.Key.write(&b)
	}
	b.WriteByte('\n')
	l.table(&b)
	for _, e := range l.Certificates {
		e.details(&b)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (k *KeyEntry) write(b *bytes.Buffer) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "%-9s %s\n", name, value)
		}
	}
	line("key", k.Name)
	line("version", k.Version)
	line("algorithm", k.Algorithm)
	line("lies in", k.Protection)
	line("region", k.Region)
	line("logged in", k.Credential)
	if k.Milliseconds > 0 {
		line("latency", fmt.Sprintf("%d ms for one signature", k.Milliseconds))
	}
}

func (l *Listing) table(b *bytes.Buffer) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ROLE\tCLASS\tKEY\tVALID UNTIL\tDAYS LEFT\tSUBJECT")
	for _, e := range l.Certificates {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\n", e.Role, e.Class, e.Key, e.NotAfter.Format(time.DateOnly), e.DaysLeft, e.Subject)
	}
	t.Flush() // into a buffer, which cannot fail
}

func (e Entry) details(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n%s: %s\n", e.Role, e.Subject)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "  %-10s %s\n", name, value)
		}
	}
	line("issuer", e.Issuer)
	line("serial", e.Serial)
	line("sha1", e.SHA1)
	line("sha256", e.SHA256)
	line("signature", e.Signature)
	line("valid", e.NotBefore.Format(time.RFC3339)+" to "+e.NotAfter.Format(time.RFC3339))
	line("usages", strings.Join(e.EKUs, ", "))
	line("policies", strings.Join(e.Policies, ", "))
	line("issuer at", strings.Join(e.AIA, ", "))
	line("crl", strings.Join(e.CRL, ", "))
	line("ocsp", strings.Join(e.OCSP, ", "))
}
