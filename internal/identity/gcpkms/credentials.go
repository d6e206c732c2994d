package gcpkms

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// scope of tokens.
const scope = "https://www.googleapis.com/auth/cloudkms"

// credential gives tokens.
type credential struct {
	from    string
	project string // that the calls are counted for; "" is the key's own
	token   func(ctx context.Context) (string, time.Time, error)
}

// find looks for a credential file in sign.password, at
// GOOGLE_APPLICATION_CREDENTIALS and where gcloud keeps it, then for the
// machine's service account and last for the command gcloud.
func find(env service.Env, secret func([]byte)) (*credential, error) {
	b, from, err := file(env)
	if err != nil {
		return nil, err
	}
	c := &credential{}
	if b != nil {
		c, err = ofFile(env, b, from, secret)
	} else {
		c = ofMachine(env, secret)
	}
	if err != nil {
		return nil, err
	}
	c.project = cmp.Or(env.Getenv("GOOGLE_CLOUD_QUOTA_PROJECT"), c.project)
	return c, nil
}

// maxFile bounds a credential file in bytes.
const maxFile = 64 << 10

// file reads the credential file, nil if there is none.
func file(env service.Env) (b []byte, from string, err error) {
	if env.Password != "" {
		b, err = env.Secret()
		return b, string(env.Password), err
	}
	path := env.Getenv("GOOGLE_APPLICATION_CREDENTIALS")
	from = "GOOGLE_APPLICATION_CREDENTIALS"
	if path == "" {
		if path = wellKnown(env); path == "" {
			return nil, "", nil
		}
		from = path
	}
	b, err = os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && from == path:
		return nil, "", nil
	case err != nil:
		return nil, "", fault.New(fault.Usage, "Google credential: %v", err).Hint("see GOOGLE_APPLICATION_CREDENTIALS")
	case len(b) > maxFile:
		return nil, "", fault.New(fault.Usage, "Google credential: %s is larger than %d bytes", path, maxFile).Hint("see GOOGLE_APPLICATION_CREDENTIALS")
	}
	return b, from, nil
}

// wellKnown is the file that gcloud auth application-default login writes.
func wellKnown(env service.Env) string {
	const name = "application_default_credentials.json"
	if dir := env.Getenv("CLOUDSDK_CONFIG"); dir != "" {
		return filepath.Join(dir, name)
	}
	if dir := env.Getenv("APPDATA"); runtime.GOOS == "windows" && dir != "" {
		return filepath.Join(dir, "gcloud", name)
	}
	if env.Home == "" {
		return ""
	}
	return filepath.Join(env.Home, ".config", "gcloud", name)
}

// types of credential files.
var types = []google.CredentialsType{google.ServiceAccount, google.AuthorizedUser, google.ExternalAccount,
	google.ExternalAccountAuthorizedUser, google.ImpersonatedServiceAccount, google.GDCHServiceAccount}

// ofFile takes a credential file of any type. Its addresses are judged first:
// the file may come from elsewhere, and what it names gets our tokens.
func ofFile(env service.Env, b []byte, from string, secret func([]byte)) (*credential, error) {
	var v struct {
		Type  google.CredentialsType `json:"type"`
		Quota string                 `json:"quota_project_id"`
	}
	var all any
	if json.Unmarshal(b, &v) != nil || json.Unmarshal(b, &all) != nil || !slices.Contains(types, v.Type) {
		return nil, fault.New(fault.Usage, "Google credential: %s is not a credential file", from).
			Hint("it is JSON with a type: service_account, external_account, authorized_user, …")
	}
	if address := badAddress(all); address != "" {
		return nil, fault.New(fault.Usage, "Google credential: %s names the address %s", from, address).Hint("addresses in it must be https; take the file from a source that you trust")
	}
	caller := env.NewCaller("Google credentials", service.Dialect{Read: readOAuth, Judge: service.Judge500, Hints: oauthHints})
	for _, text := range secrets(all) {
		caller.Secret([]byte(text))
	}
	transport := &remembering{transport: service.Transport{Caller: caller, Operation: "get token"}}
	return &credential{from: string(v.Type) + " of " + from, project: v.Quota, token: func(ctx context.Context) (string, time.Time, error) {
		c, err := google.CredentialsFromJSONWithType(context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: transport}), b, v.Type, scope)
		if err != nil {
			return "", time.Time{}, fault.New(fault.Usage, "Google credential: %s: %v", from, err).Hint("check that the file is complete")
		}
		t, err := c.TokenSource.Token()
		if err != nil {
			return "", time.Time{}, transport.cause(from, err)
		}
		secret([]byte(t.AccessToken))
		return t.AccessToken, t.Expiry, nil
	}}, nil
}

