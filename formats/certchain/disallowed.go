package certchain

import (
	"crypto/md5"  //nolint:gosec // how Microsoft's list names keys
	"crypto/sha1" //nolint:gosec // how Microsoft's lists name certificates
	"crypto/sha256"
	"crypto/x509"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Disallowed is a set of certificates that must not be trusted, whatever they lead to,
// such as Microsoft's list of disallowed certificates. The zero value is an empty set.
// It is filled first and then only read; reading is safe from several goroutines.
type Disallowed struct {
	hashes, thumbprints map[string]bool
}

// AddHash adds an identifier as Microsoft's list has them (wincrypt.h,
// szOID_DISALLOWED_HASH): the hash of the certificate's signed part with the algorithm
// of its signature (CERT_SIGNATURE_HASH_PROP_ID), or the MD5 of its public key
// (CERT_SUBJECT_PUBLIC_KEY_MD5_HASH_PROP_ID), which condemns every certificate with
// this key.
func (d *Disallowed) AddHash(id []byte) {
	if d.hashes == nil {
		d.hashes = map[string]bool{}
	}
	d.hashes[string(id)] = true
}

// AddThumbprint adds the SHA-1 or SHA-256 of a whole certificate.
func (d *Disallowed) AddThumbprint(id []byte) {
	if d.thumbprints == nil {
		d.thumbprints = map[string]bool{}
	}
	d.thumbprints[string(id)] = true
}

// Len is the number of identifiers.
func (d *Disallowed) Len() int { return len(d.hashes) + len(d.thumbprints) }

// Contains reports whether the certificate, or its key, is in the set.
func (d *Disallowed) Contains(c *x509.Certificate) bool {
	if d == nil {
		return false
	}
	s1, s256 := sha1.Sum(c.Raw), sha256.Sum256(c.Raw)
	return d.thumbprints[string(s1[:])] || d.thumbprints[string(s256[:])] || d.hashes[string(keyMD5(c))] || d.hasTBS(c)
}

func (d *Disallowed) hasTBS(c *x509.Certificate) bool {
	sum, err := TBSHash(c)
	return err == nil && d.hashes[string(sum)]
}

// keyMD5 is CERT_SUBJECT_PUBLIC_KEY_MD5_HASH_PROP_ID: of the bits of subjectPublicKey
// alone, without algorithm and framing.
func keyMD5(c *x509.Certificate) []byte {
	in := cryptobyte.String(c.RawSubjectPublicKeyInfo)
	var info cryptobyte.String
	var bits []byte
	if !in.ReadASN1(&info, cbasn1.SEQUENCE) || !info.SkipASN1(cbasn1.SEQUENCE) || !info.ReadASN1BitStringAsBytes(&bits) {
		return nil
	}
	sum := md5.Sum(bits)
	return sum[:]
}

// ruleDisallowed looks for every certificate of a path on the list.
func ruleDisallowed(path []*x509.Certificate, i int, o Options) []Finding {
	if !o.Disallowed.Contains(path[i]) {
		return nil
	}
	return []Finding{problem(CheckDisallowed, VerdictExplicitDistrust, "%s (SHA-1 %x) is on Microsoft's list of disallowed certificates", Name(path[i]), sha1.Sum(path[i].Raw)).
		WithHint("the certificate is known to be abused or compromised; a timestamp does not help")}
}
