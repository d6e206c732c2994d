package awskms

import (
	"context"
	"encoding/xml"
	"net/http"
	"net/url"
	"time"

	"github.com/hallmark-dev/hallmark/internal/identity/oidc"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// stsDialect is how the Security Token Service reports failures (Query
// protocol, version 2011-06-15).
var stsDialect = service.Dialect{
	Read: func(f *service.Failure, body []byte) {
		var v struct {
			Code    string `xml:"Error>Code"`
			Message string `xml:"Error>Message"`
		}
		if xml.Unmarshal(body, &v) == nil {
			f.Code, f.Message = v.Code, v.Message
		}
	},
	Judge: func(f *service.Failure) service.Verdict {
		if f.Code == "Throttling" {
			return service.Throttled
		}
		if f.Code == "IDPCommunicationError" {
			return service.Retry
		}
		return service.Judge500(f)
	},
	Hints: func(f *service.Failure) []string {
		switch f.Code {
		case "AccessDenied":
			return []string{"the role's trust policy must allow this: the subject and audience of the identity token, or the caller's account"}
		case "InvalidIdentityToken", "ExpiredTokenException":
			return []string{"the identity token is refused: its issuer must be an identity provider of the account, its audience sts.amazonaws.com"}
		}
		return nil
	},
	RequestIDs: []string{"X-Amzn-Requestid"},
}

// sts is a caller of the Security Token Service of the region, and its
// address.
func (c *chain) sts() (*service.Caller, string, error) {
	caller := c.env.NewCaller("AWS STS", stsDialect)
	caller.Client = c.http
	if variable, v := c.env.First("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"); v != "" {
		u, err := service.Endpoint(variable, v)
		if err != nil {
			return nil, "", err
		}
		return caller, u.String() + "/", nil
	}
	return caller, "https://sts." + c.region + domain(c.region) + "/", nil
}

// assumeWithToken trades an identity token for credentials of a role. The
// request is not signed: the token is the proof.
func (c *chain) assumeWithToken(role, session string, s *oidc.Source) *source {
	return &source{"role " + role + " by the identity token of " + s.Name, func(ctx context.Context) (credentials, time.Time, error) {
		token, err := s.Token(ctx)
		if err != nil {
			return credentials{}, time.Time{}, err
		}
		c.secret([]byte(token))
		return c.ask(ctx, "AssumeRoleWithWebIdentity", nil, url.Values{"RoleArn": {role}, "RoleSessionName": {session}, "WebIdentityToken": {token}})
	}}
}

// assume takes a role with other credentials.
func (c *chain) assume(role, session, externalID string, base *source) *source {
	credential := &service.Credential[credentials]{Fetch: base.fetch, Now: c.env.Clock.Now}
	return &source{"role " + role + " by " + base.from, func(ctx context.Context) (credentials, time.Time, error) {
		caller, _, err := c.sts()
		if err != nil {
			return credentials{}, time.Time{}, err
		}
		q := url.Values{"RoleArn": {role}, "RoleSessionName": {session}}
		if externalID != "" {
			q.Set("ExternalId", externalID)
		}
		return c.ask(ctx, "AssumeRole", signer{region: c.region, service: "sts", credential: credential, now: caller.Now}, q)
	}}
}

func (c *chain) ask(ctx context.Context, action string, auth service.Authorizer, q url.Values) (credentials, time.Time, error) {
	caller, address, err := c.sts()
	if err != nil {
		return credentials{}, time.Time{}, err
	}
	if token := q.Get("WebIdentityToken"); token != "" {
		caller.Secret([]byte(token))
	}
	q.Set("Action", action)
	q.Set("Version", "2011-06-15")
	a, err := caller.Call(ctx, service.Request{Operation: action, URL: address, Body: []byte(q.Encode()), Auth: auth,
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}})
	if err != nil {
		return credentials{}, time.Time{}, err
	}
	type given struct {
		ID      string    `xml:"AccessKeyId"`
		Secret  string    `xml:"SecretAccessKey"`
		Session string    `xml:"SessionToken"`
		End     time.Time `xml:"Expiration"`
	}
	var v struct {
		Web  given `xml:"AssumeRoleWithWebIdentityResult>Credentials"`
		Role given `xml:"AssumeRoleResult>Credentials"`
	}
	if err := xml.Unmarshal(a.Body, &v); err != nil {
		return credentials{}, time.Time{}, a.Bad("something that is not the XML of credentials")
	}
	if v.Web.ID == "" {
		v.Web = v.Role
	}
	if v.Web.ID == "" || v.Web.Secret == "" {
		return credentials{}, time.Time{}, a.Bad("no credentials")
	}
	c.secret([]byte(v.Web.Secret))
	return credentials{v.Web.ID, v.Web.Secret, v.Web.Session}, v.Web.End, nil
}
