package servicetest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"
)

// AWS stands in for the Key Management Service with one key, and for what
// gives credentials: the Security Token Service, the metadata service of EC2,
// the address of containers. Signatures of requests are checked.
type AWS struct {
	*Server
	Key     crypto.Signer
	Region  string
	Name    string // the key's id
	Alias   string
	Usage   string
	Allow   []string // algorithms
	JWT     string   // that STS accepts
	Denied  bool     // kms:Sign is missing
	Now     func() time.Time
	Life    time.Duration // of credentials that are given out
	lock    sync.Mutex
	secrets map[string]awsKey // by access key id
	assumed int
}

type awsKey struct {
	secret, session string
	end             time.Time // zero: never
}

// AWSAccount is the account of the key.
const AWSAccount = "111122223333"

// The long-lived access key that is known.
const (
	AWSAccessKey = "AKIDTESTS"
	AWSSecretKey = "wJalrXUtnFEMI/K7MDENG+tests"
)

// NewAWS starts one.
func NewAWS(t testing.TB, key crypto.Signer) *AWS {
	a := &AWS{Key: key, Region: "eu-west-1", Name: "1234abcd-12ab-34cd-56ef-1234567890ab", Alias: "alias/codesign", Usage: "SIGN_VERIFY",
		JWT: "jwt-of-tests", Now: time.Now, Life: time.Hour, secrets: map[string]awsKey{AWSAccessKey: {secret: AWSSecretKey}}}
	prefix := "RSASSA_PKCS1_V1_5_SHA_"
	if _, ok := key.(*ecdsa.PrivateKey); ok {
		prefix = "ECDSA_SHA_"
	}
	a.Allow = []string{prefix + "256", prefix + "384", prefix + "512"}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", a.kms)
	mux.HandleFunc("POST /sts/", a.sts)
	mux.HandleFunc("PUT /latest/api/token", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "imds-token") })
	mux.HandleFunc("GET /latest/meta-data/iam/security-credentials/{role...}", a.metadata)
	mux.HandleFunc("GET /container", a.container)
	a.Server = New(t, mux)
	return a
}

// ARN of the key.
func (a *AWS) ARN() string { return "arn:aws:kms:" + a.Region + ":" + AWSAccount + ":key/" + a.Name }

// Env names the endpoints.
func (a *AWS) Env(more ...string) map[string]string {
	env := map[string]string{"AWS_ENDPOINT_URL_KMS": a.URL, "AWS_ENDPOINT_URL_STS": a.URL + "/sts", "AWS_EC2_METADATA_SERVICE_ENDPOINT": a.URL}
	for i := 0; i+1 < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return env
}

// Assumed counts credentials that were given out.
func (a *AWS) Assumed() int {
	a.lock.Lock()
	defer a.lock.Unlock()
	return a.assumed
}

// Expire ends all credentials that were given out.
func (a *AWS) Expire() {
	a.lock.Lock()
	defer a.lock.Unlock()
	for id, k := range a.secrets {
		if k.session != "" {
			k.end = time.Unix(1, 0)
			a.secrets[id] = k
		}
	}
}

func (a *AWS) give() (id string, k awsKey) {
	a.lock.Lock()
	defer a.lock.Unlock()
	a.assumed++
	id = fmt.Sprintf("ASIATESTS%d", a.assumed)
	k = awsKey{fmt.Sprintf("temporary-secret-%d", a.assumed), fmt.Sprintf("session-%d", a.assumed), a.Now().Add(a.Life)}
	a.secrets[id] = k
	return id, k
}

func kmsError(w http.ResponseWriter, status int, code, format string, args ...any) {
	w.Header().Set("X-Amzn-Requestid", "req-1")
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	key := "message"
	if code == "AccessDeniedException" {
		key = "Message"
	}
	json.NewEncoder(w).Encode(map[string]string{"__type": "com.amazonaws.kms#" + code, key: fmt.Sprintf(format, args...)})
}

func (a *AWS) kms(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if code := a.check(r, body, "kms"); code != "" {
		kmsError(w, 400, code, "The request was not accepted")
		return
	}
	var in struct {
		KeyID     string `json:"KeyId"`
		Message   []byte
		Type      string `json:"MessageType"`
		Algorithm string `json:"SigningAlgorithm"`
		DryRun    bool
	}
	if json.Unmarshal(body, &in) != nil || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
		kmsError(w, 400, "SerializationException", "")
		return
	}
	if in.KeyID != a.ARN() && in.KeyID != a.Name && in.KeyID != a.Alias {
		kmsError(w, 400, "NotFoundException", "Alias %s is not found.", in.KeyID)
		return
	}
	switch r.Header.Get("X-Amz-Target") {
	case "TrentService.GetPublicKey":
		der, err := x509.MarshalPKIXPublicKey(a.Key.Public())
		if err != nil {
			panic(err) // the test gave a key that has no such form
		}
		answer(w, 200, map[string]any{"KeyId": a.ARN(), "PublicKey": der, "KeySpec": "RSA_3072", "KeyUsage": a.Usage, "SigningAlgorithms": a.Allow})
	case "TrentService.Sign":
		a.sign(w, in.Message, in.Type, in.Algorithm, in.DryRun)
	default:
		kmsError(w, 400, "UnknownOperationException", "")
	}
}

