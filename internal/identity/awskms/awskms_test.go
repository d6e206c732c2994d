package awskms_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/identity"
	st "github.com/hallmark-dev/hallmark/internal/identity/servicetest"
)

const ref = "awskms:alias/codesign?region=eu-west-1"

// world is a key with its certificate and an access key in the environment.
func world(t *testing.T) (*st.AWS, st.Surroundings) {
	t.Helper()
	pki := formatstest.NewPKI(t)
	a := st.NewAWS(t, pki.Leaf.Key)
	return a, st.Surroundings{
		Env:   a.Env("AWS_ACCESS_KEY_ID", st.AWSAccessKey, "AWS_SECRET_ACCESS_KEY", st.AWSSecretKey),
		Chain: []string{pki.Leaf.CertFile(t)},
	}
}

func TestSigns(t *testing.T) {
	a, s := world(t)
	st.WantSigns(t, ref, s)
	if n := a.Calls(""); n != 5 {
		t.Errorf("%d calls, want the public key, the trial and one for each hash", n)
	}
	a.Allow = append(a.Allow, "RSASSA_PSS_SHA_256")
	id := st.WantSigns(t, "awskms:"+a.ARN(), s)
	if _, err := id.Key.Sign(rand.Reader, make([]byte, 32), &rsa.PSSOptions{Hash: crypto.SHA256, SaltLength: rsa.PSSSaltLengthEqualsHash}); err != nil {
		t.Errorf("PSS: %v", err)
	}
	before := a.Calls("")
	if err := id.Permitted(context.Background()); err != nil || a.Calls("") != before+1 {
		t.Errorf("%d calls: %v", a.Calls("")-before, err)
	}
	s.Env["AWS_REGION"] = "eu-west-1"
	st.WantSigns(t, "awskms:"+a.Name, s)
}

func TestEllipticCurve(t *testing.T) {
	pki := formatstest.NewPKI(t)
	a := st.NewAWS(t, pki.ECDSA.Key)
	st.WantSigns(t, ref, st.Surroundings{Env: a.Env("AWS_ACCESS_KEY_ID", st.AWSAccessKey, "AWS_SECRET_ACCESS_KEY", st.AWSSecretKey),
		Chain: []string{pki.ECDSA.CertFile(t)}, Edit: func(o *identity.Options) { o.AllowECDSA = true }})
}

