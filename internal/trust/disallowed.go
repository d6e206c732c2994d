package trust

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
)

// oidDisallowedHash is the subjectAlgorithm of Microsoft's list of disallowed certificates (wincrypt.h, szOID_DISALLOWED_HASH,
// which is CERT_SIGNATURE_HASH_PROP_ID as an object identifier): an entry is a signature hash or the MD5 of a public key.
var oidDisallowedHash = append(slices.Clone(oidPropPrefix), 15)

// hashSizes are the lengths that an entry of either kind can have: MD5, SHA-1, SHA-256, SHA-384, SHA-512.
var hashSizes = []int{16, 20, 32, 48, 64}

// maxDisallowed bounds the list; it has some hundred entries.
const maxDisallowed = 50_000

// DisallowedList is what Update keeps of Microsoft's list of disallowed certificates, in hexadecimal.
type DisallowedList struct {
	Sequence string    `json:"sequence"` // a later list has a greater one
	Issued   time.Time `json:"issued"`
	// Hashes are identifiers of szOID_DISALLOWED_HASH, Thumbprints SHA-1 or SHA-256 of certificates. A list has either.
	Hashes      []string `json:"hashes,omitempty"`
	Thumbprints []string `json:"thumbprints,omitempty"`
}

// parseDisallowed checks the signature of disallowedcert.stl and reads it.
func parseDisallowed(stl []byte, anchors *certchain.Pool, now time.Time) (*DisallowedList, *ctl, error) {
	kind := disallowedCerts()
	c, err := openList(stl, kind, anchors, now)
	if err != nil {
		return nil, nil, err
	}
	l, err := readDisallowed(c)
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %v", kind.name, err)
	}
	return l, c, nil
}

// readDisallowed reads the identifiers; attributes of entries, which say when and why, are passed over. An identifier of a
// kind that is not known here makes the list useless: certificates it disallows would be trusted.
func readDisallowed(c *ctl) (*DisallowedList, error) {
	l := &DisallowedList{Sequence: c.sequence.Text(16), Issued: c.issued.UTC()}
	sizes, to, err := identifiers(c.algorithm, l)
	if err != nil {
		return nil, err
	}
	for !c.subjects.Empty() {
		var seq cryptobyte.String
		var id []byte
		if !c.subjects.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1Bytes(&id, cbasn1.OCTET_STRING) || !slices.Contains(sizes, len(id)) {
			return nil, fmt.Errorf("entry %d: malformed identifier", len(*to)+1)
		}
		if *to = append(*to, hex.EncodeToString(id)); len(*to) > maxDisallowed {
			return nil, fmt.Errorf("more than %d entries", maxDisallowed)
		}
	}
	if len(*to) == 0 {
		return nil, errors.New("it is empty")
	}
	return l, nil
}

// identifiers says which lengths identifiers of an algorithm have and where they belong.
func identifiers(algorithm asn1.ObjectIdentifier, l *DisallowedList) (sizes []int, to *[]string, err error) {
	switch {
	case algorithm.Equal(oidDisallowedHash):
		return hashSizes, &l.Hashes, nil
	case algorithm.Equal(cms.OIDSHA1):
		return []int{sha1.Size}, &l.Thumbprints, nil
	case algorithm.Equal(cms.OIDSHA256):
		return []int{sha256.Size}, &l.Thumbprints, nil
	}
	return nil, nil, fmt.Errorf("its entries are identified by %v, which is not known here", algorithm)
}

// set makes the list what a verification takes.
func (l *DisallowedList) set() (*certchain.Disallowed, error) {
	d := &certchain.Disallowed{}
	for _, ids := range []struct {
		list []string
		add  func([]byte)
	}{{l.Hashes, d.AddHash}, {l.Thumbprints, d.AddThumbprint}} {
		for _, s := range ids.list {
			id, err := hex.DecodeString(s)
			if err != nil || !slices.Contains(hashSizes, len(id)) {
				return nil, fmt.Errorf("disallowed certificate %q is not an identifier in hexadecimal", s)
			}
			ids.add(id)
		}
	}
	return d, nil
}
