package targets

import (
	"os"

	"github.com/magefile/mage/mg"

	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// mage passes a flag that was left out as a nil pointer.

func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func flag(p *bool) bool { return p != nil && *p }

func number(p *int) int {
	if p == nil {
		return 0
	}
	return *p
}

// screen is the console of this process.
func screen() *console.Console { return console.Open(os.Stderr, os.Getenv, mg.Verbose()) }

func files(in, out *string) args.Files { return args.Files{In: str(in), Out: str(out)} }

func key(identity, password, chain *string, fetch, incomplete, ecdsa *bool) args.Key {
	return args.Key{
		Identity:   str(identity),
		Password:   str(password),
		Chain:      str(chain),
		Fetch:      flag(fetch),
		Incomplete: flag(incomplete),
		ECDSA:      flag(ecdsa),
	}
}

func trusted(roots, tsroots *string) args.Trusted {
	return args.Trusted{Roots: str(roots), TimestampRoots: str(tsroots)}
}

func stampers(server, tspassword, allow *string, legacy *bool) args.Stampers {
	return args.Stampers{Servers: str(server), KeyPassword: str(tspassword), Allow: str(allow), Legacy: flag(legacy)}
}
