package identity

import "os"

func actAsSigner(mode string) { os.Exit(9) }
