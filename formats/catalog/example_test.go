package catalog_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/catalog"
)

// A catalog of one script, named as PowerShell's Test-FileCatalog wants it. Sign signs it.
func ExampleBuilder() {
	b, err := catalog.NewBuilder(catalog.Options{Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		log.Fatal(err)
	}
	script := "Write-Host hello"
	err = b.AddFile(context.Background(), "hello.ps1", strings.NewReader(script), int64(len(script)), catalog.Text("FilePath", "hello.ps1"))
	if err != nil {
		log.Fatal(err)
	}
	c, err := b.Catalog()
	if err != nil {
		log.Fatal(err)
	}
	der, err := c.Marshal()
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range c.Members {
		name, _ := m.Attribute("FilePath")
		fmt.Println(m.Kind(), name, m.Tag())
	}
	fmt.Println(len(der), "bytes")
	// Output:
	// flat hello.ps1 9CF6161E19D02FA5EB21785EB77DC150012E9D32
	// flat hello.ps1 A8C2CFCDA1026E001BF2832F68423072B02B35F004CFD5BB2799E0713DCD4041
	// 437 bytes
}
