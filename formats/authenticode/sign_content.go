package authenticode

import (
	"crypto"
	"encoding/asn1"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Content is what a signature says about a PE file.
type Content struct {
	Hash         crypto.Hash
	Authentihash []byte
	PageHashes   []byte // table of page hashes as peimage makes it; nil for none
}

// Tags of the SpcXxx structures, which are IMPLICIT or wrap a CHOICE in an EXPLICIT tag
// ("Windows Authenticode Portable Executable Signature Format", "Authenticode-Specific
// Structures").
func contextPrimitive(n uint8) cbasn1.Tag   { return cbasn1.Tag(n).ContextSpecific() }
func contextConstructed(n uint8) cbasn1.Tag { return contextPrimitive(n).Constructed() }

// obsolete is the file name in SpcPeImageData. The specification wants it, signtool and
// osslsigncode write it.
const obsolete = "<<<Obsolete>>>"

// imageFlags is SpcPeImageFlags as all tools write it: an empty BIT STRING.
var imageFlags = []byte{0}

// marshalContent writes SpcIndirectDataContent { data { SpcPeImageData }, messageDigest
// DigestInfo }.
func marshalContent(c Content) ([]byte, error) {
	hashOID, err := cms.DigestOID(c.Hash)
	if err != nil {
		return nil, err
	}
	if len(c.Authentihash) != c.Hash.Size() {
		return nil, fmt.Errorf("writing SpcIndirectDataContent: digest of %d bytes, %v has %d", len(c.Authentihash), c.Hash, c.Hash.Size())
	}
	link, err := fileLink(c)
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(cms.OIDSpcPEImageData)
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.BIT_STRING, func(b *cryptobyte.Builder) { b.AddBytes(imageFlags) })
				b.AddASN1(contextConstructed(0), func(b *cryptobyte.Builder) { b.AddBytes(link) })
			})
		})
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(hashOID)
				b.AddASN1NULL()
			})
			b.AddASN1OctetString(c.Authentihash)
		})
	})
	return b.Bytes()
}

// fileLink writes SpcLink: with page hashes moniker [1] SpcSerializedObject, else file
// [2] SpcString.
func fileLink(c Content) ([]byte, error) {
	var b cryptobyte.Builder
	if c.PageHashes == nil {
		b.AddASN1(contextConstructed(2), func(b *cryptobyte.Builder) {
			b.AddASN1(contextPrimitive(0), func(b *cryptobyte.Builder) { b.AddBytes(utf16BE(obsolete)) })
		})
		return b.Bytes()
	}
	object, err := serializedPageHashes(c)
	if err != nil {
		return nil, err
	}
	b.AddASN1(contextConstructed(1), func(b *cryptobyte.Builder) {
		b.AddASN1OctetString([]byte(pageHashClass))
		b.AddASN1OctetString(object)
	})
	return b.Bytes()
}

// serializedPageHashes writes SET { SEQUENCE { page hash OID, SET { OCTET STRING } } }.
// There are identifiers for SHA-1 and SHA-256 only (WinTrust.h:
// SPC_PE_IMAGE_PAGE_HASHES_V1_OBJID, _V2_OBJID).
func serializedPageHashes(c Content) ([]byte, error) {
	if c.Hash != crypto.SHA256 {
		return nil, fmt.Errorf("writing page hashes: they exist for SHA-256, not for %v", c.Hash)
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(cms.OIDSpcPageHashesV2)
			b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddASN1OctetString(c.PageHashes) })
		})
	})
	return b.Bytes()
}

// signedAttributes are SpcStatementType, SpcSpOpusInfo and, if wanted, SpcIntentToSeal;
// cms adds contentType and messageDigest. There is no signingTime: nothing proves it,
// and without it the same input gives the same signature.
func signedAttributes(o SignOptions) (cms.Attributes, error) {
	purpose := cms.OIDSpcIndividualPurp
	if o.Commercial {
		purpose = cms.OIDSpcCommercialPurp
	}
	var statement cryptobyte.Builder
	statement.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(purpose) })
	der, err := statement.Bytes()
	if err != nil {
		return nil, err
	}
	opus, err := marshalOpus(o.Description, o.URL)
	if err != nil {
		return nil, err
	}
	var attrs cms.Attributes
	attrs.Set(cms.OIDSpcStatementType, der)
	attrs.Set(cms.OIDSpcSpOpusInfo, opus)
	if o.IntentToSeal {
		intent, err := asn1.Marshal(intentToSeal{Seal: true})
		if err != nil {
			return nil, err
		}
		attrs.Set(cms.OIDIntentToSeal, intent)
	}
	return attrs, nil
}

// marshalOpus writes SpcSpOpusInfo { programName [0] SpcString, moreInfo [1] SpcLink };
// both may be missing.
func marshalOpus(description, link string) ([]byte, error) {
	if err := checkURL(link); err != nil {
		return nil, err
	}
	if !utf8.ValidString(description) {
		return nil, errors.New("writing description: not UTF-8") // each wrong byte would become a replacement character
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		if description != "" {
			b.AddASN1(contextConstructed(0), func(b *cryptobyte.Builder) {
				b.AddASN1(contextPrimitive(0), func(b *cryptobyte.Builder) { b.AddBytes(utf16BE(description)) })
			})
		}
		if link != "" {
			b.AddASN1(contextConstructed(1), func(b *cryptobyte.Builder) {
				b.AddASN1(contextPrimitive(0), func(b *cryptobyte.Builder) { b.AddBytes([]byte(link)) })
			})
		}
	})
	return b.Bytes()
}

// checkURL: an IA5String holds ASCII only, and Windows makes a link of it, on which people click.
func checkURL(s string) error {
	bad := func(r rune) bool { return r <= ' ' || r >= 0x7f }
	if i := strings.IndexFunc(s, bad); i >= 0 {
		return cms.WrongOption("URL", "writing URL %q: byte %d is not a printable ASCII character (internationalised names in their xn-- form)", s, i)
	}
	if s == "" {
		return nil
	}
	if u, err := url.Parse(s); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return cms.WrongOption("URL", "writing URL %q: not an address that begins with https:// or http://", s)
	}
	return nil
}

func utf16BE(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u>>8), byte(u))
	}
	return out
}
