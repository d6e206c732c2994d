// Package awskms signs with asymmetric keys of the AWS Key Management Service.
//
// Sources: the AWS KMS API Reference (Sign, GetPublicKey), the IAM User Guide
// ("Signing AWS API requests"), the AWS SDKs and Tools Reference Guide for
// where credentials are looked for.
package awskms

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/oidc"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
	"github.com/hallmark-dev/hallmark/internal/secret"
)

// Kind begins the short form, Syntax is what follows.
const (
	Kind   = "awskms"
	Syntax = "ARN"
)

const name = "AWS KMS"

// form is awskms:KEY?OPTIONS.
type form struct {
	keyID   string // ARN, alias/NAME or the key's id
	region  string // of the ARN or the option; "" leaves it to the environment
	options service.Options
}

var (
	arnForm    = regexp.MustCompile(`^arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:(key/[A-Za-z0-9-]+|alias/[A-Za-z0-9/_-]+)$`)
	keyForm    = regexp.MustCompile(`^(alias/[A-Za-z0-9/_-]+|(mrk-)?[0-9a-f-]{32,36})$`)
	regionForm = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d{1,2}$`)
)

// Parse takes what follows awskms: apart.
func Parse(rest string) (service.Form, error) {
	body, o, err := service.SplitOptions(Kind, rest, "region", "profile", "role", "oidc_token", "endpoint")
	if err != nil {
		return nil, err
	}
	f := form{keyID: body, region: o["region"], options: o}
	if m := arnForm.FindStringSubmatch(body); m != nil {
		if f.region != "" && f.region != m[1] {
			return nil, fault.New(fault.Usage, "identity awskms: the key is in %s, but the option region is %s", m[1], f.region).Hint("leave the option out: the ARN names the region")
		}
		f.region = m[1]
	} else if !keyForm.MatchString(body) {
		return nil, fault.New(fault.Usage, "identity awskms: needs the ARN of a key or an alias, or alias/NAME").
			Hint("write awskms:arn:aws:kms:eu-west-1:111122223333:key/UUID, or awskms:alias/NAME?region=eu-west-1")
	}
	return f, f.checkOptions()
}

func (f form) checkOptions() error {
	if f.region != "" && !regionForm.MatchString(f.region) {
		return fault.New(fault.Usage, "identity awskms: %q is not a region", f.region).Hint("such as eu-west-1")
	}
	if role := f.options["role"]; role != "" && !strings.HasPrefix(role, "arn:aws") {
		return fault.New(fault.Usage, "identity awskms: the option role is not the ARN of a role").Hint("such as role=arn:aws:iam::111122223333:role/release")
	}
	if _, err := f.options.Secret(Kind, "oidc_token"); err != nil {
		return err
	}
	if f.options["profile"] != "" && (f.options["role"] != "" || f.options["oidc_token"] != "") {
		return fault.New(fault.Usage, "identity awskms: profile is given beside role or oidc_token").Hint("there is one way to log in: leave the others out")
	}
	if f.options["endpoint"] == "" {
		return nil
	}
	_, err := f.options.Endpoint(Kind, "endpoint", "")
	return err
}

// Service names the service.
func (form) Service() string { return name }

// Files: there are none.
func (form) Files() []string { return nil }

// Secrets are the variables in which credentials are looked for.
func (form) Secrets() []secret.Ref {
	return append(oidc.Secrets(), "env:AWS_SECRET_ACCESS_KEY", "env:AWS_SESSION_TOKEN", "env:AWS_CONTAINER_AUTHORIZATION_TOKEN")
}

// key is a key in KMS.
type key struct {
	form
	caller   *service.Caller
	endpoint *url.URL
	auth     signer
}

// Connect finds region, address and credentials.
func (f form) Connect(env service.Env) (service.Key, error) {
	profiles, err := readProfiles(env)
	if err != nil {
		return nil, err
	}
	profile := f.options["profile"]
	if profile == "" {
		profile = env.Getenv("AWS_PROFILE")
	}
	if f.region == "" {
		_, f.region = env.First("AWS_REGION", "AWS_DEFAULT_REGION")
	}
	if f.region == "" {
		f.region = profiles.get(profile)["region"]
	}
	if !regionForm.MatchString(f.region) {
		return nil, fault.New(fault.Usage, "identity awskms: the region of the key is not known").
			Hint("name the key by its ARN, or set the option region or AWS_REGION")
	}
	k := &key{form: f, caller: env.NewCaller(name, dialect)}
	if k.caller.Client, err = client(env); err != nil {
		return nil, err
	}
	if k.endpoint, err = f.address(env); err != nil {
		return nil, err
	}
	c := &chain{env: env, form: f, profiles: profiles, region: f.region, http: k.caller.Client, secret: k.caller.Secret}
	source, err := c.find(profile)
	if err != nil {
		return nil, err
	}
	k.auth = signer{region: f.region, service: "kms", now: k.caller.Now, from: source.from,
		credential: &service.Credential[credentials]{Fetch: source.fetch, Now: k.caller.Now}}
	return k, nil
}

// address is where KMS is asked.
func (f form) address(env service.Env) (*url.URL, error) {
	host := "kms." + f.region + domain(f.region)
	if isTrue(env.Getenv("AWS_USE_FIPS_ENDPOINT")) {
		host = "kms-fips." + f.region + domain(f.region)
	}
	variable, other := env.First("AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL")
	if f.options["endpoint"] == "" && other != "" {
		return service.Endpoint(variable, other)
	}
	return f.options.Endpoint(Kind, "endpoint", host)
}

// domain of a region: China has its own.
func domain(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return ".amazonaws.com.cn"
	}
	return ".amazonaws.com"
}

func isTrue(s string) bool { return strings.EqualFold(s, "true") || s == "1" }

// client trusts AWS_CA_BUNDLE in place of the system's roots, if it is set.
func client(env service.Env) (*http.Client, error) {
	file := env.Getenv("AWS_CA_BUNDLE")
	if file == "" {
		return service.NewClient(nil), nil
	}
	config, err := service.TrustFile("AWS_CA_BUNDLE", file)
	if err != nil {
		return nil, err
	}
	return service.NewClient(config), nil
}
