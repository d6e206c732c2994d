package formatstest

import (
	"crypto/sha1" //nolint:gosec // names a certificate as Windows does, protects nothing
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// wineServer is where Debian's package wine64 puts the server; rig.sh uses the same.
const wineServer = "/usr/lib/wine/wineserver64"

// Rig runs Microsoft's own wintrust, signtool and makecat under wine. All paths that its methods take are those of this
// machine; Path turns one into the form that a Windows program understands.
//
// Certificate chains are wine's, and wine is content with a chain whose root it cannot find: a test that expects
// CERT_E_UNTRUSTEDROOT has to put the unknown root into the signature.
type Rig struct {
	t      testing.TB
	script string // rig.sh
	home   string // RIG: everything that the rig keeps
	prefix string // the wine prefix
}

// NewRig returns the rig, set up and trusting the roots of the test PKI. Its scripts are in the folder HALLMARK_RIG, else
// ../shared/windows-rig beside the project's root. The test is skipped where there are none, or where wine is missing;
// it fails there if HALLMARK_RIG was set.
func NewRig(t testing.TB) *Rig {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the Windows rig is a script for Linux")
	}
	dir, ok := sibling(t, "HALLMARK_RIG", "windows-rig")
	if !ok {
		t.Skip("no Windows rig: set HALLMARK_RIG to its folder")
	}
	r := &Rig{t: t, script: filepath.Join(dir, "rig.sh"), home: getenv("RIG", "/tmp/winerig")}
	r.prefix = filepath.Join(r.home, "prefix"+getenv("RIG_WINE", "8"))
	if os.Getenv("RIG_WINE") != "10" {
		if _, err := os.Stat(wineServer); err != nil {
			missing(t, "no wine for the Windows rig (apt-get install wine64)")
		}
	}
	unlock := lock(t, r.home+".setup.lock")
	defer unlock()
	r.setUp()
	r.keep()
	p := NewPKI(t)
	r.trust(p.Root)
	r.trust(p.TSARoot)
	return r
}

// NewRig10 returns a rig with wine 10, whose certificate chains know elliptic curves; wine 8's do not. The test is
// skipped unless there is one already, in RIG or beside it in RIG-10, since setting it up fetches a whole Debian.
func NewRig10(t testing.TB) *Rig {
	t.Helper()
	home := getenv("RIG", "/tmp/winerig")
	for _, dir := range []string{home, home + "-10"} {
		if _, err := os.Stat(filepath.Join(dir, "prefix10", "drive_c/rig/wvt.exe")); err == nil {
			t.Setenv("RIG", dir)
			t.Setenv("RIG_WINE", "10")
			return NewRig(t)
		}
	}
	if os.Getenv("RIG_WINE") == "10" {
		return NewRig(t)
	}
	t.Skipf("no Windows rig with wine 10 (as root: RIG_WINE=10 RIG=%s-10 rig.sh setup10, and run again)", home)
	return nil
}