func TestFails(t *testing.T) {
	kms := func(status int, code string) http.HandlerFunc {
		return st.Status(status, fmt.Sprintf(`{"__type":"com.amazonaws.kms#%s","message":"it says"}`, code), "X-Amzn-Requestid", "req-7")
	}
	for name, c := range map[string]struct {
		edit   func(*st.AWS, *st.Surroundings)
		fault  http.HandlerFunc
		status int
		calls  int
		want   []string
	}{
		"throttled":                    {nil, kms(400, "ThrottlingException"), fault.Service, 5, []string{"ThrottlingException: it says (request req-7)", "5 tries"}},
		"an internal error":            {nil, kms(500, "KMSInternalException"), fault.Service, 5, []string{"KMSInternalException"}},
		"a dependency":                 {nil, kms(503, "DependencyTimeoutException"), fault.Service, 5, nil},
		"disabled":                     {nil, kms(400, "DisabledException"), fault.Usage, 1, []string{"enable-key"}},
		"to be deleted":                {nil, kms(400, "KMSInvalidStateException"), fault.Usage, 1, []string{"describe-key"}},
		"a gateway":                    {nil, st.Status(502, "<html>"), fault.Service, 5, []string{"HTTP 502"}},
		"a wrong secret":               {func(_ *st.AWS, s *st.Surroundings) { s.Env["AWS_SECRET_ACCESS_KEY"] = "wrong-secret-key" }, nil, fault.Usage, 2, []string{"InvalidSignatureException", "does not belong to the access key id"}},
		"an unknown key id":            {func(_ *st.AWS, s *st.Surroundings) { s.Env["AWS_ACCESS_KEY_ID"] = "AKIDNOBODY" }, nil, fault.Usage, 2, []string{"UnrecognizedClientException"}},
		"a wrong session":              {func(_ *st.AWS, s *st.Surroundings) { s.Env["AWS_SESSION_TOKEN"] = "stale-session-token" }, nil, fault.Usage, 2, []string{"UnrecognizedClientException"}},
		"an unknown alias":             {func(a *st.AWS, _ *st.Surroundings) { a.Alias = "alias/other" }, nil, fault.Usage, 1, []string{"NotFoundException", "its region"}},
		"another region":               {func(a *st.AWS, _ *st.Surroundings) { a.Region = "us-east-1" }, nil, fault.Usage, 2, []string{"InvalidSignatureException"}},
		"no right to sign":             {func(a *st.AWS, _ *st.Surroundings) { a.Denied = true }, nil, fault.Usage, 2, []string{"AccessDeniedException", "kms:Sign and kms:GetPublicKey"}},
		"a key to encrypt":             {func(a *st.AWS, _ *st.Surroundings) { a.Usage = "ENCRYPT_DECRYPT" }, nil, fault.Usage, 1, []string{"the key is for ENCRYPT_DECRYPT"}},
		"a hash that is not known":     {func(a *st.AWS, _ *st.Surroundings) { a.Allow = []string{"RSASSA_PKCS1_V1_5_SHA_512"} }, nil, fault.Usage, 1, []string{"RSASSA_PKCS1_V1_5_SHA_256", "sign.digest"}},
		"a certificate of another key": {func(_ *st.AWS, s *st.Surroundings) { s.Chain = []string{formatstest.NewPKI(t).Second.CertFile(t)} }, nil, fault.Usage, 1, []string{"none of 2 certificates"}},
		"no certificate":               {func(_ *st.AWS, s *st.Surroundings) { s.Chain = nil }, nil, fault.Usage, 1, []string{"holds no certificate", "sign.chain"}},
		"no secret":                    {func(_ *st.AWS, s *st.Surroundings) { delete(s.Env, "AWS_SECRET_ACCESS_KEY") }, nil, fault.Usage, 0, []string{"its secret is not"}},
		"huge":                         {nil, st.Huge, fault.Service, 1, []string{"more than 1048576 bytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			a, s := world(t)
			if c.edit != nil {
				c.edit(a, &s)
			}
			if c.fault != nil {
				a.Fail("/", st.Always, c.fault)
			}
			st.WantError(t, st.Judged(t, ref, s), s, c.status, append(c.want, "AWS ")...)
			if n := a.Calls(""); n != c.calls {
				t.Errorf("%d calls, want %d", n, c.calls)
			}
		})
	}
}

func TestClockIsNamed(t *testing.T) {
	a, s := world(t)
	a.Now = func() time.Time { return time.Now().Add(10 * time.Minute) }
	a.Fail("/", st.Always, st.Status(400, `{"__type":"InvalidSignatureException","message":"Signature expired"}`,
		"Date", a.Now().UTC().Format(http.TimeFormat)))
	st.WantError(t, st.Judged(t, ref, s), s, fault.Usage, "this machine's clock is ", "after that of the service")
}

// home writes files of ~/.aws and returns variables that name them.
func home(t *testing.T, config, credentials string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"config": config, "credentials": credentials} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]string{"AWS_CONFIG_FILE": filepath.Join(dir, "config"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(dir, "credentials")}
}

