package formatstest

import (
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// opensslConfig configures `openssl ts` (see openssl-ts(1)); %[1]s is the folder of its files.
const opensslConfig = `[tsa]
default_tsa = test
[test]
serial = %[1]s/serial
crypto_device = builtin
signer_cert = %[2]s
signer_key = %[3]s
certs = %[4]s
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha1, sha256, sha384, sha512
accuracy = secs:1
ordering = yes
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
`

// opensslTSA answers time-stamp requests with the openssl command.
type opensslTSA struct {
	t                  testing.TB
	sync.Mutex         // openssl's serial file
	dir, cert, key, ca string
}

// OpensslTSA starts a time-stamp server on loopback that has the openssl command make the tokens of the given TSA
// identity: one that we did not write. The returned URL plus /rfc3161 speaks RFC 3161, plus /legacy the older
// Authenticode protocol. It stops with the test.
func OpensslTSA(t testing.TB, tsa *Identity) (url string) {
	t.Helper()
	Tool(t, "openssl")
	s := &opensslTSA{t: t, dir: t.TempDir(), cert: PEMFile(t, tsa.Certificate), key: tsa.KeyFile(t), ca: PEMFile(t, tsa.Root)}
	for name, text := range map[string]string{"serial": "01\n", "config": fmt.Sprintf(opensslConfig, s.dir, s.cert, s.key, s.ca)} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/rfc3161", s.rfc3161)
	mux.HandleFunc("/legacy", s.legacy)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

func (s *opensslTSA) rfc3161(w http.ResponseWriter, r *http.Request) {
	out, err := s.openssl(r.Body, "ts", "-reply", "-config", filepath.Join(s.dir, "config"), "-queryfile", "/dev/stdin")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	_, _ = w.Write(out)
}

// legacy answers the base64 of SEQUENCE { 1.3.6.1.4.1.311.3.2.1, SEQUENCE { id-data, [0] signature } } (Microsoft,
// "Time Stamping Authenticode Signatures") with a SignedData over that signature.
func (s *opensslTSA) legacy(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Type asn1.ObjectIdentifier
		Blob struct {
			Type    asn1.ObjectIdentifier
			Content []byte `asn1:"explicit,tag:0"`
		}
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	if err == nil {
		var der []byte
		der, err = base64.StdEncoding.DecodeString(strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(string(text)))
		if err == nil {
			_, err = asn1.Unmarshal(der, &req)
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out, err := s.openssl(strings.NewReader(string(req.Blob.Content)), "smime", "-sign", "-binary", "-nodetach", "-nosmimecap",
		"-outform", "DER", "-md", "sha256", "-signer", s.cert, "-inkey", s.key, "-certfile", s.ca)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = io.WriteString(w, base64.StdEncoding.EncodeToString(out))
}

func (s *opensslTSA) openssl(in io.Reader, args ...string) ([]byte, error) {
	s.Lock()
	defer s.Unlock()
	cmd := exec.Command("openssl", args...)
	cmd.Stdin = io.LimitReader(in, 1<<16)
	var problem strings.Builder
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		s.t.Logf("openssl %s: %v\n%s", args[0], err, problem.String())
	}
	return out, err
}
