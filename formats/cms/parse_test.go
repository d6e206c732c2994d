package cms

import (
	"bytes"
	"crypto"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// embedded is one PKCS#7 blob of a real file.
type embedded struct {
	name string
	der  []byte
}

// realSignatures returns every PKCS#7 blob of the signed files in the saferwall/pe
// module and the sample collection, signatures nested in signatures and time-stamp
// tokens among them.
func realSignatures(t testing.TB) []embedded {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(formatstest.SaferwallSamples(t), "*"))
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, formatstest.CorpusFiles(t, "relic/*")...)
	files = append(files, formatstest.CorpusFiles(t, "jsign/wineyes.*")...)
	var out []embedded
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil || info.IsDir() || strings.HasSuffix(f, ".7z") || strings.HasSuffix(f, ".cdf") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		blobs := peSignatures(b)
		if strings.HasSuffix(f, ".cat") {
			blobs = [][]byte{b}
		}
		for _, der := range blobs {
			out = append(out, withNested(t, filepath.Base(f), der)...)
		}
	}
	return out
}

// withNested adds the SignedData in the unsigned attributes.
func withNested(t testing.TB, name string, der []byte) []embedded {
	t.Helper()
	out := []embedded{{name, der}}
	s, err := Parse(der)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, si := range s.Signers {
		for _, a := range si.UnsignedAttrs {
			kind := map[string]string{OIDNestedSignature.String(): "nested", OIDRFC3161Token.String(): "token"}[a.Type.String()]
			for _, v := range a.Values {
				if kind != "" {
					out = append(out, withNested(t, name+"/"+kind, v)...)
				}
			}
		}
	}
	return out
}

// peSignatures reads the PKCS#7 entries of a PE certificate table; nil for anything
// else. It is kept apart from formats/peimage so that a fault there does not hide
// signatures here.
func peSignatures(b []byte) [][]byte {
	if len(b) < 0x40 || b[0] != 'M' || b[1] != 'Z' {
		return nil
	}
	le := binary.LittleEndian
	nt := int(le.Uint32(b[0x3c:]))
	if nt+0xc0 > len(b) {
		return nil
	}
	dir := nt + 0x78
	if le.Uint16(b[nt+0x18:]) == 0x20b {
		dir += 0x10
	}
	off, size := int(le.Uint32(b[dir+32:])), int(le.Uint32(b[dir+36:]))
	if off == 0 || off+size > len(b) {
		return nil
	}
	var out [][]byte
	for table := b[off : off+size]; len(table) > 8; {
		n := int(le.Uint32(table))
		if n < 8 || n > len(table) {
			break
		}
		if le.Uint16(table[6:]) == 2 {
			out = append(out, table[8:n])
		}
		table = table[min(len(table), (n+7)&^7):]
	}
	return out
}

// TestRealSignatures reads, checks and writes the signatures of Microsoft's and others' files.
func TestRealSignatures(t *testing.T) {
	sigs := realSignatures(t)
	if len(sigs) < 25 {
		t.Fatalf("only %d signatures found", len(sigs))
	}
	for _, sig := range sigs {
		t.Run(sig.name, func(t *testing.T) {
			s, err := Parse(sig.der)
			if err != nil {
				t.Fatal(err)
			}
			checkRoundTrip(t, s, sig.der[:len(sig.der)-s.Trailing])
			if _, err := s.X509Certificates(); err != nil {
				t.Error(err)
			}
			for i := range s.Signers {
				checkSigner(t, s, i)
			}
		})
	}
}

