package awskms

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// call asks KMS for an operation (AWS JSON 1.1).
func (k *key) call(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	a, err := k.caller.Call(ctx, service.Request{
		Operation: operation, URL: k.endpoint.String() + "/", Body: body, Auth: k.auth,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"TrentService." + operation}},
	})
	if err != nil {
		return err
	}
	if err := a.JSON(out); err != nil {
		return err
	}
	return nil
}

// Open reads the public key and what it may be used for.
func (k *key) Open(ctx context.Context) (*service.Held, error) {
	var v struct {
		KeyID      string   `json:"KeyId"`
		Public     []byte   `json:"PublicKey"` // SubjectPublicKeyInfo, DER
		Spec       string   `json:"KeySpec"`
		Usage      string   `json:"KeyUsage"`
		Algorithms []string `json:"SigningAlgorithms"`
	}
	if err := k.call(ctx, "GetPublicKey", map[string]string{"KeyId": k.keyID}, &v); err != nil {
		return nil, err
	}
	if v.Usage != "SIGN_VERIFY" {
		return nil, fault.New(fault.Usage, "AWS KMS: the key is for %s", v.Usage).Hint("make a key with the usage SIGN_VERIFY and the spec RSA_3072 or RSA_4096")
	}
	public, err := service.ParsePublicKey(v.Public)
	if err != nil {
		return nil, fault.New(fault.Service, "AWS KMS: GetPublicKey: answered with a public key that cannot be read: %v", err)
	}
	return &service.Held{
		Publics: []crypto.PublicKey{public},
		Info:    &service.Info{Name: v.KeyID, Algorithm: v.Spec, Protection: "HSM", Region: k.region, Credential: k.auth.from},
		Allows:  func(s service.Scheme, h crypto.Hash) error { return allows(v.Algorithms, s, h) },
	}, nil
}

func allows(algorithms []string, s service.Scheme, h crypto.Hash) error {
	want, err := algorithm(s, h)
	if err != nil {
		return err
	}
	if slices.Contains(algorithms, want) {
		return nil
	}
	return fault.New(fault.Usage, "AWS KMS: the key does not make %s signatures, it makes %s", want, strings.Join(algorithms, ", ")).
		Hint("set sign.digest (or -digest=) to a hash that the key supports, or make a key of the spec RSA_3072 or RSA_4096")
}

// algorithm is KMS's name of a signature.
func algorithm(s service.Scheme, h crypto.Hash) (string, error) {
	begin := map[service.Scheme]string{
		service.SchemePKCS1v15: "RSASSA_PKCS1_V1_5_SHA_", service.SchemePSS: "RSASSA_PSS_SHA_", service.SchemeECDSA: "ECDSA_SHA_",
	}[s]
	end := map[crypto.Hash]string{crypto.SHA256: "256", crypto.SHA384: "384", crypto.SHA512: "512"}[h]
	if begin == "" || end == "" {
		return "", fmt.Errorf("AWS KMS does not support %s with %v", s, h)
	}
	return begin + end, nil
}

type signRequest struct {
	KeyID     string `json:"KeyId"`
	Message   []byte
	Type      string `json:"MessageType"`
	Algorithm string `json:"SigningAlgorithm"`
	DryRun    bool   `json:",omitempty"`
}

// Sign signs a digest.
func (k *key) Sign(ctx context.Context, d service.Digest) (*service.Signed, error) {
	alg, err := algorithm(d.Scheme, d.Hash)
	if err != nil {
		return nil, err
	}
	var v struct{ Signature []byte }
	err = k.call(ctx, "Sign", signRequest{KeyID: k.keyID, Message: d.Sum, Type: "DIGEST", Algorithm: alg}, &v)
	return &service.Signed{Signature: v.Signature}, err
}

// Permitted makes a dry run, which KMS ends with an error that means yes.
func (k *key) Permitted(ctx context.Context) error {
	r := signRequest{KeyID: k.keyID, Message: make([]byte, 32), Type: "DIGEST", Algorithm: "RSASSA_PKCS1_V1_5_SHA_256", DryRun: true}
	var v struct{}
	err := k.call(ctx, "Sign", r, &v)
	var f *service.Failure
	if errors.As(err, &f) && f.Code == "DryRunOperationException" {
		return nil
	}
	return err
}

// dialect is how KMS reports failures: nearly all with status 400, told apart
// by their code (API Reference, "Common errors" and those of each operation).
var dialect = service.Dialect{
	Read: func(f *service.Failure, body []byte) {
		var v struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}
		if json.Unmarshal(body, &v) == nil { // Message of AccessDeniedException begins with a capital: encoding/json does not mind
			f.Code, f.Message = v.Type[strings.LastIndex(v.Type, "#")+1:], v.Message
		}
	},
	Judge:      judge,
	Hints:      hints,
	RequestIDs: []string{"X-Amzn-Requestid"},
}

func judge(f *service.Failure) service.Verdict {
	switch f.Code {
	case "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded":
		return service.Throttled
	case "KMSInternalException", "DependencyTimeoutException", "KeyUnavailableException", "InternalFailure", "ServiceUnavailable":
		return service.Retry
	case "ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidSignatureException", "InvalidClientTokenId":
		return service.Refused
	}
	return service.Judge500(f)
}

func hints(f *service.Failure) []string {
	switch f.Code {
	case "NotFoundException":
		return []string{"check the key's name, its account and its region: " + f.Host + " was asked"}
	case "AccessDeniedException":
		return []string{"the credential needs kms:Sign and kms:GetPublicKey for this key, in its own policy or in the key's"}
	case "DisabledException":
		return []string{"enable the key: aws kms enable-key"}
	case "KMSInvalidStateException":
		return []string{"the key is about to be deleted or not ready: aws kms describe-key"}
	case "InvalidKeyUsageException":
		return []string{"the key must have the usage SIGN_VERIFY, and the algorithm must be one of its own"}
	case "ExpiredTokenException", "ExpiredToken":
		return []string{"the credential has ended: log in again"}
	case "UnrecognizedClientException", "InvalidClientTokenId":
		return []string{"AWS does not accept the access key: check that it is active and belongs to this partition"}
	case "InvalidSignatureException", "SignatureDoesNotMatch":
		return []string{"the secret access key does not belong to the access key id, or this machine's clock is wrong"}
	}
	return nil
}
