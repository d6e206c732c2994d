package args

import (
	"crypto"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/regular"
	"github.com/hallmark-dev/hallmark/internal/secret"
)

// List splits a comma-separated flag; an empty one has no entries.
func List(s string) []string {
	var out []string
	for _, p := range strings.Split(s, ",") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// Need reports the flags that were left out, of pairs of a name and a value.
func Need(flags ...string) error {
	var missing []string
	for i := 0; i+1 < len(flags); i += 2 {
		if strings.TrimSpace(flags[i+1]) == "" {
			missing = append(missing, "-"+flags[i]+"=")
		}
	}
	if len(missing) > 0 {
		return fault.New(fault.Usage, "%s must be given", strings.Join(missing, " and "))
	}
	return nil
}

// Choice returns what one of a few words stands for; the error lists them.
func Choice[T any](flag, value string, table map[string]T) (T, error) {
	v, ok := table[value]
	if !ok {
		words := slices.DeleteFunc(slices.Sorted(maps.Keys(table)), func(w string) bool { return w == "" })
		return v, fault.New(fault.Usage, "-%s: %q is not one of %s", flag, value, strings.Join(words, ", "))
	}
	return v, nil
}

// Digest returns the hash that -digest= names; none is SHA-256.
func Digest(name string) (crypto.Hash, error) {
	if name == "" {
		return crypto.SHA256, nil
	}
	h, err := cms.ParseHash(name)
	if err != nil {
		return 0, fault.New(fault.Usage, "-digest: %w", err)
	}
	return h, nil
}

// Secret reads a reference to a password.
func Secret(flag, s string) (secret.Ref, error) {
	r, err := secret.Parse(s)
	if err != nil {
		return "", fault.New(fault.Usage, "-%s: %w", flag, err)
	}
	return r, nil
}

// Read reads the file that a flag names.
func Read(flag, path string) ([]byte, error) {
	if err := Need(flag, path); err != nil {
		return nil, err
	}
	b, err := regular.Read(path, 0)
	if err != nil {
		return nil, fault.New(fault.Usage, "-%s: %w", flag, err)
	}
	return b, nil
}

// Folder makes sure that a flag names a folder. A link to one will do.
func Folder(flag, path string) error {
	if err := Need(flag, path); err != nil {
		return err
	}
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return fault.New(fault.Usage, "-%s: there is no folder %s: %w", flag, path, bare(err))
	case !st.IsDir():
		return fault.New(fault.Usage, "-%s: %s is %s, not a folder", flag, path, regular.Kind(st.Mode()))
	}
	return nil
}
