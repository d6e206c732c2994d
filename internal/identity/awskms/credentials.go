package awskms

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/oidc"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// chain looks for credentials where the AWS SDKs look, in their order.
type chain struct {
	env      service.Env
	form     form
	profiles profiles
	region   string
	http     *http.Client
	secret   func([]byte) // told what must not be shown
}

// source gives credentials and says when they end.
type source struct {
	from  string // in messages
	fetch func(ctx context.Context) (credentials, time.Time, error)
}

// find chooses the source. A profile that is asked for goes before the
// environment; profile is the option, AWS_PROFILE, or "" for default.
func (c *chain) find(profile string) (*source, error) {
	if c.form.options["profile"] != "" {
		return c.ofProfile(profile, 0)
	}
	for _, f := range []func() (*source, error){c.ofEnvironment, c.ofWebIdentity} {
		if s, err := f(); s != nil || err != nil {
			return s, err
		}
	}
	if profile != "" || saysCredentials(c.profiles.get("")) {
		return c.ofProfile(profile, 0)
	}
	return c.ofMachine()
}

// saysCredentials tells a default profile with credentials from one that only
// sets a region.
func saysCredentials(p map[string]string) bool {
	for _, key := range []string{"aws_access_key_id", "role_arn", "credential_process", "sso_session", "sso_start_url", "login_session"} {
		if p[key] != "" {
			return true
		}
	}
	return false
}

// fixed is a source of credentials that do not end.
func (c *chain) fixed(from string, v credentials) *source {
	c.secret([]byte(v.secret))
	return &source{from, func(context.Context) (credentials, time.Time, error) { return v, time.Time{}, nil }}
}

// ofEnvironment takes an access key from the environment; its secret may be
// sign.password.
func (c *chain) ofEnvironment() (*source, error) {
	id, secret := c.env.Getenv("AWS_ACCESS_KEY_ID"), c.env.Getenv("AWS_SECRET_ACCESS_KEY")
	from := "AWS_ACCESS_KEY_ID"
	if c.env.Password != "" {
		b, err := c.env.Secret()
		if err != nil {
			return nil, err
		}
		secret, from = string(b), from+" and "+string(c.env.Password)
	}
	switch {
	case id == "" && secret == "":
		return nil, nil
	case id == "":
		return nil, fault.New(fault.Usage, "AWS credentials: there is a secret but no access key").Hint("set AWS_ACCESS_KEY_ID, too")
	case secret == "":
		return nil, fault.New(fault.Usage, "AWS credentials: AWS_ACCESS_KEY_ID is set but its secret is not").Hint("set AWS_SECRET_ACCESS_KEY, or sign.password: env:NAME")
	}
	return c.fixed(from, credentials{id, secret, c.env.Getenv("AWS_SESSION_TOKEN")}), nil
}

// ofWebIdentity trades the identity token of a CI service or of Kubernetes for
// credentials of a role.
func (c *chain) ofWebIdentity() (*source, error) {
	role := cmp.Or(c.form.options["role"], c.env.Getenv("AWS_ROLE_ARN"))
	file := c.env.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE")
	token := c.form.options["oidc_token"]
	if token == "" && file != "" {
		token = "file:" + file
	}
	if role == "" {
		if token != "" {
			return nil, fault.New(fault.Usage, "AWS credentials: there is an identity token but no role").Hint("set AWS_ROLE_ARN, or the option role")
		}
		return nil, nil
	}
	if token == "" && !oidc.Available(c.env) && c.form.options["role"] == "" {
		return nil, nil // AWS_ROLE_ARN alone says nothing
	}
	s, err := oidc.Find(c.env, oidc.Options{Token: token, Audience: "sts.amazonaws.com"})
	if err != nil {
		return nil, err
	}
	return c.assumeWithToken(role, cmp.Or(c.env.Getenv("AWS_ROLE_SESSION_NAME"), "hallmark"), s), nil
}

// ofProfile follows a profile.
func (c *chain) ofProfile(name string, depth int) (*source, error) {
	p := c.profiles.get(name)
	shown := cmp.Or(name, "default")
	from := "profile " + shown
	switch {
	case p == nil:
		return nil, fault.New(fault.Usage, "AWS credentials: there is no profile %q", shown).Hint("see ~/.aws/config and ~/.aws/credentials, or: aws configure list-profiles")
	case depth > 4:
		return nil, fault.New(fault.Usage, "AWS credentials: source_profile leads through more than 4 profiles").Hint("see source_profile of the profile %s", shown)
	case p["mfa_serial"] != "":
		return c.ofCommand(shown), nil
	case p["role_arn"] != "" && p["web_identity_token_file"] != "":
		s, err := oidc.Find(c.env, oidc.Options{Token: "file:" + p["web_identity_token_file"]})
		if err != nil {
			return nil, err
		}
		return c.assumeWithToken(p["role_arn"], cmp.Or(p["role_session_name"], "hallmark"), s), nil
	case p["role_arn"] != "":
		return c.ofRole(name, p, depth)
	case p["aws_access_key_id"] != "" && p["aws_secret_access_key"] != "":
		return c.fixed(from, credentials{p["aws_access_key_id"], p["aws_secret_access_key"], p["aws_session_token"]}), nil
	case p["credential_process"] != "":
		words, err := service.SplitWords(p["credential_process"])
		if err != nil || len(words) == 0 {
			return nil, fault.New(fault.Usage, "AWS credentials: credential_process of the profile %s cannot be read", shown).Hint("quotes must be closed")
		}
		return c.ofProcess("credential_process of "+from, words), nil
	}
	return c.ofCommand(shown), nil // SSO, aws login, and what comes after them
}

