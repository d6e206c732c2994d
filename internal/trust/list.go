package trust

import (
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Attributes of the entries of Microsoft's list are properties of certificate contexts, numbered below
// 1.3.6.1.4.1.311.10.11 (wincrypt.h, szOID_CERT_PROP_ID_PREFIX).
const (
	propUsage           = 9   // CERT_ENHKEY_USAGE_PROP_ID: DER SEQUENCE OF OID
	propSHA256          = 98  // CERT_AUTH_ROOT_SHA256_HASH_PROP_ID
	propDisallowedFrom  = 104 // CERT_DISALLOWED_FILETIME_PROP_ID
	propDisallowedUsage = 122 // CERT_DISALLOWED_ENHKEY_USAGE_PROP_ID
	propNotBefore       = 126 // CERT_NOT_BEFORE_FILETIME_PROP_ID: certificates issued later are not trusted
	propNotBeforeUsage  = 127 // CERT_NOT_BEFORE_ENHKEY_USAGE_PROP_ID: for these usages
)

const maxEntries = 2000 // the list has about 500

var oidPropPrefix = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 11}

// purpose says whether a root is trusted for something, and up to when.
type purpose struct {
	trusted bool
	limits  certchain.Limits
}

// entry is one root of the list.
type entry struct {
	sha1, sha256 []byte
	code, stamp  purpose // code signing, time stamping
}

// rootList is Microsoft's list of trusted roots.
type rootList struct {
	sequence *big.Int
	issued   time.Time
	entries  []entry
}

// parseList checks the signature of authroot.stl and reads it.
func parseList(stl []byte, anchors *certchain.Pool, now time.Time) (*rootList, error) {
	kind := trustedRoots()
	c, err := openList(stl, kind, anchors, now)
	if err != nil {
		return nil, err
	}
	l, err := readRoots(c)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %v", kind.name, err)
	}
	return l, nil
}

// readRoots reads the entries, which SHA-1 identifies.
func readRoots(c *ctl) (*rootList, error) {
	l := &rootList{sequence: c.sequence, issued: c.issued}
	if !c.algorithm.Equal(cms.OIDSHA1) {
		return nil, errors.New("its entries are not identified by SHA-1")
	}
	for !c.subjects.Empty() {
		e, err := readEntry(&c.subjects)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %v", len(l.entries)+1, err)
		}
		if l.entries = append(l.entries, e); len(l.entries) > maxEntries {
			return nil, fmt.Errorf("more than %d entries", maxEntries)
		}
	}
	return l, nil
}

func readEntry(in *cryptobyte.String) (entry, error) {
	var seq, attrs cryptobyte.String
	var e entry
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1Bytes(&e.sha1, cbasn1.OCTET_STRING) || len(e.sha1) != 20 {
		return e, errors.New("malformed identifier")
	}
	props := map[int][]byte{}
	if !seq.Empty() && !seq.ReadASN1(&attrs, cbasn1.SET) {
		return e, errors.New("malformed attributes")
	}
	for !attrs.Empty() {
		var attr, values cryptobyte.String
		var id asn1.ObjectIdentifier
		var value []byte
		if !attrs.ReadASN1(&attr, cbasn1.SEQUENCE) || !attr.ReadASN1ObjectIdentifier(&id) || !attr.ReadASN1(&values, cbasn1.SET) {
			return e, errors.New("malformed attribute")
		}
		if len(id) != len(oidPropPrefix)+1 || !id[:len(oidPropPrefix)].Equal(oidPropPrefix) {
			continue
		}
		if !values.ReadASN1Bytes(&value, cbasn1.OCTET_STRING) {
			return e, fmt.Errorf("malformed value of attribute %v", id)
		}
		props[id[len(id)-1]] = value
	}
	return e, e.judge(props)
}

// judge decides what the root is trusted for, and with which limits.
func (e *entry) judge(props map[int][]byte) error {
	if e.sha256 = props[propSHA256]; len(e.sha256) != 32 {
		return fmt.Errorf("root %x has no SHA-256 thumbprint", e.sha1)
	}
	for _, p := range []struct {
		usage asn1.ObjectIdentifier
		to    *purpose
	}{{cms.OIDEKUCodeSigning, &e.code}, {cms.OIDEKUTimeStamping, &e.stamp}} {
		p.to.trusted = true
		if list, ok := props[propUsage]; ok {
			var err error
			if p.to.trusted, err = lists(list, p.usage); err != nil {
				return err
			}
		}
		for _, limit := range []struct {
			date, usages int
			to           *time.Time
		}{{propDisallowedFrom, propDisallowedUsage, &p.to.limits.Disabled}, {propNotBefore, propNotBeforeUsage, &p.to.limits.NotBefore}} {
			ever, err := limited(props, limit.date, limit.usages, p.usage, limit.to)
			if err != nil {
				return err
			}
			p.to.trusted = p.to.trusted && !ever
		}
	}
	return nil
}

// limited reads a date property and its list of usages, which together limit one usage: a date without a list concerns all
// usages, a list without a date takes them away, whenever the signature was made (Microsoft, "Deprecation definitions", EKU removal).
func limited(props map[int][]byte, date, usages int, usage asn1.ObjectIdentifier, to *time.Time) (ever bool, err error) {
	when, dated := props[date]
	list, listed := props[usages]
	if dated && len(when) != 8 {
		return false, fmt.Errorf("property %d is not a FILETIME", date)
	}
	concerned := dated
	if listed {
		if concerned, err = lists(list, usage); err != nil {
			return false, err
		}
	}
	if concerned && dated {
		*to = fileTime(when)
	}
	return concerned && !dated, nil
}

// lists reports whether a DER SEQUENCE OF OID holds a usage.
func lists(der []byte, usage asn1.ObjectIdentifier) (bool, error) {
	var oids []asn1.ObjectIdentifier
	if rest, err := asn1.Unmarshal(der, &oids); err != nil || len(rest) > 0 {
		return false, errors.New("malformed list of usages")
	}
	for _, o := range oids {
		if o.Equal(usage) {
			return true, nil
		}
	}
	return false, nil
}

// fileTime converts a FILETIME: 100 ns since 1601-01-01, little-endian (Microsoft, "FILETIME structure").
func fileTime(b []byte) time.Time {
	const since1970 = 11644473600 // seconds from 1601 to 1970
	n := binary.LittleEndian.Uint64(b)
	return time.Unix(int64(n/1e7)-since1970, int64(n%1e7)*100).UTC()
}
