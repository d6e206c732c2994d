package targets

import (
	"os"

	"github.com/magefile/mage/mg"

	"github.com/hallmark-dev/hallmark/internal/console"
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