// remembering keeps the error of its last request, of which the library hands
// on no more than the text.
type remembering struct {
	transport service.Transport
	err       error
}

func (r *remembering) RoundTrip(q *http.Request) (*http.Response, error) {
	resp, err := r.transport.RoundTrip(q)
	r.err = err
	return resp, err
}

// cause is the caller's own error, or the library's in words of ours.
func (r *remembering) cause(from string, err error) error {
	if r.err != nil {
		return r.err
	}
	return fault.New(fault.Usage, "Google credential: %s: %v", from, err).Hint("check that the file is complete and belongs to this project")
}

// badAddress finds an address in a credential file that is neither https nor
// an address of this machine.
func badAddress(v any) string {
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			if a := badAddress(e); a != "" {
				return a
			}
		}
	case []any:
		for _, e := range v {
			if a := badAddress(e); a != "" {
				return a
			}
		}
	case string:
		u, err := url.Parse(v)
		if err == nil && strings.Contains(v, "://") && u.Scheme != "https" &&
			!(u.Scheme == "http" && (service.Loopback(u.Hostname()) || service.LinkLocal(u.Hostname()))) {
			return u.Scheme + "://" + u.Host
		}
	}
	return ""
}

// secrets are the values of a credential file that must not be shown.
func secrets(v any) (list []string) {
	m, _ := v.(map[string]any)
	for name, e := range m {
		if text, ok := e.(string); ok && slices.Contains([]string{"private_key", "client_secret", "refresh_token"}, name) {
			list = append(list, text)
		}
		list = append(list, secrets(e)...)
	}
	return list
}

// readOAuth takes the error out of a body: {"error","error_description"} of
// OAuth (RFC 6749 section 5.2), or that of a Google API.
func readOAuth(f *service.Failure, body []byte) {
	var v struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &v) == nil && v.Code != "" {
		f.Code, f.Message = v.Code, v.Description
		return
	}
	read(f, body)
}

func oauthHints(f *service.Failure) []string {
	switch f.Code {
	case "invalid_grant":
		return []string{"the key or login has ended or was withdrawn, or this machine's clock is wrong: make a new key, or run gcloud auth application-default login"}
	case "unauthorized_client", "invalid_target", "PERMISSION_DENIED":
		return []string{"the workload identity pool does not admit this job, or may not act for the service account: see its attribute conditions and roles/iam.workloadIdentityUser"}
	}
	return nil
}

// ofMachine takes the service account of the machine, or what the command
// gcloud is logged in as.
func ofMachine(env service.Env, secret func([]byte)) *credential {
	caller := env.NewCaller("Google metadata", service.Dialect{Judge: service.Judge500})
	caller.Client = service.NewMetadataClient()
	host := cmp.Or(env.Getenv("GCE_METADATA_HOST"), "169.254.169.254")
	c := &credential{from: "the machine's service account or gcloud"}
	c.token = func(ctx context.Context) (string, time.Time, error) {
		a, err := caller.Call(ctx, service.Request{Operation: "get token", Timeout: 3 * time.Second, Once: true,
			URL:    "http://" + host + "/computeMetadata/v1/instance/service-accounts/default/token?scopes=" + url.QueryEscape(scope),
			Header: http.Header{"Metadata-Flavor": {"Google"}}})
		if err != nil || a.Header.Get("Metadata-Flavor") != "Google" {
			return ofCommand(ctx, env, secret)
		}
		var v struct {
			Token   string `json:"access_token"`
			Seconds int    `json:"expires_in"`
		}
		if err := a.JSON(&v); err != nil {
			return "", time.Time{}, err
		}
		secret([]byte(v.Token))
		return v.Token, caller.Now().Add(time.Duration(v.Seconds) * time.Second), nil
	}
	return c
}

// ofCommand asks gcloud, whose tokens live an hour; when this one was made is
// not said.
func ofCommand(ctx context.Context, env service.Env, secret func([]byte)) (string, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	out, err := env.Run(ctx, "gcloud", "auth", "print-access-token")
	token := strings.TrimSpace(out)
	if err == nil && token != "" && !strings.ContainsAny(token, " \n") {
		secret([]byte(token))
		return token, env.Clock.Time().Add(10 * time.Minute), nil
	}
	f := fault.New(fault.Usage, "there is no Google credential").
		Hint("set GOOGLE_APPLICATION_CREDENTIALS to a credential file, or sign.password to a reference to its contents").
		Hint("on GitHub: google-github-actions/auth writes such a file; at a desk: gcloud auth application-default login")
	if err != nil && !errors.Is(err, exec.ErrNotFound) {
		f.Hint("gcloud: %s", service.LastLine(err))
	}
	return "", time.Time{}, f
}
