package gcpkms

import (
	"cmp"
	"context"
	"crypto"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// castagnoli is CRC32C (RFC 3720 section 12.1), which Google sends along with
// what matters.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is a CRC32C as the API writes it: an int64, in JSON a text.
type checksum string

func checksumOf(b []byte) checksum {
	return checksum(strconv.FormatUint(uint64(crc32.Checksum(b, castagnoli)), 10))
}

// flexible is base64 in the standard alphabet or the one of URLs, padded or
// not: the API has both.
type flexible []byte

func (f *flexible) UnmarshalText(b []byte) error {
	text := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(string(b), "="))
	out, err := base64.RawStdEncoding.DecodeString(text)
	*f = out
	return err
}

// algorithm is what a key version signs with.
type algorithm struct {
	name   string // in Google's words
	scheme service.Scheme
	hash   crypto.Hash // 0: any, the key signs a DigestInfo as it is
}

// parseAlgorithm reads the names of CryptoKeyVersionAlgorithm that sign.
func parseAlgorithm(s string) algorithm {
	a := algorithm{name: s, hash: map[string]crypto.Hash{"SHA256": crypto.SHA256, "SHA384": crypto.SHA384, "SHA512": crypto.SHA512}[s[strings.LastIndex(s, "_")+1:]]}
	for begin, scheme := range map[string]service.Scheme{"RSA_SIGN_PKCS1_": service.SchemePKCS1v15, "RSA_SIGN_RAW_PKCS1_": service.SchemePKCS1v15,
		"RSA_SIGN_PSS_": service.SchemePSS, "EC_SIGN_P": service.SchemeECDSA} {
		if strings.HasPrefix(s, begin) {
			a.scheme = scheme
		}
	}
	return a
}

// raw keys sign a DigestInfo that the caller makes.
func (a algorithm) raw() bool { return strings.HasPrefix(a.name, "RSA_SIGN_RAW_PKCS1_") }

func (a algorithm) allows(s service.Scheme, h crypto.Hash) error {
	if a.scheme == s && (a.hash == h || a.raw()) {
		return nil
	}
	f := fault.New(fault.Usage, "Google Cloud KMS: the key version signs with %s only", a.name)
	if a.scheme == s && a.hash != 0 {
		return f.Hint("set sign.digest (or -digest=) to %s", strings.ToLower(strings.ReplaceAll(a.hash.String(), "-", "")))
	}
	return f.Hint("make a key of the algorithm RSA_SIGN_PKCS1_3072_SHA256 or RSA_SIGN_PKCS1_4096_SHA256")
}

func (k *key) url(suffix string) string { return k.endpoint.String() + "/v1/" + k.name + suffix }

// Open reads the public key; its algorithm fixes padding and hash.
func (k *key) Open(ctx context.Context) (*service.Held, error) {
	a, err := k.caller.Call(ctx, service.Request{Operation: "get public key", URL: k.url("/publicKey"), Header: k.header, Auth: k.auth})
	if err != nil {
		return nil, err
	}
	var v struct {
		PEM        string   `json:"pem"`
		CRC        checksum `json:"pemCrc32c"`
		Algorithm  string   `json:"algorithm"`
		Name       string   `json:"name"`
		Protection string   `json:"protectionLevel"`
	}
	if err := a.JSON(&v); err != nil {
		return nil, err
	}
	if v.Name != k.name || v.CRC != checksumOf([]byte(v.PEM)) {
		return nil, a.Bad("a public key that was damaged under way, or of another key")
	}
	public, err := service.ParsePublicKey([]byte(v.PEM))
	if err != nil {
		return nil, a.Bad("a public key that cannot be read: %v", err)
	}
	k.algorithm = parseAlgorithm(v.Algorithm)
	return &service.Held{
		Publics: []crypto.PublicKey{public}, Allows: k.algorithm.allows,
		Info: &service.Info{Name: k.cryptoKey(), Version: path.Base(k.name), Algorithm: v.Algorithm, Protection: v.Protection, Region: k.location(), Credential: k.from},
	}, nil
}

// signRequest is the body of asymmetricSign: a digest, or data for raw keys.
func (k *key) signRequest(d service.Digest) (any, error) {
	if !k.algorithm.raw() {
		hash, err := service.HashName(d.Hash)
		return map[string]any{"digest": map[string][]byte{hash: d.Sum}, "digestCrc32c": checksumOf(d.Sum)}, err
	}
	info, err := digestInfo(d)
	return map[string]any{"data": info, "dataCrc32c": checksumOf(info)}, err
}