func with(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

func TestWhereCredentialsComeFrom(t *testing.T) {
	pki := formatstest.NewPKI(t)
	keys := "aws_access_key_id = " + st.AWSAccessKey + "\naws_secret_access_key = " + st.AWSSecretKey + "\n"
	token := filepath.Join(t.TempDir(), "token")
	os.WriteFile(token, []byte("jwt-of-tests"), 0o600)
	const role = "arn:aws:iam::111122223333:role/release"
	printed := func(a *st.AWS) string {
		return `{"Version":1,"AccessKeyId":"` + st.AWSAccessKey + `","SecretAccessKey":"` + st.AWSSecretKey + `"}`
	}
	for name, c := range map[string]struct {
		env     func(a *st.AWS) map[string]string
		ref     string
		pass    string
		command string // what the command aws has to be asked for
	}{
		"the password is the secret": {env: func(a *st.AWS) map[string]string { return a.Env("AWS_ACCESS_KEY_ID", st.AWSAccessKey) }, pass: st.AWSSecretKey},
		"a default profile":          {env: func(a *st.AWS) map[string]string { return with(a.Env(), home(t, "", "[default]\n"+keys)) }},
		"a named profile": {env: func(a *st.AWS) map[string]string {
			return with(a.Env("AWS_ACCESS_KEY_ID", "AKIDWRONG", "AWS_SECRET_ACCESS_KEY", "x"), home(t, "[profile release]\nregion=eu-west-1\n", "[release]\n"+keys))
		}, ref: "awskms:alias/codesign?profile=release"},
		"AWS_PROFILE": {env: func(a *st.AWS) map[string]string {
			return with(a.Env("AWS_PROFILE", "release"), home(t, "[profile release]\nregion = eu-west-1\n"+keys, ""))
		}, ref: "awskms:alias/codesign"},
		"a role of a profile": {env: func(a *st.AWS) map[string]string {
			return with(a.Env(), home(t, "[profile release]\nrole_arn="+role+"\nsource_profile=base\n[profile base]\n"+keys, ""))
		}, ref: ref + "&profile=release"},
		"a role of the profile itself": {env: func(a *st.AWS) map[string]string {
			return with(a.Env(), home(t, "[profile release]\nrole_arn="+role+"\nsource_profile=release\n"+keys, ""))
		}, ref: ref + "&profile=release"},
		"a role by the environment": {env: func(a *st.AWS) map[string]string {
			return with(a.Env("AWS_ACCESS_KEY_ID", st.AWSAccessKey, "AWS_SECRET_ACCESS_KEY", st.AWSSecretKey),
				home(t, "[profile release]\nrole_arn="+role+"\ncredential_source=Environment\n", ""))
		}, ref: ref + "&profile=release"},
		"web identity of the environment": {env: func(a *st.AWS) map[string]string {
			return a.Env("AWS_ROLE_ARN", role, "AWS_WEB_IDENTITY_TOKEN_FILE", token)
		}},
		"web identity of a profile": {env: func(a *st.AWS) map[string]string {
			return with(a.Env(), home(t, "[default]\nrole_arn="+role+"\nweb_identity_token_file="+token+"\n", ""))
		}},
		"GitHub Actions": {env: func(a *st.AWS) map[string]string {
			return st.NewGitHub(t, "jwt-of-tests").Env(a.Env("AWS_ROLE_ARN", role))
		}},
		"GitLab": {env: func(a *st.AWS) map[string]string { return a.Env("AWS_ID_TOKEN", "jwt-of-tests") },
			ref: ref + "&role=" + role + "&oidc_token=env:AWS_ID_TOKEN"},
		"a container": {env: func(a *st.AWS) map[string]string {
			return a.Env("AWS_CONTAINER_CREDENTIALS_FULL_URI", a.URL+"/container", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token-of-tests")
		}},
		"a machine": {env: func(a *st.AWS) map[string]string { return a.Env() }},
		"SSO": {env: func(a *st.AWS) map[string]string {
			return with(a.Env(), home(t, "[profile sso]\nsso_session=s\n[sso-session s]\nsso_region=x\n", ""))
		}, ref: ref + "&profile=sso", command: "configure export-credentials --profile sso --format process"},
		"MFA": {env: func(a *st.AWS) map[string]string {
			return with(a.Env(), home(t, "[profile m]\nmfa_serial=x\nrole_arn=y\nsource_profile=b\n", ""))
		}, ref: ref + "&profile=m", command: "configure export-credentials --profile m --format process"},
		"a process": {env: func(a *st.AWS) map[string]string {
			return with(a.Env(), home(t, "[profile p]\ncredential_process=aws \"with spaces\" x\n", ""))
		}, ref: ref + "&profile=p", command: "with spaces x"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.command != "" && runtime.GOOS == "windows" {
				t.Skip("the stand-in for the command aws is a shell script")
			}
			a := st.NewAWS(t, pki.Leaf.Key)
			s := st.Surroundings{Env: c.env(a), Password: c.pass, Chain: []string{pki.Leaf.CertFile(t)}}
			log := filepath.Join(t.TempDir(), "log")
			s.Edit = func(*identity.Options) { fakeCommand(t, "aws", log, printed(a)) }
			if c.ref == "" {
				c.ref = ref
			}
			st.WantSigns(t, c.ref, s)
			got, _ := os.ReadFile(log)
			if strings.TrimSpace(string(got)) != c.command {
				t.Errorf("the command aws was asked for %q, want %q", got, c.command)
			}
		})
	}
}

// fakeCommand puts a command on PATH that writes its arguments to log and
// prints text.
func fakeCommand(t *testing.T, name, log, text string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		return
	}
	script := fmt.Sprintf("#!/bin/sh\necho \"$@\" >>'%s'\nprintf '%%s' '%s'\n", log, text)
	if err := os.WriteFile(filepath.Join(os.Getenv("PATH"), name), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestNoCredentials(t *testing.T) {
	_, s := world(t)
	for name, c := range map[string]struct {
		env  map[string]string
		ref  string
		want string
	}{
		"none":                       {map[string]string{"AWS_EC2_METADATA_DISABLED": "true"}, ref, "none are found"},
		"no such profile":            {nil, ref + "&profile=nobody", `no profile "nobody"`},
		"a role without a way":       {home(t, "[profile r]\nrole_arn=arn:aws:iam::1:role/r\n", ""), ref + "&profile=r", "neither source_profile nor credential_source"},
		"a circle":                   {home(t, "[profile a]\nrole_arn=r\nsource_profile=b\n[profile b]\nrole_arn=r\nsource_profile=a\n", ""), ref + "&profile=a", "more than 4 profiles"},
		"no command aws":             {home(t, "[profile s]\nsso_session=x\n", ""), ref + "&profile=s", "the command aws must be installed"},
		"a config that is not there": {map[string]string{"AWS_CONFIG_FILE": "/does/not/exist"}, ref, "AWS_CONFIG_FILE"},
		"a token without role":       {map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": "/x"}, ref, "set AWS_ROLE_ARN"},
		"an address elsewhere":       {map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://metadata.example/x"}, ref, "not an address of this machine"},
		"no region":                  {nil, "awskms:alias/codesign", "the region of the key is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			s.Env = c.env
			if s.Env == nil {
				s.Env = map[string]string{}
			}
			st.WantError(t, st.Judged(t, c.ref, s), s, fault.Usage, c.want)
		})
	}
}

func TestRoleIsRefused(t *testing.T) {
	a, s := world(t)
	s.Env = a.Env("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/other", "CI_TOKEN", "jwt-of-tests")
	st.WantError(t, st.Judged(t, ref+"&oidc_token=env:CI_TOKEN", s), s, fault.Usage, "AWS STS: AssumeRoleWithWebIdentity", "AccessDenied", "trust policy")
	s.Env = a.Env("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/release", "CI_TOKEN", "another-token-here")
	st.WantError(t, st.Judged(t, ref+"&oidc_token=env:CI_TOKEN", s), s, fault.Usage, "InvalidIdentityToken", "audience sts.amazonaws.com")
}

// TestCredentialsEndUnderWay: they are fetched once, and again when they have
// ended.
func TestCredentialsEndUnderWay(t *testing.T) {
	a, s := world(t)
	s.Env = a.Env("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/release", "CI_TOKEN", "jwt-of-tests")
	id := st.WantSigns(t, ref+"&oidc_token=env:CI_TOKEN", s)
	if a.Assumed() != 1 {
		t.Errorf("%d credentials for 5 calls", a.Assumed())
	}
	a.Expire()
	if _, err := id.Key.Sign(rand.Reader, make([]byte, 32), crypto.SHA256); err != nil || a.Assumed() != 2 {
		t.Errorf("%d credentials: %v", a.Assumed(), err)
	}
}

func TestForm(t *testing.T) {
	for s, want := range map[string]string{
		"awskms:":                              "needs the ARN",
		"awskms:codesign":                      "needs the ARN",
		"awskms:arn:aws:s3:::bucket":           "needs the ARN",
		"awskms:arn:aws:kms:eu-west-1:1:key/x": "needs the ARN",
		"awskms:alias/":                        "needs the ARN",
		"awskms:alias/x?region=Europe":         `"Europe" is not a region`,
		"awskms:alias/x?zone=a":                `unknown option "zone"`,
		"awskms:arn:aws:kms:eu-west-1:111122223333:key/abc?region=us-east-1": "the key is in eu-west-1",
		"awskms:alias/x?role=admin":                           "not the ARN of a role",
		"awskms:alias/x?oidc_token=eyJh":                      "must be given as a reference",
		"awskms:alias/x?endpoint=http://kms.example":          "not an https address",
		"awskms:alias/x?profile=a&role=arn:aws:iam::1:role/r": "profile is given beside role",
	} {
		_, err := identity.ParseRef(s)
		if fault.Status(err) != fault.Usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", s, err, want)
		}
	}
	for _, s := range []string{"awskms:arn:aws-cn:kms:cn-north-1:111122223333:alias/x", "awskms:mrk-1234abcd12ab34cd56ef1234567890ab", "awskms:alias/a/b_c-d?region=us-gov-west-1"} {
		if _, err := identity.ParseRef(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}