// checkRoundTrip expects the same bytes where the sets are in order already, else the
// same bytes after another round.
func checkRoundTrip(t *testing.T, s *SignedData, in []byte) {
	t.Helper()
	out, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(in, out) {
		return
	}
	if len(in) != len(out) {
		t.Errorf("%d bytes in, %d bytes out", len(in), len(out))
	}
	again, err := Parse(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := sorted(s); err == nil {
		t.Error("all sets are in DER order, but other bytes come out")
	}
	if err := sorted(again); err != nil {
		t.Errorf("after writing: %v", err)
	}
	if twice, err := again.Marshal(); err != nil || !bytes.Equal(out, twice) {
		t.Errorf("writing again gives other bytes (%v)", err)
	}
}

// sorted says which set is not in DER order (X.690 section 11.6).
func sorted(s *SignedData) error {
	var certs [][]byte
	for _, c := range s.Certificates {
		certs = append(certs, c.Raw)
	}
	if !inOrder(certs) {
		return errors.New("certificates are not in order")
	}
	for _, si := range s.Signers {
		for _, a := range si.UnsignedAttrs {
			if !inOrder(a.Values) {
				return errors.New("values of an unsigned attribute are not in order")
			}
		}
		if len(si.UnsignedAttrs) > 1 {
			var attrs [][]byte
			for _, a := range si.UnsignedAttrs {
				der, err := Attributes{a}.Marshal()
				if err != nil {
					return err
				}
				attrs = append(attrs, contentOf(der))
			}
			if !inOrder(attrs) {
				return errors.New("unsigned attributes are not in order")
			}
		}
	}
	return nil
}

func contentOf(der []byte) []byte {
	h, ok := readHeader(der)
	if !ok {
		return nil
	}
	return der[h.size:]
}

func inOrder(set [][]byte) bool {
	for i := 1; i < len(set); i++ {
		if bytes.Compare(set[i-1], set[i]) > 0 {
			return false
		}
	}
	return true
}

func checkSigner(t *testing.T, s *SignedData, i int) {
	t.Helper()
	cert, err := s.SignerCertificate(i)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CheckContent(i); err != nil {
		t.Error(err)
	}
	si := s.Signers[i]
	if err := si.CheckSignature(cert); err != nil {
		t.Error(err)
	}
	si.Signature = bytes.Clone(si.Signature)
	si.Signature[len(si.Signature)/2] ^= 1
	if err := si.CheckSignature(cert); !errors.Is(err, ErrBadSignature) {
		t.Errorf("with one bit wrong: %v", err)
	}
	content := s.Content
	s.Content = bytes.Clone(content)
	s.Content[len(content)-1] ^= 1
	if err := s.CheckContent(i); !errors.Is(err, ErrBadDigest) {
		t.Errorf("with one bit of the content wrong: %v", err)
	}
	s.Content = content
}

// TestParseErrors has malformed input and where the error must point.
func TestParseErrors(t *testing.T) {
	good := smallSignedData(t)
	cut := func(n int) []byte { return good[:n] }
	edit := func(at int, b byte) []byte { out := bytes.Clone(good); out[at] = b; return out }
	find := func(part ...byte) int {
		i := bytes.Index(good, part)
		if i < 0 {
			t.Fatalf("% x not found", part)
		}
		return i
	}
	for name, c := range map[string]struct {
		in     []byte
		field  string
		offset int
	}{
		"empty":                {nil, "ContentInfo", 0},
		"text":                 {[]byte("hello"), "ContentInfo", 0},
		"cut":                  {cut(len(good) - 1), "ContentInfo", 0},
		"other content type":   {edit(find(1, 7, 2)+2, 1), "contentType", find(6, 9)},
		"length beyond end":    {[]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0}, "ContentInfo", 0},
		"indefinite, no end":   {[]byte{0x30, 0x80, 0x06, 0x01, 0x00}, "ContentInfo", 0},
		"version":              {edit(find(2, 1, 1), 4), "version", find(2, 1, 1)},
		"signer version":       {edit(find(2, 1, 1, 0x30), 4), "signerInfos[0].version", find(2, 1, 1, 0x30)},
		"signature is no text": {edit(len(good)-35, 5), "signerInfos[0].signature", len(good) - 35},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(c.in)
			var pe *ParseError
			if !errors.As(err, &pe) || pe.Field != c.field || pe.Offset != c.offset {
				t.Errorf("error is %v", err)
			}
		})
	}
	if s, err := Parse(append(bytes.Clone(good), 0, 0, 0)); err != nil || s.Trailing != 3 {
		t.Errorf("bytes after the end: %v, %v", s, err)
	}
}

// smallSignedData is the shortest that has every part up to the signature: a 33-byte
// OCTET STRING at the end.
func smallSignedData(t *testing.T) []byte {
	t.Helper()
	alg, err := DigestAlgorithm(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	s := &SignedData{Version: 1, DigestAlgorithms: []pkix.AlgorithmIdentifier{alg}, ContentType: OIDData, Content: []byte{4, 1, 'x'},
		Signers: []SignerInfo{{Version: 1, RawIssuer: []byte{0x30, 0}, Serial: big.NewInt(7), DigestAlgorithm: alg, SignatureAlgorithm: alg, Signature: make([]byte, 33)}}}
	der, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return der
}
