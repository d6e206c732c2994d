package spec

import (
	"reflect"

	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/secret"
)

// Secrets are all references to secrets that the spec holds: those of the keys
// with the format of a secret, and those in the short forms of identities.
func (s *Spec) Secrets() []secret.Ref { return secretsIn(reflect.ValueOf(s), Rule{}, s.replaced) }

// Environ is the environment for every program that is run during a release:
// parent without the variables that hold secrets. Compilers, hooks and git have
// no business with them.
func (s *Spec) Environ(parent []string) []string { return secret.Withhold(parent, s.Secrets()...) }

// Secrets are those of the signing identity.
func (s *Sign) Secrets() []secret.Ref { return secretsIn(reflect.ValueOf(s), Rule{}, nil) }

// secretsIn adds the references in v, which stands under the given rule.
func secretsIn(v reflect.Value, rule Rule, refs []secret.Ref) []secret.Ref {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			refs = secretsIn(v.Elem(), rule, refs)
		}
	case reflect.Struct:
		for _, f := range fieldsOf(v.Type()) {
			refs = secretsIn(v.Field(f.index), f.rule, refs)
		}
	case reflect.Slice:
		for i := range v.Len() {
			refs = secretsIn(v.Index(i), rule, refs)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			refs = secretsIn(v.MapIndex(key), rule, refs)
		}
	case reflect.String:
		refs = append(refs, secretsOf(v.String(), rule.Format)...)
	}
	return refs
}

func secretsOf(value, format string) []secret.Ref {
	switch format {
	case "secret":
		if ref, err := secret.Parse(value); err == nil && ref != "" {
			return []secret.Ref{ref}
		}
	case "identity":
		if ref, err := identity.ParseRef(value); err == nil {
			return ref.Secrets()
		}
	}
	return nil
}
