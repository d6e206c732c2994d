package release

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/secret"
)

// Certs lists what an identity holds and whether it can sign for Windows. An
// empty ref is the identity of the spec.
func Certs(ctx context.Context, w io.Writer, o Options, ref, password string, asJSON bool) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	id, err := openFor(ctx, o, ref, password)
	if err != nil {
		return err
	}
	defer id.Close()
	l := id.List(o.Now())
	if asJSON {
		b, err := json.MarshalIndent(l, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\n", b)
	} else if err := l.WriteText(w); err != nil {
		return err
	}
	return identity.Err(l.Problems)
}

func openFor(ctx context.Context, o Options, ref, password string) (*identity.Identity, error) {
	if ref != "" {
		return identity.Open(ctx, ref, identity.Options{Password: secret.Ref(password), Dir: o.Root, Now: o.Now, Getenv: o.Getenv, AllowIncompleteChain: true})
	}
	s, err := LoadSpec(ctx, o)
	if err != nil {
		return nil, err
	}
	if s.Sign == nil {
		return nil, fault.New(fault.Usage, "release.yaml has no section sign").Hint("name an identity with -identity=, such as -identity=pkcs12:my.pfx -password=env:PFX_PASSWORD")
	}
	return identity.Open(ctx, s.Sign.Identity, identity.Options{
		Password: secret.Ref(s.Sign.Password), Dir: o.Root, ChainFiles: s.Sign.Chain, Now: o.Now, Getenv: o.Getenv,
		FetchIntermediates: s.Sign.FetchIntermediates, AllowIncompleteChain: true, AllowECDSA: s.Sign.AllowECDSA,
	})
}
