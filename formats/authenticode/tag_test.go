package authenticode_test

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func tagged(t testing.TB, b []byte, index int, data string) []byte {
	t.Helper()
	return update(t, b, func(p7 authenticode.PKCS7) (authenticode.PKCS7, error) {
		return p7.AddTag(index, []byte(data))
	})
}

// taggedCases are files with tags. Those whose first signature has no timestamp are
// text, first of two and both of two.
func taggedCases(t testing.TB) map[string][]byte {
	t.Helper()
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	one := signed(t, program, authenticode.SignOptions{Signer: signer(p.Leaf), PageHashes: true})
	two := signed(t, one, authenticode.SignOptions{Signer: signer(p.Second), Existing: authenticode.ExistingAppend})
	return map[string][]byte{
		"text":                  tagged(t, one, 0, "campaign=42"),
		"text beside a stamp":   tagged(t, stamped(t, one, 0), 0, "Grüße"),
		"stamped after the tag": stamped(t, tagged(t, one, 0, "campaign=42"), 0),
		"bytes":                 tagged(t, stamped(t, one, 0), 0, "\xff\xfe\x00"),
		"largest":               tagged(t, stamped(t, one, 0), 0, strings.Repeat("x", authenticode.MaxTag)),
		"first of two":          tagged(t, two, 0, "campaign=42"),
		"second of two, stamps": tagged(t, stamped(t, stamped(t, two, 1), 0), 1, "campaign=42"),
		"both of two":           tagged(t, tagged(t, two, 1, "second"), 0, "first"),
	}
}

func TestOsslsigncodeAcceptsTagged(t *testing.T) {
	p := formatstest.NewPKI(t)
	root, tsaRoot := formatstest.PEMFile(t, p.Root), formatstest.PEMFile(t, p.TSARoot)
	for name, b := range taggedCases(t) {
		t.Run(name, func(t *testing.T) {
			ok, out := formatstest.VerifyOssl(t, writeTemp(t, b), root, tsaRoot)
			stamps := len(inspect(t, b).Signatures[0].Timestamps)
			if !ok || strings.Contains(out, "MISMATCH") || strings.Count(out, "Timestamp verified: ok")+strings.Count(out, "Timestamp Server Signature verification: ok") < stamps {
				t.Errorf("refused, or one of %d timestamps is lost:\n%s", stamps, out)
			}
			if name == "text" && !strings.Contains(out, "Unauthenticated Data Blob length: 11 bytes") {
				t.Errorf("osslsigncode does not see the tag:\n%s", out)
			}
		})
	}
}

func TestMicrosoftAcceptsTagged(t *testing.T) {
	rig := formatstest.NewRig(t)
	var paths, names []string
	for name, b := range taggedCases(t) {
		paths, names = append(paths, writeTemp(t, b)), append(names, name)
	}
	for i, v := range rig.Verify(paths...) {
		stamped := strings.Contains(strings.Join(v.Chains, "\n"), "Hallmark Test TSA Root")
		without := names[i] == "text" || names[i] == "first of two" || names[i] == "both of two"
		if !v.OK() || stamped == without {
			t.Errorf("%s: %v", names[i], v)
		}
		if strings.Contains(names[i], "two") {
			if v := rig.VerifyIndex(paths[i], 1); !v.OK() {
				t.Errorf("%s, second signature: %v", names[i], v)
			}
		}
	}
	// A byte of the signed attributes instead of the tag.
	b := taggedCases(t)["text"]
	b[bytes.Index(b, []byte{0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x0c})+11] ^= 1
	if v := rig.Verify(writeTemp(t, b))[0]; v.OK() {
		t.Error("the rig accepts everything")
	}
}

// TestTagAsOsslsigncode: the blob that osslsigncode adds by itself, set by us, gives
// the same attribute bytes; openssl sees what we write.
func TestTagAsOsslsigncode(t *testing.T) {
	p := formatstest.NewPKI(t)
	one := signed(t, readFile(t, formatstest.GoProgram(t, "amd64")), authenticode.SignOptions{Signer: signer(p.Leaf)})
	in, out := writeTemp(t, one), writeTemp(t, one)+".tagged"
	cmd := exec.Command(formatstest.Tool(t, "osslsigncode"), "add", "-addUnauthenticatedBlob", "-in", in, "-out", out)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("osslsigncode: %v\n%s", err, text)
	}
	theirs := readFile(t, out)
	tags, err := authenticode.PKCS7(extract(t, theirs)).Tags(0)
	if err != nil || len(tags) != 1 || !tags[0].Text || len(tags[0].Data) != 1024 || !tags[0].OID.Equal(cms.OIDUnauthenticatedBlob) {
		t.Fatalf("osslsigncode's tag is read as %v, %v", tags, err)
	}
	ours := tagged(t, one, 0, string(tags[0].Data))
	a, _ := signatures(t, theirs)[0].Signers[0].UnsignedAttr(cms.OIDUnauthenticatedBlob)
	b, _ := signatures(t, ours)[0].Signers[0].UnsignedAttr(cms.OIDUnauthenticatedBlob)
	if !slices.EqualFunc(a.Values, b.Values, bytes.Equal) {
		t.Errorf("osslsigncode writes\n%.80x\nwe\n%.80x", a.Values, b.Values)
	}
	if _, err := authenticode.PKCS7(extract(t, theirs)).AddTag(0, []byte("x")); !errors.Is(err, authenticode.ErrTagged) {
		t.Errorf("a second tag: %v", err)
	}
	dump, err := exec.Command(formatstest.Tool(t, "openssl"), "asn1parse", "-inform", "DER", "-in", writeTemp(t, extract(t, tagged(t, one, 0, "campaign=42")))).CombinedOutput()
	if err != nil || !strings.Contains(string(dump), "1.3.6.1.4.1.42921.1.2.1") || !strings.Contains(string(dump), "UTF8STRING        :campaign=42") {
		t.Errorf("openssl asn1parse: %v\n%s", err, dump)
	}
}

