package authenticode

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/printable"
)

// String renders the report for people: the result first, then each signature with what it is worth and why.
func (r *Report) String() string {
	var b strings.Builder
	r.writeTo(&b)
	return b.String()
}

func (r *Report) writeTo(w io.Writer) {
	fmt.Fprintf(w, "result:      %s\n", r.result())
	fmt.Fprintf(w, "windows:     %s (%s)%s\n", r.Windows, r.Windows.Code(), r.instead())
	fmt.Fprintf(w, "verified at: %s\n", stamp(r.Time))
	fmt.Fprintf(w, "format:      %s, %d bytes\n", r.Format, r.Size)
	for _, h := range sortedKeys(r.Digests) {
		fmt.Fprintf(w, "digest:      %s %s\n", h, r.Digests[h])
	}
	if c := r.Checksum; c != nil {
		fmt.Fprintf(w, "checksum:    0x%08x in the header, 0x%08x computed\n", c.Header, c.Computed)
	}
	writeFindings(w, "", r.Findings)
	for _, s := range r.Signatures {
		fmt.Fprintf(w, "\nsignature %d%s: %s\n", s.Index, place(s), result(s.Trusted, s.Windows))
		s.writeTo(w)
	}
	if c := r.Catalog; c != nil {
		fmt.Fprintf(w, "\ncatalog %s, member %s (%s): %s\n", printable.Text(c.Name), printable.Text(c.Member), c.Algorithm, result(c.Signature.Trusted, c.Signature.Windows))
		c.Signature.writeTo(w)
	}
}

func (r *Report) result() string {
	if r.Firmware && r.Trusted {
		return "trusted, by firmware that takes the layout of the program"
	}
	return result(r.Trusted, r.Windows)
}

// instead tells where Windows' answer does not come from the first signature.
func (r *Report) instead() string {
	if r.Signature == 0 {
		return ""
	}
	return fmt.Sprintf(", for signature %d: the first does not hold", r.Signature)
}

func result(trusted bool, v Verdict) string {
	switch {
	case trusted:
		return "trusted"
	case v == VerdictTrusted:
		return "refused, though Windows trusts it"
	}
	return "refused: " + v.String()
}

func place(s *SignatureReport) string {
	var where []string
	if s.Entry > 0 {
		where = append(where, fmt.Sprintf("entry %d of the certificate table", s.Entry))
	}
	if s.Depth > 0 {
		where = append(where, fmt.Sprintf("nested, level %d", s.Depth))
	}
	if len(where) == 0 {
		return ""
	}
	return " (" + strings.Join(where, ", ") + ")"
}

func (s *SignatureReport) writeTo(w io.Writer) {
	if d := s.Digest; d != nil {
		fmt.Fprintf(w, "  digest:      %s %s%s\n", d.Algorithm, d.Stored, mismatch(d.Match || d.Computed == "", d.Computed))
	}
	for _, d := range s.PageHashes {
		fmt.Fprintf(w, "  page hashes: %s%s\n", d.Algorithm, mismatch(d.Match, "others"))
	}
	if s.Description != "" || s.URL != "" {
		fmt.Fprintf(w, "  describes:   %q %s\n", s.Description, printable.Text(s.URL))
	}
	if s.Signer != nil {
		fmt.Fprintf(w, "  signer:      %s (%s)\n  thumbprint:  %s\n", printable.Text(s.Signer.Subject), s.Signer.Class, s.Signer.SHA1)
	}
	writeChain(w, "  chain:      ", s.Chain)
	writeAnchor(w, "  root from:   ", s.Anchor)
	if !s.JudgedAt.IsZero() {
		fmt.Fprintf(w, "  judged at:   %s\n", stamp(s.JudgedAt))
	}
	for _, t := range s.Timestamps {
		fmt.Fprintf(w, "  timestamp:   %s, %s, %s\n", stamp(t.Time), t.Kind, map[bool]string{true: "good", false: "not good"}[t.Trusted])
		writeChain(w, "    chain:    ", t.Chain)
		writeAnchor(w, "    root from: ", t.Anchor)
	}
	if s.Seal != nil {
		fmt.Fprintf(w, "  seal:        %s\n", s.Seal)
	}
	if s.Kernel != nil {
		s.Kernel.writeTo(w)
	}
	writeFindings(w, "  ", s.Findings)
}

func (k *KernelReport) writeTo(w io.Writer) {
	how := "does not lead to one of Microsoft's roots for kernel code"
	switch {
	case k.CrossSigned:
		how = "cross-signed"
	case k.Trusted:
		how = "signed by Microsoft"
	}
	fmt.Fprintf(w, "  kernel:      %s\n", how)
	writeChain(w, "    chain:    ", k.Chain)
	for _, u := range k.Usages {
		fmt.Fprintf(w, "    for:       %s\n", u)
	}
}

func mismatch(same bool, computed string) string {
	if same {
		return ""
	}
	return "; the file has " + computed
}

func writeChain(w io.Writer, label string, chain []CertificateReport) {
	for _, c := range chain {
		fmt.Fprintf(w, "%s %s (until %s)\n", label, printable.Text(c.Subject), c.NotAfter.Format("2006-01-02"))
		label = strings.Repeat(" ", len(label))
	}
}

func writeAnchor(w io.Writer, label, anchor string) {
	if anchor != "" {
		fmt.Fprintf(w, "%s%s\n", label, anchor)
	}
}

func writeFindings(w io.Writer, indent string, fs []Finding) {
	for _, f := range fs {
		fmt.Fprintf(w, "%s%s\n", indent, f)
		if f.Hint != "" {
			fmt.Fprintf(w, "%s  hint: %s\n", indent, f.Hint)
		}
	}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format(time.RFC3339)
}

func sortedKeys(m map[string]string) []string {
	return slices.Sorted(maps.Keys(m))
}
