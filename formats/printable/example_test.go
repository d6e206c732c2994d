package printable_test

import (
	"fmt"

	"github.com/hallmark-dev/hallmark/formats/printable"
)

func ExampleText() {
	fmt.Println("file:", printable.Text("setup.exe\nresult: trusted\x1b[2J"))
	// Output: file: setup.exe\nresult: trusted\x1b[2J
}
