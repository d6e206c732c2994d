package identity

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/childproc"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
	"github.com/hallmark-dev/hallmark/internal/secret"
)

const (
	// execTimeout is for one call when Options.Timeout is 0. Signing services
	// have been seen to take 100 seconds.
	execTimeout = 2 * time.Minute
	// execParallel is how many signatures are asked for at a time: services
	// answer slowly and limit their rate.
	execParallel = 4
	// maxAnswer bounds what a program may write to standard output, in bytes.
	maxAnswer = 512 << 10
	// maxStderr is how much of its standard error an error repeats, in bytes.
	maxStderr = 4 << 10
)

// ExecRequest is the one line of JSON that an exec program finds on its
// standard input. Digest and what follows are set for the operation sign.
type ExecRequest struct {
	Version     int            `json:"version"`   // 1
	Operation   string         `json:"operation"` // certificates or sign, also the last argument
	Scheme      service.Scheme `json:"scheme,omitempty"`
	Hash        string         `json:"hash,omitempty"`               // sha256, sha384 or sha512
	DigestHex   string         `json:"digest_hex,omitempty"`         // the digest to sign
	Digest      string         `json:"digest_base64,omitempty"`      // the same
	Certificate string         `json:"certificate_sha256,omitempty"` // thumbprint of the certificate that will be used
	Password    string         `json:"password,omitempty"`           // if the identity has one
}

const (
	opCertificates = "certificates"
	opSign         = "sign"
)

// program runs an exec identity's program.
type program struct {
	ctx     context.Context // of Open: crypto.Signer has no place for one
	args    []string
	dir     string
	env     []string
	timeout time.Duration
	secret  []byte
}

// loadExec asks the program for its certificates. Its key is reached only
// when it signs.
func (i *Identity) loadExec(ctx context.Context, r Ref) error {
	password, err := i.password()
	if err != nil {
		return err
	}
	p := &program{ctx: ctx, args: r.Args, dir: i.opts.Dir, env: i.opts.Env, timeout: i.opts.Timeout, secret: password}
	if p.timeout <= 0 {
		p.timeout = execTimeout
	}
	if p.env == nil {
		p.env = os.Environ()
	}
	out, err := p.call(ExecRequest{Operation: opCertificates})
	if err != nil {
		return err
	}
	certs, err := certchain.ParseCertificates(out)
	if err != nil {
		return p.bad(opCertificates, "certificates: %v", err)
	}
	return i.adoptExec(p, certs)
}

func (i *Identity) adoptExec(p *program, certs []*x509.Certificate) error {
	leaf := certs[0]
	switch leaf.PublicKey.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey:
	default:
		return p.bad(opCertificates, "a certificate with a key of type %T, which cannot make Authenticode signatures", leaf.PublicKey)
	}
	i.Key = &execKey{program: p, certificate: leaf}
	i.Certificate, i.Chain, i.Held = leaf, certs[1:], certs
	return nil
}

// execKey is a private key that a program holds.
type execKey struct {
	program     *program
	certificate *x509.Certificate
}

// Public is the key of the certificate that the program named.
func (k *execKey) Public() crypto.PublicKey { return k.certificate.PublicKey }

// Sign asks the program to sign digest. The answer is verified before it is
// returned. Errors are *fault.Error with status Service.
func (k *execKey) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	hash, err := hashName(digest, opts)
	if err != nil {
		return nil, err
	}
	thumbprint := sha256.Sum256(k.certificate.Raw)
	out, err := k.program.call(ExecRequest{
		Operation:   opSign,
		Scheme:      schemeOf(k.Public(), opts),
		Hash:        hash,
		DigestHex:   hex.EncodeToString(digest),
		Digest:      base64.StdEncoding.EncodeToString(digest),
		Certificate: hex.EncodeToString(thumbprint[:]),
	})
	if err != nil {
		return nil, err
	}
	signature, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(out)), ""))
	if err != nil || len(signature) == 0 {
		return nil, k.program.bad(opSign, "something that is not base64")
	}
	if err := checkSignature(k.Public(), digest, signature, opts); err != nil {
		return nil, k.program.bad(opSign, "a signature that its certificate does not verify")
	}
	return signature, nil
}

