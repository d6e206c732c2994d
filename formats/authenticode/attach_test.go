package authenticode_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func stripped(t testing.TB, b []byte, o peimage.StripOptions) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := authenticode.Strip(context.Background(), bytes.NewReader(b), int64(len(b)), &out, o); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestStripGivesBackGoPrograms: byte for byte, whatever was done to the signature.
func TestStripGivesBackGoPrograms(t *testing.T) {
	p := formatstest.NewPKI(t)
	for _, arch := range []string{"amd64", "386", "arm64"} {
		program := readFile(t, formatstest.GoProgram(t, arch))
		b := signed(t, program, authenticode.SignOptions{Signer: signer(p.Leaf), PageHashes: true})
		b = stamped(t, signed(t, b, authenticode.SignOptions{Signer: signer(p.Second), Existing: authenticode.ExistingAppend}), 1)
		if !bytes.Equal(program, stripped(t, b, peimage.StripOptions{})) {
			t.Errorf("%s: stripped file differs from the one that was signed", arch)
		}
	}
}

// TestStripChecksum covers what other linkers leave in CheckSum, and padding.
func TestStripChecksum(t *testing.T) {
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	optional := int(binary.LittleEndian.Uint32(program[60:])) + 24
	other := bytes.Clone(program)
	other[optional+2] = 14 // a linker version that is not Go's
	right := bytes.Clone(other)
	d, err := digestOf(right)
	if err != nil {
		t.Fatal(err)
	}
	binary.LittleEndian.PutUint32(right[optional+64:], d.Checksum)
	odd := append(bytes.Clone(program), "odd"...)
	cases := map[string]struct {
		unsigned []byte
		o        peimage.StripOptions
		same     bool
	}{
		"Go, automatic":                       {program, peimage.StripOptions{}, true},
		"Go, computed":                        {program, peimage.StripOptions{Checksum: peimage.ChecksumComputed}, false},
		"Go, kept":                            {program, peimage.StripOptions{Checksum: peimage.ChecksumKeep}, false},
		"other linker with sum, automatic":    {right, peimage.StripOptions{}, true},
		"other linker without sum, zero":      {other, peimage.StripOptions{Checksum: peimage.ChecksumZero}, true},
		"other linker without sum, wrong":     {other, peimage.StripOptions{}, false},
		"odd size, known":                     {odd, peimage.StripOptions{Size: int64(len(odd))}, true},
		"odd size, unknown keeps the padding": {odd, peimage.StripOptions{}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := signed(t, c.unsigned, authenticode.SignOptions{Signer: signer(p.Leaf)})
			if got := bytes.Equal(c.unsigned, stripped(t, b, c.o)); got != c.same {
				t.Errorf("same bytes: %v, want %v", got, c.same)
			}
		})
	}
}

func digestOf(b []byte) (*peimage.Digests, error) {
	im, err := peimage.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	return im.Digest(context.Background(), bytes.NewReader(b), peimage.Request{Checksum: true})
}