// ofRole assumes the role of a profile with the credentials of another one.
func (c *chain) ofRole(name string, p map[string]string, depth int) (*source, error) {
	var base *source
	var err error
	switch from := p["credential_source"]; {
	case p["source_profile"] == cmp.Or(name, "default"):
		base = c.fixed("the profile's own key", credentials{p["aws_access_key_id"], p["aws_secret_access_key"], p["aws_session_token"]})
	case p["source_profile"] != "":
		base, err = c.ofProfile(p["source_profile"], depth+1)
	case from == "Environment":
		if base, err = c.ofEnvironment(); base == nil && err == nil {
			err = fault.New(fault.Usage, "AWS credentials: credential_source is Environment, but AWS_ACCESS_KEY_ID is not set").Hint("set it, or change the profile")
		}
	case from == "EcsContainer" || from == "Ec2InstanceMetadata":
		base, err = c.ofMachine()
	default:
		err = fault.New(fault.Usage, "AWS credentials: the profile %s has role_arn and neither source_profile nor credential_source", cmp.Or(name, "default")).Hint("set one of them: it names the credentials that assume the role")
	}
	if err != nil {
		return nil, err
	}
	return c.assume(p["role_arn"], cmp.Or(p["role_session_name"], "hallmark"), p["external_id"], base), nil
}

// ofCommand asks the aws command, which handles all ways to log in: SSO, MFA, aws
// login.
func (c *chain) ofCommand(profile string) *source {
	s := c.ofProcess("aws configure export-credentials, profile "+profile,
		[]string{"aws", "configure", "export-credentials", "--profile", profile, "--format", "process"})
	return s
}

// ofProcess runs a command that prints credentials ("Sourcing credentials with
// an external process").
func (c *chain) ofProcess(from string, words []string) *source {
	return &source{from, func(ctx context.Context) (credentials, time.Time, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		out, err := c.env.Run(ctx, words[0], words[1:]...)
		if err != nil {
			return credentials{}, time.Time{}, fault.New(fault.Usage, "AWS credentials: %s: %s", from, service.LastLine(err)).
				Hint("run the command by hand; after aws sso login or aws login it works again").
				Hint("the command aws must be installed for profiles with SSO or MFA")
		}
		return c.decode(from, []byte(out))
	}}
}

// decode reads credentials in the JSON of commands and of metadata addresses.
func (c *chain) decode(from string, b []byte) (credentials, time.Time, error) {
	var v struct {
		ID         string    `json:"AccessKeyId"`
		Secret     string    `json:"SecretAccessKey"`
		Session    string    `json:"SessionToken"`
		Token      string    // what metadata addresses call it
		Expiration time.Time // zero: never
	}
	if err := json.Unmarshal(b, &v); err != nil || v.ID == "" || v.Secret == "" {
		return credentials{}, time.Time{}, fault.New(fault.Service, "AWS credentials: %s: the answer holds no credentials", from).
			Hint("it must print AccessKeyId, SecretAccessKey, SessionToken and Expiration as JSON")
	}
	c.secret([]byte(v.Secret))
	return credentials{v.ID, v.Secret, cmp.Or(v.Session, v.Token)}, v.Expiration, nil
}

// ofMachine takes the credentials of the container or the machine.
func (c *chain) ofMachine() (*source, error) {
	relative, full := c.env.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"), c.env.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")
	if relative != "" {
		return c.ofContainer("http://169.254.170.2" + relative)
	}
	if full != "" {
		return c.ofContainer(full)
	}
	if isTrue(c.env.Getenv("AWS_EC2_METADATA_DISABLED")) {
		return nil, none()
	}
	return c.ofInstance(), nil
}

func none() *fault.Error {
	return fault.New(fault.Usage, "AWS credentials: none are found").
		Hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the option profile for one of ~/.aws").
		Hint("on GitHub: permissions: {id-token: write} and AWS_ROLE_ARN; on GitLab the options role=ARN and oidc_token=env:NAME").
		Hint("on machines of AWS: give the machine or task a role")
}

// token reads AWS_CONTAINER_AUTHORIZATION_TOKEN or the file of that name,
// which EKS renews.
func (c *chain) token() (string, error) {
	file := c.env.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
	if file == "" {
		return c.env.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN"), nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fault.New(fault.Usage, "AWS credentials: %v", err).Hint("see AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
	}
	return strings.TrimSpace(string(b)), nil
}
