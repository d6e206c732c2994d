package identity

import (
	"context"
	"os"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/identity/artifactsigning"
	"github.com/hallmark-dev/hallmark/internal/identity/awskms"
	"github.com/hallmark-dev/hallmark/internal/identity/gcpkms"
	"github.com/hallmark-dev/hallmark/internal/identity/keyvault"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
	"github.com/hallmark-dev/hallmark/internal/identity/vault"
)

// remoteKind is a kind of identity whose key lies behind a service.
type remoteKind struct {
	kind, form string // such as vault and MOUNT/KEY
	parse      func(rest string) (service.Form, error)
}

// remoteKinds are the kinds behind services, in the order of the documents.
var remoteKinds = []remoteKind{
	{artifactsigning.Kind, artifactsigning.Syntax, artifactsigning.Parse},
	{keyvault.Kind, keyvault.Syntax, keyvault.Parse},
	{awskms.Kind, awskms.Syntax, awskms.Parse},
	{gcpkms.Kind, gcpkms.Syntax, gcpkms.Parse},
	{vault.Kind, vault.Syntax, vault.Parse},
}

func remoteOf(kind string) *remoteKind {
	for i := range remoteKinds {
		if remoteKinds[i].kind == kind {
			return &remoteKinds[i]
		}
	}
	return nil
}

// localForms are the short forms of the kinds that need no service.
const localForms = "test, pkcs12:FILE, pem:KEY,CHAIN, pkcs11:URI, exec:PROGRAM"

// Forms lists every short form, for hints.
func Forms() string {
	var b strings.Builder
	b.WriteString(localForms)
	for _, k := range remoteKinds {
		b.WriteString(", " + k.kind + ":" + k.form)
	}
	return b.String()
}

// Kinds are the kinds whose short form is KIND:TEXT, whatever the text.
func Kinds() []string {
	kinds := []string{KindPKCS12, KindPKCS11, KindExec}
	for _, k := range remoteKinds {
		kinds = append(kinds, k.kind)
	}
	return kinds
}

// loadRemote opens a key in a service.
func (i *Identity) loadRemote(ctx context.Context, r Ref) error {
	env := service.Env{
		Getenv: i.opts.Getenv, Dir: i.opts.Dir, Password: i.opts.Password, Resolve: i.resolve, Warn: i.warn,
		Clock: service.Clock{Now: i.opts.Now}, Run: service.RunIn(i.opts.Env),
	}
	if home, err := os.UserHomeDir(); err == nil {
		env.Home = home
	}
	key, err := r.Remote.Connect(env)
	if err != nil {
		return err
	}
	return i.adoptRemote(ctx, r.Remote.Service(), key)
}
