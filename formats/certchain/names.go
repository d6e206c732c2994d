package certchain

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var oidNameConstraints = asn1.ObjectIdentifier{2, 5, 29, 30}

// Kinds of GeneralName, by their tags (RFC 5280 section 4.2.1.6).
const (
	nameEmail     = 1
	nameDNS       = 2
	nameDirectory = 4
)

// maxConstraints bounds the subtrees of one certificate: each is held against every name below it.
const maxConstraints = 1024

// generalName is a name of a certificate or the base of a subtree: the octets of the
// name, for a directoryName its RDNSequence.
type generalName struct {
	kind  int
	value []byte
}

// constraints is the extension NameConstraints.
type constraints struct{ permitted, excluded []generalName }

// ruleNames: no certificate below one with name constraints may have a name that they
// forbid (RFC 5280 sections 4.2.1.10 and 6.1.3 (b), (c)). The subject and names of
// directory, DNS and e-mail kind are matched; a name of any other kind that is
// constrained, and constraints that cannot be read, refuse the path. Self-issued CAs
// are free.
func ruleNames(path []*x509.Certificate, i int, _ Options) []Finding {
	ca := path[i]
	if i == 0 || !hasExtension(ca, oidNameConstraints) {
		return nil
	}
	rules, err := nameConstraints(ca)
	if err != nil {
		return []Finding{problem(CheckChain, VerdictInvalidName, "the name constraints of %s cannot be read: %v", Name(ca), err)}
	}
	for n, c := range path[:i] {
		if n > 0 && SelfIssued(c) {
			continue
		}
		if why := rules.forbid(c); why != "" {
			return []Finding{problem(CheckChain, VerdictInvalidName, "%s has a name that %s does not allow: %s", Name(c), Name(ca), why)}
		}
	}
	return nil
}

func nameConstraints(c *x509.Certificate) (*constraints, error) {
	for _, e := range c.Extensions {
		if e.Id.Equal(oidNameConstraints) {
			return parseConstraints(e.Value)
		}
	}
	return &constraints{}, nil
}

// parseConstraints reads SEQUENCE { permittedSubtrees [0], excludedSubtrees [1] }, both optional.
func parseConstraints(der []byte) (*constraints, error) {
	in := cryptobyte.String(der)
	var seq, list cryptobyte.String
	var present bool
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() {
		return nil, fmt.Errorf("no SEQUENCE")
	}
	out := &constraints{}
	for tag, to := range []*[]generalName{&out.permitted, &out.excluded} {
		if !seq.ReadOptionalASN1(&list, &present, cbasn1.Tag(tag).ContextSpecific().Constructed()) {
			return nil, fmt.Errorf("damaged list of subtrees")
		}
		if !present {
			continue
		}
		var err error
		if *to, err = readSubtrees(list); err != nil {
			return nil, err
		}
	}
	if !seq.Empty() {
		return nil, fmt.Errorf("%d bytes too many", len(seq))
	}
	return out, nil
}

// readSubtrees reads GeneralSubtrees, without minimum and maximum, which the
// profile does not allow.
func readSubtrees(list cryptobyte.String) (out []generalName, err error) {
	for !list.Empty() {
		var subtree cryptobyte.String
		if !list.ReadASN1(&subtree, cbasn1.SEQUENCE) || len(out) == maxConstraints {
			return nil, fmt.Errorf("damaged subtree, or more than %d", maxConstraints)
		}
		n, err := readName(&subtree)
		if err != nil {
			return nil, err
		}
		if !subtree.Empty() {
			return nil, fmt.Errorf("subtree with a minimum or maximum")
		}
		out = append(out, n)
	}
	return out, nil
}

// readName reads one GeneralName.
func readName(in *cryptobyte.String) (generalName, error) {
	var value, directory cryptobyte.String
	var tag cbasn1.Tag
	if !in.ReadAnyASN1(&value, &tag) || tag&0xc0 != 0x80 {
		return generalName{}, fmt.Errorf("damaged GeneralName")
	}
	n := generalName{int(tag & 0x1f), value}
	if n.kind != nameDirectory {
		return n, nil
	}
	if !value.ReadASN1(&directory, cbasn1.SEQUENCE) || !value.Empty() {
		return n, fmt.Errorf("damaged directoryName")
	}
	n.value = directory
	return n, nil
}

// namesOf lists the subject, unless it is empty, and the subject alternative names.
// Where there is no e-mail among the latter, the subject's own counts (RFC 5280 section
// 4.2.1.10).
func namesOf(c *x509.Certificate) ([]generalName, error) {
	raw := cryptobyte.String(c.RawSubject)
	var subject cryptobyte.String
	if !raw.ReadASN1(&subject, cbasn1.SEQUENCE) {
		return nil, fmt.Errorf("damaged subject")
	}
	var out []generalName
	if !subject.Empty() {
		out = append(out, generalName{nameDirectory, subject})
	}
	email := false
	for _, e := range c.Extensions {
		if !e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 17}) {
			continue
		}
		in := cryptobyte.String(e.Value)
		var list cryptobyte.String
		if !in.ReadASN1(&list, cbasn1.SEQUENCE) || !in.Empty() {
			return nil, fmt.Errorf("damaged subject alternative name")
		}
		for !list.Empty() {
			n, err := readName(&list)
			if err != nil {
				return nil, err
			}
			email = email || n.kind == nameEmail
			out = append(out, n)
		}
	}
	for _, a := range c.Subject.Names {
		if text, ok := a.Value.(string); ok && !email && a.Type.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}) {
			out = append(out, generalName{nameEmail, []byte(text)})
		}
	}
	return out, nil
}