func TestStripRefuses(t *testing.T) {
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	b := signed(t, program, authenticode.SignOptions{Signer: signer(p.Leaf)})
	cases := map[string]struct {
		file []byte
		o    peimage.StripOptions
		want string
	}{
		"unsigned":             {program, peimage.StripOptions{}, authenticode.ErrUnsigned.Error()},
		"size too small":       {b, peimage.StripOptions{Size: int64(len(program)) - 8}, "does not fit"},
		"size too large":       {b, peimage.StripOptions{Size: int64(len(program)) + 1}, "does not fit"},
		"data after the table": {append(bytes.Clone(b), 1), peimage.StripOptions{}, "1 bytes follow it"},
	}
	for name, c := range cases {
		err := authenticode.Strip(context.Background(), bytes.NewReader(c.file), int64(len(c.file)), &bytes.Buffer{}, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func attach(b, p7 []byte, policy authenticode.Existing) ([]byte, error) {
	var out bytes.Buffer
	_, err := authenticode.Attach(context.Background(), bytes.NewReader(b), int64(len(b)), &out, p7, policy)
	return out.Bytes(), err
}

func TestExtractAndAttach(t *testing.T) {
	for name, b := range signedCases(t) {
		t.Run(name, func(t *testing.T) {
			bare := stripped(t, b, peimage.StripOptions{})
			for _, p7 := range [][]byte{extract(t, b), authenticode.PKCS7(extract(t, b)).PEM()} {
				again, err := attach(bare, p7, authenticode.ExistingRefuse)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(again, b) {
					t.Error("extracted and attached again the file differs")
				}
			}
		})
	}
}

// TestOpensslReadsExtracted: an independent reader takes the blob, in both encodings.
func TestOpensslReadsExtracted(t *testing.T) {
	p := formatstest.NewPKI(t)
	p7 := extract(t, signed(t, readFile(t, formatstest.GoProgram(t, "amd64")), authenticode.SignOptions{Signer: signer(p.Leaf)}))
	for form, b := range map[string][]byte{"DER": p7, "PEM": authenticode.PKCS7(p7).PEM()} {
		out := formatstest.MustRun(t, "openssl", "pkcs7", "-inform", form, "-in", writeTemp(t, b), "-print_certs", "-noout")
		if !strings.Contains(out, p.Leaf.Certificate.Subject.CommonName) {
			t.Errorf("%s: openssl does not show the signer:\n%s", form, out)
		}
	}
}

func TestAttachRefuses(t *testing.T) {
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	b := signed(t, program, authenticode.SignOptions{Signer: signer(p.Leaf), PageHashes: true})
	p7 := extract(t, b)
	changed := bytes.Clone(program)
	changed[0x5000] ^= 1
	forged := bytes.Clone(p7)
	forged[len(forged)-1] ^= 1 // the last byte of the signature value
	cases := map[string]struct {
		file, p7 []byte
		policy   authenticode.Existing
		want     string
	}{
		"another file":      {changed, p7, 0, "Authentihash"},
		"forged signature":  {program, forged, 0, "does not match"},
		"signed already":    {b, p7, 0, "signed already"},
		"skip, other blob":  {signed(t, program, authenticode.SignOptions{Signer: signer(p.Second)}), p7, authenticode.ExistingSkip, "signed already"},
		"not a signature":   {program, []byte("hello"), 0, "reading signature"},
		"another PEM block": {program, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p7}), 0, "PEM block"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := attach(c.file, c.p7, c.policy)
			if err == nil || !strings.Contains(err.Error(), c.want) || len(out) > 0 {
				t.Errorf("error %v, want one with %q; %d bytes written", err, c.want, len(out))
			}
		})
	}
	r, err := authenticode.Attach(context.Background(), bytes.NewReader(b), int64(len(b)), &bytes.Buffer{}, p7, authenticode.ExistingSkip)
	if err != nil || !r.Skipped {
		t.Errorf("a file that carries the blob already is not skipped: %v", err)
	}
}

func TestSplitSigning(t *testing.T) {
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	for name, c := range map[string]struct {
		id   *formatstest.Identity
		hash crypto.Hash
	}{"RSA": {p.Leaf, crypto.SHA256}, "RSA, SHA-512": {p.Leaf, crypto.SHA512}, "ECDSA": {p.ECDSA, crypto.SHA256}} {
		t.Run(name, func(t *testing.T) {
			o := authenticode.SignOptions{Signer: hashed(signer(c.id), c.hash), Description: "split"}
			o.Signer.Key = nil
			split, err := authenticode.PrepareSplit(context.Background(), bytes.NewReader(program), int64(len(program)), o)
			if err != nil {
				t.Fatal(err)
			}
			sum := split.Hash.New()
			sum.Write(split.ToBeSigned)
			if !bytes.Equal(sum.Sum(nil), split.Digest) {
				t.Error("the digest is not the one of the bytes to be signed")
			}
			value, err := c.id.Key.Sign(rand.Reader, split.Digest, split.Hash)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			finish := func(file, value []byte) error {
				out.Reset()
				_, err := authenticode.FinishSplit(context.Background(), bytes.NewReader(file), int64(len(file)), &out, split.PKCS7, value, authenticode.ExistingRefuse)
				return err
			}
			if err := finish(program, value); err != nil {
				t.Fatal(err)
			}
			if ok, text := formatstest.VerifyOssl(t, writeTemp(t, out.Bytes()), formatstest.PEMFile(t, p.Root), ""); !ok {
				t.Errorf("osslsigncode refuses it:\n%s", text)
			}
			o.Signer.Key = c.id.Key
			if whole := signed(t, program, o); c.id == p.Leaf && !bytes.Equal(whole, out.Bytes()) {
				t.Error("signing in one go gives other bytes")
			}
			wrong := bytes.Clone(value)
			wrong[len(wrong)-1] ^= 1
			if finish(program, wrong) == nil {
				t.Error("a wrong signature value is taken")
			}
			changed := bytes.Clone(program)
			changed[0x5000] ^= 1
			if finish(changed, value) == nil {
				t.Error("a file that changed in between is taken")
			}
		})
	}
}

