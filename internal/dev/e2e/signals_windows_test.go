package e2e

import "os"

var signals map[string]os.Signal