// forbid says what is wrong with the names of c; "" if nothing is.
func (cs *constraints) forbid(c *x509.Certificate) string {
	names, err := namesOf(c)
	if err != nil {
		return err.Error()
	}
	for _, n := range names {
		if in, err := n.within(cs.excluded); err != nil || in {
			return fmt.Sprintf("%s is excluded%s", n, because(err))
		}
		if !constrained(cs.permitted, n.kind) {
			continue
		}
		if in, err := n.within(cs.permitted); err != nil || !in {
			return fmt.Sprintf("%s is not among the permitted%s", n, because(err))
		}
	}
	return ""
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return " (" + err.Error() + ")"
}

func constrained(list []generalName, kind int) bool {
	for _, n := range list {
		if n.kind == kind {
			return true
		}
	}
	return false
}

// within tells whether n lies in one of the subtrees of its kind. The error is for
// kinds that are not matched here.
func (n generalName) within(subtrees []generalName) (bool, error) {
	for _, s := range subtrees {
		if s.kind != n.kind {
			continue
		}
		switch n.kind {
		case nameDirectory:
			in, err := directoryWithin(n.value, s.value)
			if err != nil || in {
				return in, err
			}
		case nameDNS:
			if dnsWithin(string(n.value), string(s.value)) {
				return true, nil
			}
		case nameEmail:
			if emailWithin(string(n.value), string(s.value)) {
				return true, nil
			}
		default:
			return false, fmt.Errorf("constraints on names of kind %d cannot be judged", n.kind)
		}
	}
	return false, nil
}

// dnsWithin: labels may be added on the left side (RFC 5280 section 4.2.1.10). A
// leading dot of the constraint, which the RFC does not know for DNS names, is taken as
// if it were not there, as most verifiers do.
func dnsWithin(host, base string) bool {
	host, base = strings.ToLower(strings.TrimSuffix(host, ".")), strings.ToLower(strings.TrimPrefix(base, "."))
	return base == "" || host == base || strings.HasSuffix(host, "."+base)
}

// emailWithin: the constraint is a mailbox, a host, or with a leading dot all hosts of a domain.
func emailWithin(mailbox, base string) bool {
	at := strings.LastIndexByte(mailbox, '@')
	local, host := mailbox[:max(at, 0)], strings.ToLower(mailbox[at+1:])
	if b := strings.LastIndexByte(base, '@'); b >= 0 {
		return local == base[:b] && host == strings.ToLower(base[b+1:])
	}
	base = strings.ToLower(base)
	if strings.HasPrefix(base, ".") {
		return strings.HasSuffix(host, base)
	}
	return base == "" || host == base
}

// directoryWithin: the relative distinguished names of the base are the first of the
// name, in order.
func directoryWithin(rdns, base []byte) (bool, error) {
	a, b := cryptobyte.String(rdns), cryptobyte.String(base)
	for !b.Empty() {
		var x, y cryptobyte.String
		if !b.ReadASN1(&y, cbasn1.SET) {
			return false, fmt.Errorf("damaged directory name")
		}
		if a.Empty() {
			return false, nil
		}
		if !a.ReadASN1(&x, cbasn1.SET) {
			return false, fmt.Errorf("damaged directory name")
		}
		same, err := sameRDN(x, y)
		if err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// sameRDN compares two sets of attributes: the same octets, or the same types with
// strings that differ only in their encoding, in case or in white space (RFC 5280
// section 7.1).
func sameRDN(x, y cryptobyte.String) (bool, error) {
	if bytes.Equal(x, y) {
		return true, nil
	}
	a, err1 := attributes(x)
	b, err2 := attributes(y)
	if err1 != nil || err2 != nil || len(a) != len(b) {
		return false, firstOf(err1, err2)
	}
	for kind, value := range a {
		if b[kind] != value {
			return false, nil
		}
	}
	return true, nil
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// attributes reads the AttributeTypeAndValues of one RDN: values of string types folded
// for comparison, others as they are.
func attributes(rdn cryptobyte.String) (map[string]string, error) {
	out := map[string]string{}
	for !rdn.Empty() {
		var seq, whole cryptobyte.String
		var id asn1.ObjectIdentifier
		var tag cbasn1.Tag
		if !rdn.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1ObjectIdentifier(&id) || !seq.ReadAnyASN1Element(&whole, &tag) || !seq.Empty() {
			return nil, fmt.Errorf("damaged directory name")
		}
		if _, twice := out[id.String()]; twice {
			return nil, fmt.Errorf("directory name with %v twice in one place", id)
		}
		out[id.String()] = "raw " + string(whole)
		var text string
		if _, err := asn1.Unmarshal(whole, &text); err == nil {
			out[id.String()] = "text " + foldName(text)
		}
	}
	return out, nil
}

func (n generalName) String() string {
	switch n.kind {
	case nameDNS, nameEmail:
		return fmt.Sprintf("%q", n.value)
	case nameDirectory:
		return "the directory name"
	}
	return fmt.Sprintf("a name of kind %d", n.kind)
}

// HasName reports whether want is the common name of c or its whole subject.
// Names are compared as RFC 5280 section 7.1 says of directory strings: without
// regard to case, and with any run of white space as one space.
func HasName(c *x509.Certificate, want string) bool {
	want = foldName(want)
	return want != "" && (want == foldName(c.Subject.CommonName) || want == foldName(c.Subject.String()))
}

// foldName gives names that match the same form.
func foldName(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