// TestSignDetached: a signature that was kept apart gives the file that Sign
// gives.
func TestSignDetached(t *testing.T) {
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	o := authenticode.SignOptions{Signer: signer(p.Leaf), PageHashes: true}
	p7, err := authenticode.SignDetached(t.Context(), bytes.NewReader(program), int64(len(program)), o)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := authenticode.Attach(t.Context(), bytes.NewReader(program), int64(len(program)), &out, p7, authenticode.ExistingRefuse); err != nil {
		t.Fatal(err)
	}
	whole := signed(t, program, o)
	if !bytes.Equal(out.Bytes(), whole) {
		t.Error("the file differs from the one that Sign writes")
	}
	if _, err := authenticode.SignDetached(t.Context(), bytes.NewReader(whole), int64(len(whole)), o); !errors.Is(err, authenticode.ErrSigned) {
		t.Errorf("of a signed file: %v", err)
	}
}

func TestExtractFromUnsigned(t *testing.T) {
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	if _, err := authenticode.Extract(bytes.NewReader(program), int64(len(program))); !errors.Is(err, authenticode.ErrUnsigned) {
		t.Errorf("error is %v", err)
	}
}

// tamperings change a signed file; nobody may accept the result.
func tamperings(t testing.TB, b []byte) map[string][]byte {
	t.Helper()
	im, err := peimage.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	p7 := extract(t, b)
	table := im.Certificates[0].Offset + 8
	sig := signatures(t, b)[0]
	at := func(part []byte) int64 { return table + int64(bytes.Index(p7, part)) + int64(len(part)) - 1 }
	offsets := map[string]int64{
		"first byte of a section": int64(im.Sections[0].PointerToRawData),
		"last byte of the image":  im.ContentSize() - 1,
		"header":                  im.ChecksumOffset - 4,
		"subsystem":               im.ChecksumOffset + 4,
		"signature value":         at(sig.Signers[0].Signature),
		"signed attributes":       at(sig.Signers[0].RawSignedAttrs[10:]),
		"content":                 at(sig.Content),
	}
	out := map[string][]byte{}
	for name, off := range offsets {
		c := bytes.Clone(b)
		c[off] ^= 1
		out[name] = c
	}
	out["8 bytes appended"] = append(bytes.Clone(b), make([]byte, 8)...)
	out["cut by 8 bytes"] = b[:len(b)-8]
	return out
}

func TestTamperingIsRefused(t *testing.T) {
	p := formatstest.NewPKI(t)
	b := signed(t, readFile(t, formatstest.GoProgram(t, "amd64")), authenticode.SignOptions{Signer: signer(p.Leaf), PageHashes: true})
	root := formatstest.PEMFile(t, p.Root)
	cases := tamperings(t, b)
	t.Run("osslsigncode", func(t *testing.T) {
		for name, c := range cases {
			if ok, out := formatstest.VerifyOssl(t, writeTemp(t, c), root, ""); ok {
				t.Errorf("%s: accepted\n%s", name, out)
			}
		}
	})
	t.Run("Microsoft", func(t *testing.T) {
		rig := formatstest.NewRig(t)
		var paths, names []string
		for name, c := range cases {
			paths, names = append(paths, writeTemp(t, c)), append(names, name)
		}
		for i, v := range rig.Verify(paths...) {
			if v.OK() {
				t.Errorf("%s: accepted", names[i])
			}
		}
	})
}