func getenv(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// setUp makes the prefix when there is none. It installs packages, so it needs root.
func (r *Rig) setUp() {
	if _, err := os.Stat(filepath.Join(r.prefix, "drive_c/rig/wvt.exe")); err == nil {
		return
	}
	if os.Geteuid() != 0 {
		missing(r.t, "the Windows rig is not set up (as root: %s setup)", r.script)
	}
	verb := "setup"
	if os.Getenv("RIG_WINE") == "10" {
		verb = "setup10"
	}
	if out, err := run(r.t, "", r.script, verb); err != nil {
		missing(r.t, "setting up the Windows rig: %v\n%s", err, out)
	}
}

// keep has the wine server stay for a while after each command, which saves two seconds a command; it leaves by itself.
func (r *Rig) keep() {
	if os.Getenv("RIG_WINE") == "10" {
		_, _ = run(r.t, "", r.script, "keep")
		return
	}
	cmd := exec.Command(wineServer, "-p180")
	cmd.Env = append(os.Environ(), "WINEPREFIX="+r.prefix, "WINEDEBUG=-all")
	_ = cmd.Run() // fails when a server runs already, which is as good
}

// Trust adds a certificate to the prefix's trusted roots, once.
func (r *Rig) Trust(root *x509.Certificate) {
	r.t.Helper()
	unlock := lock(r.t, r.home+".setup.lock")
	defer unlock()
	r.trust(root)
}

func (r *Rig) trust(root *x509.Certificate) {
	mark := filepath.Join(r.prefix, fmt.Sprintf("trusted-%x", sha1.Sum(root.Raw)))
	if _, err := os.Stat(mark); err == nil {
		return
	}
	file := write(r.t, "root.cer", root.Raw)
	if out, err := run(r.t, "", r.script, "trust", r.Path(file)); err != nil {
		r.t.Fatalf("adding a root to the Windows rig: %v\n%s", err, out)
	}
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// Disallow puts a certificate into the current user's store of untrusted certificates until the test ends. The value is a
// serialized certificate: property CERT_CERT_PROP_ID (32), a reserved 1, the length, the DER.
func (r *Rig) Disallow(c *x509.Certificate) {
	r.t.Helper()
	key := fmt.Sprintf(`HKCU\Software\Microsoft\SystemCertificates\Disallowed\Certificates\%X`, sha1.Sum(c.Raw))
	blob := []byte{32, 0, 0, 0, 1, 0, 0, 0}
	blob = append(binary.LittleEndian.AppendUint32(blob, uint32(len(c.Raw))), c.Raw...)
	if out, err := r.Run("reg", "add", key, "/v", "Blob", "/t", "REG_BINARY", "/d", hex.EncodeToString(blob), "/f"); err != nil {
		r.t.Fatalf("distrusting a certificate in the Windows rig: %v\n%s", err, out)
	}
	r.t.Cleanup(func() { _, _ = r.Run("reg", "delete", key, "/f") })
}

// File returns one of Microsoft's own programs, such as signtool.exe.
func (r *Rig) File(name string) []byte {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.prefix, "drive_c", "rig", name))
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

// Path returns the name that Windows programs in the rig know a file of this machine by.
func (r *Rig) Path(file string) string {
	abs, err := filepath.Abs(file)
	if err != nil {
		r.t.Fatal(err)
	}
	return "Z:" + strings.ReplaceAll(abs, "/", `\`)
}

// Run runs a Windows program in the rig. Arguments are passed as they are: give files through Path.
func (r *Rig) Run(program string, args ...string) (output string, err error) {
	r.t.Helper()
	return run(r.t, "", r.script, append([]string{"run", program}, args...)...)
}

// Signtool runs Microsoft's signtool. Arguments that name existing files of this machine are translated. Signing runs one
// at a time over all processes: wine has one key container a prefix.
func (r *Rig) Signtool(args ...string) (output string, err error) {
	r.t.Helper()
	if len(args) > 0 && args[0] == "sign" {
		unlock := lock(r.t, r.home+".sign.lock")
		defer unlock()
	}
	return run(r.t, "", r.script, append([]string{"signtool"}, r.translate(args)...)...)
}

// Makecat runs Microsoft's makecat on a catalog definition file, in that file's folder: the names in it may be relative,
// and the catalog appears where the definition says.
func (r *Rig) Makecat(cdf string) (output string, err error) {
	r.t.Helper()
	return run(r.t, filepath.Dir(cdf), r.script, "makecat", "-v", filepath.Base(cdf))
}

func (r *Rig) translate(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = a
		if strings.HasPrefix(a, "/") && strings.Count(a, "/") > 1 {
			if _, err := os.Stat(a); err == nil {
				out[i] = r.Path(a)
			}
		}
	}
	return out
}

// RigVerdict is WinVerifyTrust's answer about one file.
type RigVerdict struct {
	File    string
	HRESULT uint32 // 0 is the only good one
	Name    string // "OK", "TRUST_E_BAD_DIGEST", …; empty for a code that the rig has no name for
	// Secondary is the number of signatures beside the first.
	Secondary int
	// Chains are the signers and countersigners that were found: certificate names from the leaf up.
	Chains []string
	// Crashed: the rig's verifier ended on this file without an answer; see VerifyAny.
	Crashed bool
}

// OK says that Windows trusts the file.
func (v RigVerdict) OK() bool { return v.HRESULT == 0 }

func (v RigVerdict) String() string {
	return fmt.Sprintf("%#08x %s %s %s", v.HRESULT, v.Name, filepath.Base(v.File), strings.Join(v.Chains, "; "))
}

// verdictLine matches wvt's verdict; the file's name is the rest.
var verdictLine = regexp.MustCompile(`^0x([0-9a-f]{8}) ([A-Z0-9_]*) ?(.*)$`)

// Verify asks WinVerifyTrust about each file. It also asks for the number of nested signatures, which makes WinVerifyTrust
// content with any good one: where the first may be bad and others good, ask with VerifyIndex.
func (r *Rig) Verify(files ...string) []RigVerdict {
	r.t.Helper()
	return r.verify([]string{"verify", "-a"}, files)
}

// VerifyAny is Verify for files on which the rig itself may break: wine's decoders crash on some that are malformed.
func (r *Rig) VerifyAny(files ...string) []RigVerdict {
	r.t.Helper()
	var out []RigVerdict
	for len(out) < len(files) {
		rest := files[len(out):]
		args := []string{"verify", "-a"}
		for _, f := range rest {
			args = append(args, r.Path(f))
		}
		text, err := r.Run(`C:\rig\wvt.exe`, args...)
		verdicts := parseVerdicts(text)
		if len(verdicts) < len(rest) {
			if err == nil {
				r.t.Fatalf("the rig gave %d verdicts on %d files:\n%s", len(verdicts), len(rest), text)
			}
			verdicts = append(verdicts, RigVerdict{Crashed: true})
		}
		for i := range verdicts {
			verdicts[i].File = rest[i]
		}
		out = append(out, verdicts...)
	}
	return out
}

// VerifyIndex asks WinVerifyTrust about the signature with the given index (0 is the first).
func (r *Rig) VerifyIndex(file string, index int) RigVerdict {
	r.t.Helper()
	return r.verify([]string{"verify", "-i", strconv.Itoa(index)}, []string{file})[0]
}

func (r *Rig) verify(args, files []string) []RigVerdict {
	r.t.Helper()
	for _, f := range files {
		args = append(args, r.Path(f))
	}
	out, err := r.Run(`C:\rig\wvt.exe`, args...)
	verdicts := parseVerdicts(out)
	if len(verdicts) != len(files) {
		r.t.Fatalf("the rig gave %d verdicts on %d files: %v\n%s", len(verdicts), len(files), err, out)
	}
	for i := range verdicts {
		verdicts[i].File = files[i]
	}
	return verdicts
}

// VerifyMember asks WinVerifyTrust whether a file is a member of a catalog, looked up by its SHA-1 or SHA-256 hash.
func (r *Rig) VerifyMember(alg, catalog, file string) RigVerdict {
	r.t.Helper()
	out, err := r.Run(`C:\rig\wvt.exe`, "catverify", alg, r.Path(catalog), r.Path(file))
	verdicts := parseVerdicts(out)
	if len(verdicts) != 1 {
		r.t.Fatalf("the rig gave no verdict on %s in %s: %v\n%s", file, catalog, err, out)
	}
	verdicts[0].File = file
	return verdicts[0]
}

// CatalogHash returns the hash by which Windows looks a file up in catalogs, as upper-case hexadecimal digits.
func (r *Rig) CatalogHash(alg, file string) string {
	r.t.Helper()
	out, err := r.Run(`C:\rig\wvt.exe`, "cathash", alg, r.Path(file))
	fields := strings.Fields(out)
	if err != nil || len(fields) == 0 {
		r.t.Fatalf("the rig gave no hash of %s: %v\n%s", file, err, out)
	}
	return fields[0]
}

// parseVerdicts reads wvt's output: indented lines describe the chains of the verdict below them.
func parseVerdicts(out string) []RigVerdict {
	var verdicts []RigVerdict
	var chains []string
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "    ") {
			chains = append(chains, strings.TrimSpace(line))
			continue
		}
		m := verdictLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		code, _ := strconv.ParseUint(m[1], 16, 32)
		v := RigVerdict{HRESULT: uint32(code), Name: m[2], Chains: chains}
		if _, n, ok := strings.Cut(m[3], " secondary="); ok {
			v.Secondary, _ = strconv.Atoi(strings.Fields(n)[0])
		}
		verdicts, chains = append(verdicts, v), nil
	}
	return verdicts
}
