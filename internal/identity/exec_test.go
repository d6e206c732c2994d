package identity

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// actAsSigner is the other side of an exec identity: the test binary, started
// again. Key and certificates come from files that the environment names.
func actAsSigner(mode string) {
	request := readRequest()
	operation := os.Args[len(os.Args)-1]
	if request.Operation != operation || os.Getenv("HALLMARK_OPERATION") != operation || request.Version != 1 {
		signerFails("asked for %q, %q and %q", request.Operation, operation, os.Getenv("HALLMARK_OPERATION"))
	}
	onlyWhenSigning := strings.HasPrefix(mode, "sign ")
	mode = strings.TrimPrefix(mode, "sign ")
	if onlyWhenSigning && operation == opCertificates {
		mode = "good"
	}
	switch mode {
	case "fail":
		fmt.Fprintf(os.Stderr, "token says no; was given %s\n", request.Password)
		os.Exit(7)
	case "hang":
		time.Sleep(time.Minute)
	case "garbage":
		fmt.Print("not what you want!")
	case "nothing":
	case "much":
		fmt.Print(strings.Repeat("A", 2<<20))
	case "talkative":
		fmt.Fprint(os.Stderr, strings.Repeat("noise ", 1<<20))
		os.Exit(1)
	default:
		signerAnswers(request, mode)
	}
	os.Exit(0)
}

func readRequest() (r ExecRequest) {
	b, err := io.ReadAll(os.Stdin)
	if err != nil {
		signerFails("%v", err)
	}
	if err := json.Unmarshal(b, &r); err != nil || strings.Count(string(b), "\n") != 1 {
		signerFails("no line of JSON: %q, %v", b, err)
	}
	return r
}

func signerFails(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(8)
}

func signerAnswers(r ExecRequest, mode string) {
	if want := os.Getenv("SIGNER_WANTS_PASSWORD"); r.Password != want {
		signerFails("wrong password")
	}
	if r.Operation == opCertificates {
		b, err := os.ReadFile(os.Getenv("SIGNER_CERTS"))
		if err != nil {
			signerFails("%v", err)
		}
		os.Stdout.Write(b)
		return
	}
	digest, err := hex.DecodeString(r.DigestHex)
	if err != nil || os.Getenv("HALLMARK_DIGEST_HEX") != r.DigestHex || os.Getenv("HALLMARK_DIGEST_BASE64") != r.Digest ||
		base64.StdEncoding.EncodeToString(digest) != r.Digest || len(r.Certificate) != 64 {
		signerFails("odd request %+v, %v", r, err)
	}
	if mode == "wrong" {
		digest[0] ^= 1
	}
	signature, err := signerKey().Sign(rand.Reader, digest, signerOptions(r))
	if err != nil {
		signerFails("%v", err)
	}
	text := base64.StdEncoding.EncodeToString(signature)
	fmt.Print(text[:64] + "\r\n" + text[64:] + "\n") // as many tools break it
}

func signerKey() crypto.Signer {
	b, err := os.ReadFile(os.Getenv("SIGNER_KEY"))
	if err != nil {
		signerFails("%v", err)
	}
	block, _ := pem.Decode(b)
	key, err := parseKey(block.Bytes)
	if err != nil {
		signerFails("%v", err)
	}
	return key
}

