package vault

import (
	"cmp"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// description is the answer to reading a key.
type description struct {
	Data struct {
		Type  string                     `json:"type"`
		Least int                        `json:"min_encryption_version"` // to sign with
		Signs *bool                      `json:"supports_signing"`
		Keys  map[string]json.RawMessage `json:"keys"` // by version
	} `json:"data"`
}

// version is one version of a key.
type version struct {
	number       int
	public       crypto.PublicKey
	certificates []*x509.Certificate
}

// Open reads the key and its versions.
func (k *key) Open(ctx context.Context) (*service.Held, error) {
	a, err := k.caller.Call(ctx, service.Request{Operation: "read key", URL: k.path(k.mount, "keys", k.key), Header: k.header, Auth: k.auth})
	if err != nil {
		return nil, err
	}
	var d description
	if err := a.JSON(&d); err != nil {
		return nil, err
	}
	if d.Data.Signs != nil && !*d.Data.Signs {
		return nil, fault.New(fault.Usage, "Vault: the key %s is of type %s, which does not sign", k.key, d.Data.Type).
			Hint("make a key of type rsa-3072 or rsa-4096")
	}
	versions, err := k.versions(a, &d)
	if err != nil {
		return nil, err
	}
	held := &service.Held{Info: &service.Info{Name: k.mount + "/" + k.key, Algorithm: d.Data.Type, Credential: k.from}}
	for _, v := range versions {
		held.Publics = append(held.Publics, v.public)
		held.Certificates = append(held.Certificates, v.certificates...)
	}
	held.Chosen = func(n int) {
		k.current.Store(int64(versions[n].number))
		held.Info.Version = strconv.Itoa(versions[n].number)
	}
	return held, nil
}

// versions are those that may sign, the newest first, or the one that the
// short form names.
func (k *key) versions(a *service.Answer, d *description) ([]version, error) {
	var list []version
	for text, raw := range d.Data.Keys {
		n, err := strconv.Atoi(text)
		if err != nil || k.version != 0 && n != k.version || n < d.Data.Least {
			continue
		}
		v, err := parseVersion(n, raw)
		if err != nil {
			return nil, a.Bad("version %d without a public key: %v", n, err)
		}
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b version) int { return cmp.Compare(b.number, a.number) })
	if len(list) == 0 {
		return nil, fault.New(fault.Usage, "Vault: the key %s has no version %s that may sign", k.key, cmp.Or(k.options["version"], "at all")).
			Hint("see the key's versions and min_encryption_version with: vault read %s/keys/%s", k.mount, k.key)
	}
	return list, nil
}

// parseVersion reads one entry of keys. Symmetric keys have a number there.
func parseVersion(n int, raw json.RawMessage) (version, error) {
	var e struct {
		Public string          `json:"public_key"`
		Chain  json.RawMessage `json:"certificate_chain"` // PEM in one text or in several
	}
	if err := json.Unmarshal(raw, &e); err != nil || e.Public == "" {
		return version{}, errors.New("it is a symmetric key")
	}
	public, err := service.ParsePublicKey([]byte(e.Public))
	if err != nil {
		return version{}, err
	}
	v := version{number: n, public: public}
	var one string
	var several []string
	if json.Unmarshal(e.Chain, &one) != nil {
		json.Unmarshal(e.Chain, &several) // neither: there is no chain
	}
	if text := strings.TrimSpace(one + "\n" + strings.Join(several, "\n")); text != "" {
		v.certificates, err = service.ParseCertificates([]byte(text))
	}
	return v, err
}

// signRequest is the body of a request to sign. Every field is sent always:
// without signature_algorithm an RSA key signs PSS with the longest salt, and
// without key_version a rotated key signs with its newest version.
type signRequest struct {
	Input     string `json:"input"`
	Prehashed bool   `json:"prehashed"`
	Hash      string `json:"hash_algorithm"`
	Algorithm string `json:"signature_algorithm,omitempty"`
	Salt      string `json:"salt_length,omitempty"`
	Marshal   string `json:"marshaling_algorithm,omitempty"`
	Version   int64  `json:"key_version"`
}

// hashNames as the engine spells them.
var hashNames = map[crypto.Hash]string{crypto.SHA256: "sha2-256", crypto.SHA384: "sha2-384", crypto.SHA512: "sha2-512"}

