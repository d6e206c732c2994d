package certchain

import (
	"crypto"
	"crypto/x509"
	"fmt"
)

// tbsHashes are the hashes inside signature algorithms.
var tbsHashes = map[x509.SignatureAlgorithm]crypto.Hash{
	x509.MD5WithRSA: crypto.MD5, x509.SHA1WithRSA: crypto.SHA1, x509.DSAWithSHA1: crypto.SHA1, x509.ECDSAWithSHA1: crypto.SHA1,
	x509.SHA256WithRSA: crypto.SHA256, x509.SHA384WithRSA: crypto.SHA384, x509.SHA512WithRSA: crypto.SHA512,
	x509.SHA256WithRSAPSS: crypto.SHA256, x509.SHA384WithRSAPSS: crypto.SHA384, x509.SHA512WithRSAPSS: crypto.SHA512,
	x509.DSAWithSHA256: crypto.SHA256, x509.ECDSAWithSHA256: crypto.SHA256, x509.ECDSAWithSHA384: crypto.SHA384, x509.ECDSAWithSHA512: crypto.SHA512,
}

// TBSHash is the hash of the TBSCertificate with the hash algorithm of the
// certificate's own signature: what Windows calls CERT_SIGNATURE_HASH_PROP_ID
// (CryptHashToBeSigned), and what a CertRoot of an App Control policy holds. It
// is an error where that algorithm has no hash of its own, or one not known here.
func TBSHash(c *x509.Certificate) ([]byte, error) {
	hash, ok := tbsHashes[c.SignatureAlgorithm]
	if !ok {
		return nil, fmt.Errorf("certificate %s: signed with %v, for which no TBS hash is known", Name(c), c.SignatureAlgorithm)
	}
	h := hash.New()
	h.Write(c.RawTBSCertificate)
	return h.Sum(nil), nil
}