func signerOptions(r ExecRequest) crypto.SignerOpts {
	hash, ok := map[string]crypto.Hash{"sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512}[r.Hash]
	if !ok || os.Getenv("HALLMARK_HASH") != r.Hash || os.Getenv("HALLMARK_SCHEME") != string(r.Scheme) {
		signerFails("hash %q, scheme %q", r.Hash, r.Scheme)
	}
	if r.Scheme == service.SchemePSS {
		return &rsa.PSSOptions{Hash: hash, SaltLength: rsa.PSSSaltLengthEqualsHash}
	}
	return hash
}

// signer is the short form of the test binary as a signing program.
func signer(t *testing.T, p *formatstest.Identity, mode string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HALLMARK_TEST_SIGNER", mode)
	t.Setenv("SIGNER_KEY", p.KeyFile(t))
	t.Setenv("SIGNER_CERTS", p.CertFile(t))
	return fmt.Sprintf(`exec:"%s" --profile 'my key'`, exe)
}

func TestExecSigns(t *testing.T) {
	pki := formatstest.NewPKI(t)
	for name, p := range map[string]*formatstest.Identity{"RSA": pki.Leaf, "P-256": pki.ECDSA, "P-384": pki.P384} {
		t.Run(name, func(t *testing.T) {
			id, err := open(t, signer(t, p, "good"), "")
			if err != nil {
				t.Fatal(err)
			}
			wantLeaf(t, id, p)
			opts := []crypto.SignerOpts{crypto.SHA256, crypto.SHA384, crypto.SHA512}
			if name == "RSA" {
				opts = append(opts, &rsa.PSSOptions{Hash: crypto.SHA256, SaltLength: rsa.PSSSaltLengthEqualsHash})
			}
			wantSigns(t, id, opts...)
			if id.Parallel != execParallel || id.Kind != KindExec {
				t.Errorf("got %+v", id)
			}
		})
	}
}

func TestExecGetsThePasswordOnStandardInput(t *testing.T) {
	ref := signer(t, formatstest.NewPKI(t).Leaf, "good")
	t.Setenv("SIGNER_WANTS_PASSWORD", password)
	id, err := open(t, ref, password)
	if err != nil {
		t.Fatal(err)
	}
	if err := id.Probe(); err != nil {
		t.Error(err)
	}
	_, err = open(t, ref, "an0ther passw0rd")
	wantError(t, err, fault.Service, "exit status 8", "wrong password")
}

func TestExecFails(t *testing.T) {
	p := formatstest.NewPKI(t).Leaf
	for mode, want := range map[string][]string{
		"fail":      {"exit status 7", "token says no; was given ***", "docs/identities.md"},
		"hang":      {"no answer within 500ms"},
		"garbage":   {"answered with"},
		"nothing":   {"answered with"},
		"much":      {"answered with more than 524288 bytes"},
		"talkative": {"exit status 1", "… "},
		"wrong":     {"a signature that its certificate does not verify"},
	} {
		t.Run(mode, func(t *testing.T) {
			impatient := func(o *Options) {
				if mode == "hang" {
					o.Timeout = 500 * time.Millisecond
				}
			}
			if mode != "wrong" {
				_, err := open(t, signer(t, p, mode), password, impatient)
				checkExecError(t, err, opCertificates, want)
			}
			ref := signer(t, p, "sign "+mode)
			t.Setenv("SIGNER_WANTS_PASSWORD", password)
			id, err := open(t, ref, password)
			if err != nil {
				t.Fatal(err)
			}
			if mode == "hang" {
				id.Key.(*execKey).program.timeout = 500 * time.Millisecond
			}
			checkExecError(t, id.Probe(), opSign, want)
			if ps := id.Judge(time.Now()); ps[0].Rule != RuleKey || fault.Status(Err(ps)) != fault.Service {
				t.Errorf("judged %+v", ps)
			}
		})
	}
}

func checkExecError(t *testing.T, err error, operation string, want []string) {
	t.Helper()
	wantError(t, err, fault.Service, append(want, operation)...)
	noSecret(t, err, password)
	if err != nil && (len(err.Error()) > 3*maxStderr || strings.Contains(err.Error(), "my key")) {
		t.Errorf("error of %d bytes or with arguments: %.300v", len(err.Error()), err)
	}
}

func TestExecAnswerWithoutSignature(t *testing.T) {
	for _, mode := range []string{"sign garbage", "sign nothing"} {
		id, err := open(t, signer(t, formatstest.NewPKI(t).Leaf, mode), "")
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, id.Probe(), fault.Service, "something that is not base64")
	}
}

func TestExecNotStarted(t *testing.T) {
	plain := writeFile(t, "plain.txt", []byte("x"))
	for name, ref := range map[string]string{
		"missing":        "exec:./none/at/all",
		"not in PATH":    "exec:hallmark-test-no-such-program",
		"not executable": "exec:" + plain,
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && name == "not executable" {
				t.Skip("Windows has no such bit")
			}
			_, err := open(t, ref, "")
			wantError(t, err, fault.Usage, "signing program", "executable")
		})
	}
}

func TestExecProgramBesideTheProject(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	p := formatstest.NewPKI(t).Leaf
	dir := t.TempDir()
	script := documentedScript(t)
	for name, b := range map[string][]byte{"sign.sh": []byte(script), "chain.pem": readAll(t, p.CertFile(t)), "code.key": readAll(t, p.KeyFile(t))} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	formatstest.Tool(t, "openssl")
	id, err := open(t, "exec:./sign.sh", "", func(o *Options) { o.Dir = dir })
	if err != nil {
		t.Fatal(err)
	}
	wantLeaf(t, id, p)
	wantSigns(t, id, crypto.SHA256, crypto.SHA384)
}

// documentedScript is the example of docs/identities.md, which therefore
// works.
func documentedScript(t *testing.T) string {
	t.Helper()
	_, text, found := strings.Cut(document(t), "```sh\n#!/bin/sh\n")
	script, _, closed := strings.Cut(text, "```")
	if !found || !closed {
		t.Fatal("no script in docs/identities.md")
	}
	return "#!/bin/sh\n" + script
}

func document(t *testing.T) string {
	t.Helper()
	return string(readAll(t, filepath.Join(formatstest.Root(t), "docs", "identities.md")))
}

func TestDocumentedShortForms(t *testing.T) {
	n := 0
	for _, line := range strings.Split(document(t), "\n") {
		if ref, ok := strings.CutPrefix(line, "  identity: "); ok {
			n++
			if _, err := ParseRef(ref); err != nil {
				t.Errorf("%s: %v", ref, err)
			}
		}
	}
	if n < 6 {
		t.Errorf("found only %d examples", n)
	}
}

func TestExecEndsWithItsContext(t *testing.T) {
	ref := signer(t, formatstest.NewPKI(t).Leaf, "sign hang")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	id, err := Open(ctx, ref, Options{StateDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(200*time.Millisecond, cancel)
	if err := id.Probe(); err == nil || !strings.Contains(err.Error(), "context canceled") || fault.Status(err) == fault.Service {
		t.Errorf("got %v", err)
	}
}

func TestExecRefusesOddRequests(t *testing.T) {
	id, err := open(t, signer(t, formatstest.NewPKI(t).Leaf, "good"), "")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		digest []byte
		opts   crypto.SignerOpts
	}{
		"short digest": {make([]byte, 20), crypto.SHA256},
		"no hash":      {make([]byte, 32), crypto.Hash(0)},
		"MD5":          {make([]byte, 16), crypto.MD5},
		"odd salt":     {make([]byte, 32), &rsa.PSSOptions{Hash: crypto.SHA256, SaltLength: 5}},
	} {
		if _, err := id.Key.Sign(rand.Reader, c.digest, c.opts); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}