// Sign signs with the version that the certificate belongs to.
func (k *key) Sign(ctx context.Context, d service.Digest) (*service.Signed, error) {
	hash, ok := hashNames[d.Hash]
	if !ok {
		return nil, fmt.Errorf("hash %v is not supported by Vault", d.Hash)
	}
	r := signRequest{Input: base64.StdEncoding.EncodeToString(d.Sum), Prehashed: true, Hash: hash, Version: k.current.Load()}
	switch d.Scheme {
	case service.SchemePKCS1v15:
		r.Algorithm = "pkcs1v15"
	case service.SchemePSS:
		r.Algorithm, r.Salt = "pss", "hash"
	case service.SchemeECDSA:
		r.Marshal = "asn1"
	}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	a, err := k.caller.Call(ctx, service.Request{
		Operation: "sign", URL: k.path(k.mount, "sign", k.key, hash), Header: k.header, Body: body, Auth: k.auth,
	})
	if err != nil {
		return nil, err
	}
	var v struct {
		Data struct {
			Signature string `json:"signature"` // vault:vN:BASE64
		} `json:"data"`
	}
	if err := a.JSON(&v); err != nil {
		return nil, err
	}
	text, ok := strings.CutPrefix(v.Data.Signature, fmt.Sprintf("vault:v%d:", r.Version))
	signature, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(signature) == 0 {
		return nil, a.Bad("no signature of key version %d", r.Version)
	}
	return &service.Signed{Signature: signature}, nil
}

// Permitted asks what the token may do with the key (sys/capabilities-self).
func (k *key) Permitted(ctx context.Context) error {
	path := k.mount + "/sign/" + k.key + "/sha2-256"
	body, err := json.Marshal(map[string][]string{"paths": {path}})
	if err != nil {
		return err
	}
	a, err := k.caller.Call(ctx, service.Request{Operation: "read rights", URL: k.path("sys", "capabilities-self"), Header: k.header, Body: body, Auth: k.auth})
	if err != nil {
		return err
	}
	var v struct {
		Data map[string]json.RawMessage `json:"data"`
	}
	var rights []string
	if err := a.JSON(&v); err != nil {
		return err
	}
	if json.Unmarshal(v.Data[path], &rights) != nil {
		return a.Bad("no rights for the path that was asked for")
	}
	if slices.Contains(rights, "update") || slices.Contains(rights, "root") {
		return nil
	}
	return fault.New(fault.Usage, "Vault: the token may not sign with %s/%s: it has %s", k.mount, k.key, strings.Join(rights, ", ")).
		Hint("%s", k.policyHint())
}

func (k *key) policyHint() string {
	return fmt.Sprintf(`the token's policy needs update on "%s/sign/%s*" and read on "%s/keys/%s"`, k.mount, k.key, k.mount, k.key)
}

// dialect is how Vault reports failures. A 500 is what the engine says to a
// wrong digest or version, so it is final. A 403 is a token that has ended as
// well as a missing right.
func (k *key) dialect() service.Dialect {
	return service.Dialect{
		Read: func(f *service.Failure, body []byte) {
			var v struct {
				Errors []string `json:"errors"`
			}
			if json.Unmarshal(body, &v) == nil {
				f.Message = strings.Join(v.Errors, "; ")
			}
		},
		Judge: func(f *service.Failure) service.Verdict {
			switch f.Status {
			case http.StatusForbidden:
				return service.Refused
			case http.StatusPreconditionFailed, 472, 473: // a standby that is not up to date, or performance and recovery standbys
				return service.Retry
			}
			return service.Judge(f)
		},
		Hints:      k.hints,
		FollowOnce: true,
	}
}

func (k *key) hints(f *service.Failure) []string {
	switch {
	case f.Status == http.StatusForbidden && f.Operation == "log in":
		return []string{"the role or its secret is refused: see the option approle or jwt_role, and sign.password"}
	case f.Status == http.StatusForbidden:
		return []string{k.policyHint(), "or the token (" + k.from + ") has ended: vault token lookup"}
	case f.Status == http.StatusNotFound:
		return []string{fmt.Sprintf("there is no key %q, or no transit engine at %q: vault list %s/keys", k.key, k.mount, k.mount), "a namespace goes into VAULT_NAMESPACE or the option namespace"}
	case f.Status == http.StatusServiceUnavailable:
		return []string{"the server is sealed or starting: vault status"}
	}
	return nil
}