// call runs the program once for one request and returns its standard output.
func (p *program) call(r ExecRequest) ([]byte, error) {
	r.Version, r.Password = 1, string(p.secret)
	var request bytes.Buffer
	enc := json.NewEncoder(&request) // ends the line
	enc.SetEscapeHTML(false)         // a shell script that reads the password needs no JSON for <, > and &
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("asking %s: %v", p.name(), err)
	}
	ctx, cancel := context.WithTimeoutCause(p.ctx, p.timeout, fmt.Errorf("no answer within %v", p.timeout))
	defer cancel()
	out, err := childproc.Run(ctx, childproc.Cmd{
		Path:  p.path(),
		Args:  append(append([]string{}, p.args[1:]...), r.Operation),
		Dir:   p.dir,
		Env:   append(slices.Clone(p.env), p.environment(r)...),
		Stdin: &request,
	})
	if err != nil {
		return nil, p.failed(r.Operation, err)
	}
	if len(out) > maxAnswer {
		return nil, p.bad(r.Operation, "more than %d bytes", maxAnswer)
	}
	return []byte(out), nil
}

// environment repeats the request, so that a shell script needs no JSON. The
// password is not among it, because environments are easier to read from
// outside than pipes.
func (p *program) environment(r ExecRequest) []string {
	return []string{
		"HALLMARK_OPERATION=" + r.Operation,
		"HALLMARK_SCHEME=" + string(r.Scheme),
		"HALLMARK_HASH=" + r.Hash,
		"HALLMARK_DIGEST_HEX=" + r.DigestHex,
		"HALLMARK_DIGEST_BASE64=" + r.Digest,
	}
}

// path resolves a program with a folder in its name against Dir; a bare name
// is looked up in PATH.
func (p *program) path() string {
	name := p.args[0]
	if filepath.Base(name) == name || filepath.IsAbs(name) {
		return name
	}
	if abs, err := filepath.Abs(filepath.Join(p.dir, name)); err == nil {
		return abs
	}
	return name
}

func (p *program) name() string { return filepath.Base(p.args[0]) }

// failed words the error of a call. The program's arguments stay out of it,
// its output is masked.
func (p *program) failed(operation string, err error) error {
	var e *childproc.Error
	if p.ctx.Err() != nil || !errors.As(err, &e) {
		return fmt.Errorf("signing program %s: %s: %w", p.name(), operation, err)
	}
	if notStarted(e) {
		return fault.New(fault.Usage, "signing program %s: %v", p.name(), e.Cause).
			Hint("the program must exist and be executable; a bare name is looked up in PATH")
	}
	f := fault.New(fault.Service, "signing program %s: %s: %v%s", p.name(), operation, e.Cause, p.output(e.Output))
	return f.Hint("run the program by hand; docs/identities.md describes the request and the answer")
}

// notStarted tells a program that could not be run at all from one that
// failed.
func notStarted(e *childproc.Error) bool {
	var lookup *exec.Error
	var start *fs.PathError
	return errors.As(e.Cause, &lookup) || errors.As(e.Cause, &start)
}

// output is the end of what the program printed, masked and indented.
func (p *program) output(text string) string {
	text = secret.MaskText(text, p.secret)
	if len(text) > maxStderr {
		text = "… " + strings.ToValidUTF8(text[len(text)-maxStderr:], "")
	}
	if text == "" {
		return ""
	}
	return "\n  " + strings.ReplaceAll(text, "\n", "\n  ")
}

// bad is the error of an answer that makes no sense. It does not repeat the
// answer, which may be anything.
func (p *program) bad(operation, format string, args ...any) error {
	return fault.New(fault.Service, "signing program %s: %s: answered with "+format, append([]any{p.name(), operation}, args...)...).
		Hint("docs/identities.md describes the request and the answer")
}