// digestInfo is the DigestInfo that PKCS #1 v1.5 pads (RFC 8017 section 9.2).
func digestInfo(d service.Digest) ([]byte, error) {
	type algorithmIdentifier struct {
		Algorithm  asn1.ObjectIdentifier
		Parameters asn1.RawValue
	}
	last, ok := map[crypto.Hash]int{crypto.SHA256: 1, crypto.SHA384: 2, crypto.SHA512: 3}[d.Hash]
	if !ok {
		return nil, fmt.Errorf("signing: hash %v is not supported", d.Hash)
	}
	return asn1.Marshal(struct {
		Algorithm algorithmIdentifier
		Digest    []byte
	}{algorithmIdentifier{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, last}, asn1.NullRawValue}, d.Sum})
}

// Sign signs a digest. The answer says for which key and over which digest it
// is, and carries a checksum: all three are compared.
func (k *key) Sign(ctx context.Context, d service.Digest) (*service.Signed, error) {
	in, err := k.signRequest(d)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	a, err := k.caller.Call(ctx, service.Request{Operation: "sign", URL: k.url(":asymmetricSign"), Header: k.header, Body: body, Auth: k.auth})
	if err != nil {
		return nil, err
	}
	var v struct {
		Signature      flexible `json:"signature"`
		CRC            checksum `json:"signatureCrc32c"`
		VerifiedDigest bool     `json:"verifiedDigestCrc32c"`
		VerifiedData   bool     `json:"verifiedDataCrc32c"`
		Name           string   `json:"name"`
	}
	if err := a.JSON(&v); err != nil {
		return nil, err
	}
	switch {
	case v.Name != k.name:
		return nil, a.Bad("a signature of another key")
	case k.algorithm.raw() && !v.VerifiedData || !k.algorithm.raw() && !v.VerifiedDigest:
		return nil, a.Bad("a signature over something that was damaged under way")
	case len(v.Signature) == 0 || v.CRC != checksumOf(v.Signature):
		return nil, a.Bad("a signature that was damaged under way")
	}
	return &service.Signed{Signature: v.Signature}, nil
}

// rights that signing needs.
var rights = []string{"cloudkms.cryptoKeyVersions.useToSign", "cloudkms.cryptoKeyVersions.viewPublicKey"}

// Permitted asks which of the rights the credential has.
func (k *key) Permitted(ctx context.Context) error {
	body, err := json.Marshal(map[string][]string{"permissions": rights})
	if err != nil {
		return err
	}
	a, err := k.caller.Call(ctx, service.Request{Operation: "read rights", URL: k.endpoint.String() + "/v1/" + k.cryptoKey() + ":testIamPermissions", Header: k.header, Body: body, Auth: k.auth})
	if err != nil {
		return err
	}
	var v struct {
		Permissions []string `json:"permissions"`
	}
	if err := a.JSON(&v); err != nil {
		return err
	}
	for _, r := range rights {
		if !slices.Contains(v.Permissions, r) {
			return fault.New(fault.Usage, "Google Cloud KMS: the credential (%s) lacks the right %s", k.from, r).Hint("%s", roleHint)
		}
	}
	return nil
}

const roleHint = "give it the role Cloud KMS CryptoKey Signer/Verifier (roles/cloudkms.signerVerifier) on the key"

// read takes the error out of a body: {"error":{"code","message","status"}}.
func read(f *service.Failure, body []byte) {
	var v struct {
		Error struct {
			Status  string `json:"status"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &v) == nil {
		f.Code, f.Message = v.Error.Status, v.Error.Message
	}
}

func (k *key) hints(f *service.Failure) []string {
	switch {
	case f.Code == "FAILED_PRECONDITION":
		return []string{"the key version is disabled or destroyed: gcloud kms keys versions describe " + path.Base(k.name)}
	case f.Status == http.StatusForbidden:
		return []string{roleHint + "; the credential is " + cmp.Or(k.from, "that of the machine"), "or the API cloudkms.googleapis.com is not enabled in the project"}
	case f.Status == http.StatusNotFound:
		return []string{"check project, location, key ring, key and version: gcloud kms keys versions list"}
	}
	return nil
}