// TestUnsignedAttributesAreSorted: tag, timestamp and nested signature stand in DER
// order (X.690 section 11.6), whichever came first.
func TestUnsignedAttributesAreSorted(t *testing.T) {
	p := formatstest.NewPKI(t)
	one := signed(t, readFile(t, formatstest.GoProgram(t, "amd64")), authenticode.SignOptions{Signer: signer(p.Leaf)})
	two := signed(t, stamped(t, one, 0), authenticode.SignOptions{Signer: signer(p.Second), Existing: authenticode.ExistingAppend})
	last := tagged(t, two, 0, "t")
	first := signed(t, stamped(t, tagged(t, one, 0, "t"), 0), authenticode.SignOptions{Signer: signer(p.Second), Existing: authenticode.ExistingAppend})
	for name, b := range map[string][]byte{"tagged last": last, "tagged first": first} {
		attrs := signatures(t, b)[0].Signers[0].UnsignedAttrs
		var encoded [][]byte
		for _, a := range attrs {
			der, err := cms.Attributes{a}.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			var set asn1.RawValue
			if _, err := asn1.Unmarshal(der, &set); err != nil {
				t.Fatal(err)
			}
			encoded = append(encoded, set.Bytes)
		}
		if len(attrs) != 3 || !slices.IsSortedFunc(encoded, bytes.Compare) {
			t.Errorf("%s: %d attributes, or not in DER order", name, len(attrs))
		}
	}
}

func TestTagPolicies(t *testing.T) {
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	one := signed(t, program, authenticode.SignOptions{Signer: signer(p.Leaf)})
	jsign := update(t, one, func(p7 authenticode.PKCS7) (authenticode.PKCS7, error) {
		sd, err := cms.Parse(p7)
		if err != nil {
			return nil, err
		}
		sd.Signers[0].UnsignedAttrs.Add(cms.OIDJsignTag, []byte("\x0c\x03abc"))
		sd.Signers[0].UnsignedAttrs.Add(cms.OIDJsignTag, []byte("\x30\x00"))
		return sd.Marshal()
	})
	for name, b := range map[string][]byte{"ours": tagged(t, one, 0, "old"), "jsign's": jsign} {
		p7 := extract(t, b)
		if out, err := authenticode.PKCS7(p7).AddTag(0, []byte("new")); !errors.Is(err, authenticode.ErrTagged) || out != nil {
			t.Errorf("%s: refusing gives %v", name, err)
		}
		out, err := authenticode.PKCS7(p7).ReplaceTag(0, []byte("new"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		tags, err := authenticode.PKCS7(out).Tags(0)
		if err != nil || len(tags) != 1 || string(tags[0].Data) != "new" {
			t.Errorf("%s: after replacing there are %v, %v", name, tags, err)
		}
	}
	if got := stripped(t, tagged(t, one, 0, "t"), peimage.StripOptions{}); !bytes.Equal(got, program) {
		t.Error("stripping does not give back the program")
	}
	p7 := extract(t, one)
	for want, do := range map[string]func() (authenticode.PKCS7, error){
		"empty": func() (authenticode.PKCS7, error) { return authenticode.PKCS7(p7).AddTag(0, nil) },
		"at most": func() (authenticode.PKCS7, error) {
			return authenticode.PKCS7(p7).AddTag(0, make([]byte, authenticode.MaxTag+1))
		},
		"no signature 1":  func() (authenticode.PKCS7, error) { return authenticode.PKCS7(p7).AddTag(1, []byte("x")) },
		"no signature -1": func() (authenticode.PKCS7, error) { return authenticode.PKCS7(p7).AddTag(-1, []byte("x")) },
	} {
		if out, err := do(); err == nil || !strings.Contains(err.Error(), want) || out != nil {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestInspectShowsTags(t *testing.T) {
	cases := taggedCases(t)
	for name, want := range map[string]string{
		"text":                  "tag:         11 bytes, not covered by the signature (1.3.6.1.4.1.42921.1.2.1)\n    text:      \"campaign=42\"\n",
		"bytes":                 "tag:         3 bytes, not covered",
		"largest":               strings.Repeat("x", 200) + "\" …\n",
		"second of two, stamps": "text:      \"campaign=42\"",
	} {
		if text := inspect(t, cases[name]).String(); !strings.Contains(text, want) || len(text) > 20000 {
			t.Errorf("%s: no %q in\n%.20000s", name, want, text)
		}
	}
	json, err := inspect(t, cases["bytes"]).JSON()
	if err != nil || !bytes.Contains(json, []byte(`"data": "//4A"`)) || !bytes.Contains(json, []byte(`"size": 3`)) {
		t.Errorf("JSON: %v\n%s", err, json)
	}
	report := verifyBytes(t, cases["text"], authenticode.VerifyOptions{Roots: newVfiles(t).roots(), Allow: []authenticode.Check{authenticode.CheckNoTimestamp}})
	if !report.Trusted || !strings.Contains(report.String(), "warning: unknown-content: a tag of 11 bytes (1.3.6.1.4.1.42921.1.2.1), which the signature does not cover") {
		t.Errorf("verify says\n%v", report)
	}
}
