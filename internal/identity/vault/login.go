package vault

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/oidc"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// tokenHeader carries the token.
const tokenHeader = "X-Vault-Token"

// token authorizes with a token of the user's or one from logging in.
type token struct {
	*service.Credential[string]
	login bool // another one can be had
}

func (t token) Authorize(ctx context.Context, r *http.Request, _ []byte) (func(), error) {
	value, drop, err := t.Get(ctx)
	if err != nil {
		return nil, err
	}
	r.Header.Set(tokenHeader, value)
	if !t.login {
		return nil, nil
	}
	return drop, nil
}

// credential finds where the token comes from: a login that the short form
// names, sign.password, the environment, or the file that vault login writes.
// from names which it is.
func (k *key) credential(env service.Env) (auth service.Authorizer, from string, err error) {
	if role := k.options["approle"]; role != "" {
		return k.approle(env, role)
	}
	if role := k.options["jwt_role"]; role != "" {
		return k.jwt(env, role)
	}
	value, from, err := givenToken(env)
	if err != nil {
		return nil, "", err
	}
	k.caller.Secret([]byte(value))
	fetch := func(context.Context) (string, time.Time, error) { return value, time.Time{}, nil }
	return token{Credential: &service.Credential[string]{Fetch: fetch}}, from, nil
}

func givenToken(env service.Env) (value, from string, err error) {
	if env.Password != "" {
		b, err := env.Secret()
		return string(b), string(env.Password), err
	}
	if name, v := variable(env, "TOKEN"); v != "" {
		return v, name, nil
	}
	if env.Home != "" {
		file := filepath.Join(env.Home, ".vault-token")
		if b, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(b)) != "" {
			return strings.TrimSpace(string(b)), file, nil
		}
	}
	return "", "", fault.New(fault.Usage, "identity vault: there is no token").
		Hint("set VAULT_TOKEN (or BAO_TOKEN), or sign.password: env:NAME, or run vault login").
		Hint("for machines: option approle=ROLE_ID with the secret_id in sign.password, or jwt_role=ROLE with the CI's identity token")
}

// approle logs in with a role and its secret.
func (k *key) approle(env service.Env, role string) (service.Authorizer, string, error) {
	if env.Password == "" {
		return nil, "", fault.New(fault.Usage, "identity vault: approle needs the secret_id").Hint("set sign.password (or -password=) to env:NAME or file:PATH")
	}
	secretID, err := env.Secret()
	if err != nil {
		return nil, "", err
	}
	k.caller.Secret(secretID)
	login := func(context.Context) (map[string]string, error) {
		return map[string]string{"role_id": role, "secret_id": string(secretID)}, nil
	}
	return k.login(cmp.Or(k.options["auth"], "approle"), login), "AppRole", nil
}

// jwt logs in with the identity token that a CI service makes for its job.
func (k *key) jwt(env service.Env, role string) (service.Authorizer, string, error) {
	source, err := oidc.Find(env, oidc.Options{Token: k.options["oidc_token"], Audience: cmp.Or(k.options["audience"], "https://"+k.host)})
	if err != nil {
		return nil, "", err
	}
	login := func(ctx context.Context) (map[string]string, error) {
		jwt, err := source.Token(ctx)
		if err != nil {
			return nil, err
		}
		k.caller.Secret([]byte(jwt))
		return map[string]string{"role": role, "jwt": jwt}, nil
	}
	return k.login(cmp.Or(k.options["auth"], "jwt"), login), "identity token of " + source.Name, nil
}

// login keeps the token that a login gives (auth.client_token) for as long as
// it lives.
func (k *key) login(mount string, fields func(context.Context) (map[string]string, error)) service.Authorizer {
	return token{login: true, Credential: &service.Credential[string]{
		Now: k.caller.Now,
		Fetch: func(ctx context.Context) (string, time.Time, error) {
			f, err := fields(ctx)
			if err != nil {
				return "", time.Time{}, err
			}
			body, err := json.Marshal(f)
			if err != nil {
				return "", time.Time{}, err
			}
			a, err := k.caller.Call(ctx, service.Request{Operation: "log in", URL: k.path("auth", mount, "login"), Header: k.header, Body: body})
			if err != nil {
				return "", time.Time{}, err
			}
			return k.loggedIn(a)
		},
	}}
}

func (k *key) loggedIn(a *service.Answer) (string, time.Time, error) {
	var v struct {
		Auth struct {
			Token   string `json:"client_token"`
			Seconds int    `json:"lease_duration"`
		} `json:"auth"`
	}
	if err := a.JSON(&v); err != nil {
		return "", time.Time{}, err
	}
	if v.Auth.Token == "" {
		return "", time.Time{}, a.Bad("no token")
	}
	k.caller.Secret([]byte(v.Auth.Token))
	if v.Auth.Seconds <= 0 {
		return v.Auth.Token, time.Time{}, nil
	}
	return v.Auth.Token, k.caller.Now().Add(time.Duration(v.Auth.Seconds) * time.Second), nil
}

// client is a client with the roots, name and certificate that the environment
// names.
func client(env service.Env) (*http.Client, error) {
	if n, v := variable(env, "SKIP_VERIFY"); v != "" && v != "0" && !strings.EqualFold(v, "false") {
		return nil, fault.New(fault.Usage, "identity vault: %s would send the token to any server", n).
			Hint("unset it, and name the server's root in VAULT_CACERT")
	}
	config := &tls.Config{}
	_, config.ServerName = variable(env, "TLS_SERVER_NAME")
	var err error
	if config.RootCAs, err = roots(env); err != nil {
		return nil, err
	}
	_, cert := variable(env, "CLIENT_CERT")
	_, key := variable(env, "CLIENT_KEY")
	if cert != "" && key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fault.New(fault.Usage, "identity vault: reading the client certificate: %v", err).Hint("VAULT_CLIENT_CERT and VAULT_CLIENT_KEY name PEM files")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return service.NewClient(config), nil
}

// roots reads VAULT_CACERT or the files below VAULT_CAPATH; nil is the
// system's roots.
func roots(env service.Env) (*x509.CertPool, error) {
	n, file := variable(env, "CACERT")
	files := []string{file}
	if file == "" {
		var dir string
		if n, dir = variable(env, "CAPATH"); dir == "" {
			return nil, nil
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, fault.New(fault.Usage, "identity vault: %s: %v", n, err).Hint("it names a folder with PEM files")
		}
		files = nil
		for _, e := range entries {
			if !e.IsDir() {
				files = append(files, filepath.Join(dir, e.Name()))
			}
		}
	}
	pool, found := x509.NewCertPool(), false
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, fault.New(fault.Usage, "identity vault: %s: %v", n, err).Hint("it names a file with certificates in PEM")
		}
		found = pool.AppendCertsFromPEM(b) || found
	}
	if !found {
		return nil, fault.New(fault.Usage, "identity vault: %s names no certificate", n).Hint("it names certificates in PEM")
	}
	return pool, nil
}
