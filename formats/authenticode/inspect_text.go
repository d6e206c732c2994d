package authenticode

import (
	"fmt"
	"io"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/printable"
)

// String renders the inspection for people.
func (in *Inspection) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "size:        %d bytes\n", in.Size)
	if in.PE != nil {
		in.PE.writeTo(&b)
	}
	for _, h := range sortedKeys(in.Digests) {
		fmt.Fprintf(&b, "digest:      %s %s\n", h, in.Digests[h])
	}
	for i, e := range in.Table {
		fmt.Fprintf(&b, "table:       entry %d at 0x%x, %d bytes, revision 0x%04x, type 0x%04x, %d bytes of padding\n", i, e.Offset, e.Length, e.Revision, e.Type, e.Padding)
	}
	writeProblems(&b, "", in.Problems)
	if len(in.Signatures) == 0 {
		b.WriteString("signatures:  none\n")
	}
	for i := range in.Signatures {
		in.Signatures[i].writeTo(&b)
	}
	return b.String()
}

func (f *PEFacts) writeTo(w io.Writer) {
	kind := "PE32"
	if f.PE32Plus {
		kind = "PE32+"
	}
	fmt.Fprintf(w, "image:       %s, %s, subsystem %d, characteristics 0x%04x, DLL characteristics 0x%04x\n", kind, f.Machine, f.Subsystem, f.Characteristics, f.DLLCharacteristics)
	if !f.Linked.IsZero() {
		fmt.Fprintf(w, "linked:      %s\n", stamp(f.Linked))
	}
	fmt.Fprintf(w, "sections:    %s\n", printable.Text(strings.Join(f.Sections, " ")))
	fmt.Fprintf(w, "layout:      headers %d bytes, content %d, overlay %d\n", f.SizeOfHeaders, f.ContentSize, f.OverlaySize)
	fmt.Fprintf(w, "checksum:    0x%08x in the header, 0x%08x computed\n", f.ChecksumHeader, f.ChecksumComputed)
	if f.FirstPageSHA256 != "" {
		fmt.Fprintf(w, "first page:  SHA-256 %s\n", f.FirstPageSHA256)
	}
}

func (s *SignatureFacts) writeTo(w io.Writer) {
	fmt.Fprintf(w, "\nsignature %d%s\n", s.Index, place(&SignatureReport{Entry: s.Entry, Depth: s.Depth}))
	fmt.Fprintf(w, "  PKCS#7:      %d bytes, content %s, %s\n", s.Size, s.ContentType, map[bool]string{true: "intact", false: "NOT intact"}[s.Intact])
	fmt.Fprintf(w, "  algorithms:  %s, %s\n", s.DigestName, s.Algorithm)
	if s.Digest != "" {
		fmt.Fprintf(w, "  digest:      %s%s\n", s.Digest, fits(s.DigestFits))
	}
	for _, p := range s.PageHashes {
		fmt.Fprintf(w, "  page hashes: %s, %d pages%s\n", p.Algorithm, p.Pages, fits(p.Fits))
	}
	if s.Description != "" || s.URL != "" {
		fmt.Fprintf(w, "  describes:   %q %s\n", s.Description, printable.Text(s.URL))
	}
	if s.Purpose != "" {
		fmt.Fprintf(w, "  purpose:     %s\n", s.Purpose)
	}
	if !s.SigningTime.IsZero() {
		fmt.Fprintf(w, "  claims:      signed at %s\n", stamp(s.SigningTime))
	}
	writeCertificate(w, "  signer:      ", s.Signer)
	s.writeRest(w)
	writeProblems(w, "  ", s.Problems)
}

func (s *SignatureFacts) writeRest(w io.Writer) {
	for _, t := range s.Timestamps {
		fmt.Fprintf(w, "  timestamp:   %s, %s, %s\n", stamp(t.Time), t.Kind, t.Algorithm)
		if t.Policy != "" {
			fmt.Fprintf(w, "    token:     serial %s, policy %s\n", t.Serial, t.Policy)
		}
		writeCertificate(w, "    signer:    ", t.Signer)
		writeProblems(w, "    ", t.Problems)
	}
	for _, t := range s.Tags {
		t.writeTo(w)
	}
	for i := range s.Certificates {
		writeCertificate(w, "  certificate: ", &s.Certificates[i])
	}
	if s.CRLs > 0 {
		fmt.Fprintf(w, "  CRLs:        %d\n", s.CRLs)
	}
	writeAttributes(w, "  signed:      ", s.Signed)
	writeAttributes(w, "  unsigned:    ", s.Unsigned)
}

func fits(f *bool) string {
	switch {
	case f == nil:
		return ""
	case *f:
		return ", fits the file"
	}
	return ", does NOT fit the file"
}

func writeCertificate(w io.Writer, label string, c *CertificateReport) {
	if c == nil {
		return
	}
	indent := strings.Repeat(" ", len(label))
	fmt.Fprintf(w, "%s%s\n%sclass %s, serial %s, %s to %s\n", label, printable.Text(c.Subject), indent, c.Class, c.Serial, c.NotBefore.Format("2006-01-02"), c.NotAfter.Format("2006-01-02"))
	fmt.Fprintf(w, "%sissuer %s\n%sSHA-1 %s\n%sSHA-256 %s\n", indent, printable.Text(c.Issuer), indent, c.SHA1, indent, c.SHA256)
	if len(c.EKUs) > 0 {
		fmt.Fprintf(w, "%sEKU %s\n", indent, strings.Join(c.EKUs, " "))
	}
}

func writeAttributes(w io.Writer, label string, as []AttributeFacts) {
	for _, a := range as {
		fmt.Fprintf(w, "%s%s %s, %d value(s), %d bytes\n", label, a.OID, a.Name, a.Values, a.Size)
	}
}

func writeProblems(w io.Writer, indent string, ps []string) {
	for _, p := range ps {
		fmt.Fprintf(w, "%sproblem:     %s\n", indent, printable.Text(p))
	}
}
