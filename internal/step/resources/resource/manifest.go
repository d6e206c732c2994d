package resource

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/hallmark-dev/hallmark/internal/winresource"
)

// Manifest is the application manifest: what Windows grants the program at
// start ("Application manifests", Microsoft Learn).
type Manifest struct {
	// Name and Version identify the program, such as Company.Product.app. An
	// empty name leaves the identity out.
	Name        string
	Version     [4]uint16
	Description string
	// Level is asInvoker, highestAvailable or requireAdministrator.
	Level     string
	UIAccess  bool
	LongPaths bool
	UTF8      bool
	// CommonControls asks for version 6 of the common controls.
	CommonControls bool
	// DPI is unaware, system, per-monitor or per-monitor-v2.
	DPI string
	// Windows is the oldest one supported: vista, 7, 8, 8.1 or 10.
	Windows string
}

// systems are the supportedOS identifiers, from the oldest to the newest
// ("Targeting your application for Windows", Microsoft Learn). Windows 11 has
// that of Windows 10.
var systems = []struct{ name, id string }{
	{"vista", "{e2011457-1546-43c5-a5fe-008deee3d3f0}"},
	{"7", "{35138b9a-5d96-4fbd-8e2d-a2440225f93a}"},
	{"8", "{4a2f28e3-53b9-4441-ba9c-d69d4a4a6e38}"},
	{"8.1", "{1f676c76-80e1-4239-95bb-83d0f6d0da78}"},
	{"10", "{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}"},
}

// dpiAware and dpiAwareness: the first is read before Windows 10 1607, the
// second from then on ("dpiAwareness", Microsoft Learn).
var dpi = map[string][2]string{
	"unaware":        {"false", "unaware"},
	"system":         {"true", "system"},
	"per-monitor":    {"true/pm", "PerMonitor"},
	"per-monitor-v2": {"true/pm", "PerMonitorV2, PerMonitor"},
}

var levels = []string{"asInvoker", "highestAvailable", "requireAdministrator"}

var manifestTemplate = template.Must(template.New("manifest").Funcs(template.FuncMap{"xml": escape}).Parse(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
{{- if .M.Name}}
  <assemblyIdentity type="win32" name="{{xml .M.Name}}" version="{{.Version}}" processorArchitecture="*"/>
{{- end}}
{{- if .M.Description}}
  <description>{{xml .M.Description}}</description>
{{- end}}
{{- if .M.CommonControls}}
  <dependency>
    <dependentAssembly>
      <assemblyIdentity type="win32" name="Microsoft.Windows.Common-Controls" version="6.0.0.0" processorArchitecture="*" publicKeyToken="6595b64144ccf1df" language="*"/>
    </dependentAssembly>
  </dependency>
{{- end}}
  <trustInfo xmlns="urn:schemas-microsoft-com:asm.v3">
    <security>
      <requestedPrivileges>
        <requestedExecutionLevel level="{{.M.Level}}" uiAccess="{{.M.UIAccess}}"/>
      </requestedPrivileges>
    </security>
  </trustInfo>
  <compatibility xmlns="urn:schemas-microsoft-com:compatibility.v1">
    <application>
{{- range .Systems}}
      <supportedOS Id="{{.}}"/>
{{- end}}
    </application>
  </compatibility>
  <application xmlns="urn:schemas-microsoft-com:asm.v3">
    <windowsSettings>
      <dpiAware xmlns="http://schemas.microsoft.com/SMI/2005/WindowsSettings">{{index .DPI 0}}</dpiAware>
      <dpiAwareness xmlns="http://schemas.microsoft.com/SMI/2016/WindowsSettings">{{index .DPI 1}}</dpiAwareness>
{{- if .M.LongPaths}}
      <longPathAware xmlns="http://schemas.microsoft.com/SMI/2016/WindowsSettings">true</longPathAware>
{{- end}}
{{- if .M.UTF8}}
      <activeCodePage xmlns="http://schemas.microsoft.com/SMI/2019/WindowsSettings">UTF-8</activeCodePage>
{{- end}}
    </windowsSettings>
  </application>
</assembly>
`))

// XML writes the manifest. It refuses values that the schema does not have.
func (m Manifest) XML() ([]byte, error) {
	oldest := slices.IndexFunc(systems, func(s struct{ name, id string }) bool { return s.name == m.Windows })
	awareness, known := dpi[m.DPI]
	switch {
	case oldest < 0:
		return nil, fmt.Errorf("%q is not a Windows version of a manifest (vista, 7, 8, 8.1, 10)", m.Windows)
	case !known:
		return nil, fmt.Errorf("%q is not a DPI awareness (unaware, system, per-monitor, per-monitor-v2)", m.DPI)
	case !slices.Contains(levels, m.Level):
		return nil, fmt.Errorf("%q is not an execution level (%s)", m.Level, strings.Join(levels, ", "))
	}
	var ids []string
	for _, s := range slices.Backward(systems[oldest:]) {
		ids = append(ids, s.id)
	}
	var b bytes.Buffer
	err := manifestTemplate.Execute(&b, map[string]any{
		"M": m, "Systems": ids, "DPI": awareness,
		"Version": fmt.Sprintf("%d.%d.%d.%d", m.Version[0], m.Version[1], m.Version[2], m.Version[3]),
	})
	if err != nil {
		return nil, fmt.Errorf("writing the manifest: %v", err)
	}
	return b.Bytes(), nil
}

func escape(s string) (string, error) {
	var b strings.Builder
	err := xml.EscapeText(&b, []byte(s))
	return b.String(), err
}

// MaxManifest bounds a manifest, in bytes.
const MaxManifest = winresource.MaxManifest

// CheckManifest makes sure that b is well-formed XML whose root is the
// assembly of a manifest: Windows does not start a program with a bad one.
func CheckManifest(b []byte) error {
	if len(b) > MaxManifest {
		return fmt.Errorf("the manifest has %d bytes, more than %d", len(b), MaxManifest)
	}
	d := xml.NewDecoder(bytes.NewReader(b))
	seen := false
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			line, column := d.InputPos()
			return fmt.Errorf("the manifest is not XML: line %d, column %d: %v", line, column, err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || seen {
			continue
		}
		seen = true
		if start.Name.Local != "assembly" || start.Name.Space != "urn:schemas-microsoft-com:asm.v1" {
			return fmt.Errorf("the manifest's root is %s in namespace %q, not assembly in urn:schemas-microsoft-com:asm.v1", start.Name.Local, start.Name.Space)
		}
	}
	if !seen {
		return errors.New("the manifest is empty")
	}
	return nil
}