func (a *AWS) sign(w http.ResponseWriter, message []byte, kind, algorithm string, dry bool) {
	h := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[algorithm[strings.LastIndex(algorithm, "_")+1:]]
	switch {
	case a.Denied:
		kmsError(w, 400, "AccessDeniedException", "User is not authorized to perform: kms:Sign")
		return
	case !strings.Contains(strings.Join(a.Allow, " "), algorithm):
		kmsError(w, 400, "InvalidKeyUsageException", "Algorithm %s is incompatible with key spec", algorithm)
		return
	case kind != "DIGEST" || h == 0 || len(message) != h.Size():
		kmsError(w, 400, "ValidationException", "Digest is invalid length for algorithm %s.", algorithm)
		return
	case dry:
		kmsError(w, 400, "DryRunOperationException", "The request would have succeeded, but the DryRun option is set")
		return
	}
	var o crypto.SignerOpts = h
	if strings.HasPrefix(algorithm, "RSASSA_PSS") {
		o = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}
	}
	signature, err := a.Key.Sign(rand.Reader, message, o)
	if err != nil {
		kmsError(w, 500, "KMSInternalException", "%v", err)
		return
	}
	answer(w, 200, map[string]any{"KeyId": a.ARN(), "Signature": signature, "SigningAlgorithm": algorithm})
}

// check recomputes the signature of a request from what arrived. It returns
// the code of the error, or "".
func (a *AWS) check(r *http.Request, body []byte, service string) string {
	fields := map[string]string{}
	rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !ok {
		return "MissingAuthenticationTokenException"
	}
	for _, f := range strings.Split(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(f), "=")
		fields[name] = value
	}
	scope := strings.SplitN(fields["Credential"], "/", 2)
	a.lock.Lock()
	key, known := a.secrets[scope[0]]
	a.lock.Unlock()
	date, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	switch {
	case !known || key.session != r.Header.Get("X-Amz-Security-Token"):
		return "UnrecognizedClientException"
	case !key.end.IsZero() && a.Now().After(key.end):
		return "ExpiredTokenException"
	case err != nil || a.Now().Sub(date).Abs() > 5*time.Minute:
		return "InvalidSignatureException"
	}
	want := fmt.Sprintf("%s/%s/%s/aws4_request", date.Format("20060102"), a.Region, service)
	if len(scope) != 2 || scope[1] != want {
		return "InvalidSignatureException"
	}
	if !strings.Contains(fields["SignedHeaders"], "host") || !strings.Contains(fields["SignedHeaders"], "x-amz-date") {
		return "InvalidSignatureException"
	}
	if awsSignature(r, body, strings.Split(fields["SignedHeaders"], ";"), key.secret, want) != fields["Signature"] {
		return "InvalidSignatureException"
	}
	return ""
}

// awsSignature computes Signature Version 4 as a server does, from the headers
// that the client says it signed.
func awsSignature(r *http.Request, body []byte, signed []string, secret, scope string) string {
	var c bytes.Buffer
	var query []string
	for name, values := range r.URL.Query() {
		for _, v := range values {
			query = append(query, name+"="+v)
		}
	}
	sort.Strings(query)
	fmt.Fprintf(&c, "%s\n%s\n%s\n", r.Method, r.URL.EscapedPath(), strings.Join(query, "&"))
	for _, name := range signed {
		v := r.Header.Get(name)
		if name == "host" {
			v = r.Host
		}
		fmt.Fprintf(&c, "%s:%s\n", name, strings.TrimSpace(v))
	}
	fmt.Fprintf(&c, "\n%s\n%x", strings.Join(signed, ";"), sha256.Sum256(body))
	toSign := fmt.Sprintf("AWS4-HMAC-SHA256\n%s\n%s\n%x", r.Header.Get("X-Amz-Date"), scope, sha256.Sum256(c.Bytes()))
	key := []byte("AWS4" + secret)
	for _, p := range append(strings.Split(scope, "/"), toSign) {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(p))
		key = h.Sum(nil)
	}
	return hex.EncodeToString(key)
}

func (a *AWS) sts(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ParseForm()
	refuse := func(code string) {
		w.WriteHeader(400)
		fmt.Fprintf(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>Not authorized to perform sts:AssumeRole</Message></Error><RequestId>r-2</RequestId></ErrorResponse>`, code)
	}
	action := r.PostForm.Get("Action")
	switch {
	case r.PostForm.Get("Version") != "2011-06-15" || r.PostForm.Get("RoleSessionName") == "":
		refuse("ValidationError")
		return
	case !strings.HasSuffix(r.PostForm.Get("RoleArn"), ":role/release"):
		refuse("AccessDenied")
		return
	case action == "AssumeRoleWithWebIdentity" && r.PostForm.Get("WebIdentityToken") != a.JWT:
		refuse("InvalidIdentityToken")
		return
	case action == "AssumeRole":
		if code := a.check(r, body, "sts"); code != "" {
			refuse(code)
			return
		}
	}
	id, k := a.give()
	fmt.Fprintf(w, `<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials></%[1]sResult></%[1]sResponse>`,
		action, id, k.secret, k.session, k.end.UTC().Format(time.RFC3339))
}

func (a *AWS) metadata(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Header.Get("X-Aws-Ec2-Metadata-Token") != "imds-token":
		w.WriteHeader(401)
	case r.PathValue("role") == "":
		io.WriteString(w, "machine-role\n")
	case r.PathValue("role") == "machine-role":
		a.giveJSON(w)
	default:
		w.WriteHeader(404)
	}
}

func (a *AWS) container(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "container-token-of-tests" {
		w.WriteHeader(403)
		return
	}
	a.giveJSON(w)
}

func (a *AWS) giveJSON(w http.ResponseWriter) {
	id, k := a.give()
	answer(w, 200, map[string]any{"Code": "Success", "AccessKeyId": id, "SecretAccessKey": k.secret, "Token": k.session, "Expiration": k.end.UTC().Format(time.RFC3339)})
}
