package authenticode_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

var updateSamples = flag.Bool("update-samples", false, "write testdata/samples.golden")

// sampleTime is when the samples are judged, so that the golden file does not change by itself.
var sampleTime = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)

// TestVerifySamples judges the real Windows files in the test folder of
// github.com/saferwall/pe with the built-in roots. testdata/samples.golden has a line
// for each with the reason, which is written by hand and kept by -update-samples.
func TestVerifySamples(t *testing.T) {
	golden := filepath.Join("testdata", "samples.golden")
	reasons := readReasons(t, golden)
	var out bytes.Buffer
	for _, file := range sampleFiles(t) {
		name := filepath.Base(file)
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := verifyBytes(t, b, authenticode.VerifyOptions{Time: sampleTime})
		checkSample(t, name, r)
		line := sampleLine(name, r)
		reason := reasons[line]
		if reason == "" && !*updateSamples {
			t.Errorf("%s: not in %s, or without a reason:\n%s", name, golden, r)
		}
		fmt.Fprintf(&out, "%s\n    %s\n", line, reason)
	}
	if *updateSamples {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(reasons); n != bytes.Count(out.Bytes(), []byte("\n"))/2 {
		t.Errorf("%s has %d entries, there are %d files", golden, n, bytes.Count(out.Bytes(), []byte("\n"))/2)
	}
}

// TestBareDigestCountersignature: Symantec's time server signed the bare digest,
// without DigestInfo; Windows takes it. The roots of putty.exe are in the file or, of
// the time server, one step below.
func TestBareDigestCountersignature(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(formatstest.SaferwallSamples(t), "putty.exe"))
	if err != nil {
		t.Fatal(err)
	}
	p7, err := authenticode.Extract(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	sd, err := cms.Parse(p7)
	if err != nil {
		t.Fatal(err)
	}
	roots := certchain.NewRoots()
	for _, c := range sd.Certificates {
		cert, err := c.X509()
		if err != nil {
			t.Fatal(err)
		}
		switch cert.Subject.CommonName {
		case "COMODO RSA Certification Authority":
			roots.CodeSigning.Add(cert)
		case "Symantec Time Stamping Services CA - G2":
			roots.TimeStamping.Add(cert)
		}
	}
	r := verifyBytes(t, b, authenticode.VerifyOptions{Roots: roots, Allow: authenticode.WindowsOnly()})
	if !r.Trusted || len(r.Signatures) != 2 || !r.Signatures[1].Timestamps[0].Trusted {
		t.Errorf("refused:\n%s", r)
	}
}

// checkSample compares what we compute with what Microsoft's and others' tools have
// stored in a file. One file is known to be altered.
func checkSample(t *testing.T, name string, r *authenticode.Report) {
	for _, s := range r.Signatures {
		if s.Digest == nil {
			t.Errorf("%s: signature %d has no digest", name, s.Index)
			continue
		}
		if altered := name == "putty_modified.exe"; s.Digest.Match == altered {
			t.Errorf("%s: signature %d: digest is %+v", name, s.Index, s.Digest)
		}
		for _, p := range s.PageHashes {
			if !p.Match {
				t.Errorf("%s: signature %d: page hashes are %+v", name, s.Index, p)
			}
		}
	}
	if c := r.Checksum; len(r.Signatures) > 0 && c.Header != c.Computed && name != "putty_modified.exe" {
		t.Errorf("%s: checksum is %08x, computed %08x", name, c.Header, c.Computed)
	}
}

func sampleFiles(t testing.TB) []string {
	files, err := filepath.Glob(filepath.Join(formatstest.SaferwallSamples(t), "*"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, ".7z") }) // malware
}

// sampleLine says all that matters in one line: verdict, then of each signature its
// verdict, digests and findings that count.
func sampleLine(name string, r *authenticode.Report) string {
	line := name + ": " + r.Windows.String()
	for _, s := range r.Signatures {
		line += fmt.Sprintf("; %d %s %s", s.Index, s.Windows, s.Digest.Algorithm)
		for _, p := range s.PageHashes {
			line += " pages " + p.Algorithm
		}
		for _, ts := range s.Timestamps {
			line += " stamped " + ts.Time.Format("2006-01-02")
		}
	}
	for _, c := range graveChecks(r) {
		line += " !" + string(c)
	}
	return line
}

func readReasons(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if os.IsNotExist(err) && *updateSamples {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out, line := map[string]string{}, ""
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if text, ok := strings.CutPrefix(sc.Text(), "    "); ok {
			out[line] = text
		} else {
			line = sc.Text()
		}
	}
	return out
}
