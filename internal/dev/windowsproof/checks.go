package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// check is one thing that only an installed Windows can show.
type check struct {
	name string // as in docs/windows-proof.md
	run  func(*machine) error
}

// checks are run in this order, each whatever became of the others.
func checks() []check {
	return []check{
		{"signtool accepts the programs", signtoolVerifies},
		{"PowerShell calls the signatures valid", getAuthenticodeSignature},
		{"a changed byte is noticed", changedByte},
		{"Test-FileCatalog accepts the catalog", testFileCatalog},
		{"ConfigCI compiles the policy to the same bytes", sameBinaryPolicy},
		{"CiTool loads the policy in audit mode", ciTool},
		{"in-place signing beside Defender", inPlace},
		{"beacon runs in the service manager", service},
		{"PowerShell completes a command line", completion},
	}
}

var errOpen = errors.New("cannot be shown on this machine")

func signtoolVerifies(m *machine) error {
	tool, err := m.signtool()
	if err != nil {
		return err
	}
	for _, p := range m.programs() {
		out, err := m.run(tool, "verify", "/pa", "/all", "/tw", "/v", p)
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", p, err, out)
		}
	}
	return nil
}

// signatureStatus returns what Get-AuthenticodeSignature says of a file.
func (m *machine) signatureStatus(path string) (string, error) {
	return m.powershell(`$s = Get-AuthenticodeSignature -LiteralPath $env:PROOF_FILE; "$($s.Status)|$($s.TimeStamperCertificate -ne $null)"`, "PROOF_FILE="+path)
}

func getAuthenticodeSignature(m *machine) error {
	for _, p := range m.programs() {
		got, err := m.signatureStatus(p)
		if err != nil || got != "Valid|True" {
			return fmt.Errorf("%s: status and timestamp are %q, want Valid|True: %v", p, got, err)
		}
	}
	return nil
}

func changedByte(m *machine) error {
	b, err := os.ReadFile(m.programs()[0])
	if err != nil {
		return err
	}
	b[0x1400] ^= 1
	changed := filepath.Join(m.temp, "changed.exe")
	if err := os.WriteFile(changed, b, 0o755); err != nil {
		return err
	}
	got, err := m.signatureStatus(changed)
	if err != nil || !strings.HasPrefix(got, "HashMismatch|") {
		return fmt.Errorf("status is %q, want HashMismatch: %v", got, err)
	}
	return nil
}

func testFileCatalog(m *machine) error {
	cats, err := filepath.Glob(filepath.Join(m.dist, "catalog", "*.cat"))
	if err != nil || len(cats) != 1 {
		return fmt.Errorf("catalogs: %q, %v", cats, err)
	}
	got, err := m.powershell(`(Test-FileCatalog -CatalogFilePath $env:PROOF_CATALOG -Path $env:PROOF_DIR -Detailed).Signature.Status`,
		"PROOF_CATALOG="+cats[0], "PROOF_DIR="+filepath.Join(m.dist, "release"))
	if err != nil || got != "Valid" {
		return fmt.Errorf("the catalog's signature is %q, want Valid: %v", got, err)
	}
	tool, err := m.signtool()
	if err != nil {
		return err
	}
	for _, p := range m.programs() {
		if out, err := m.run(tool, "verify", "/pa", "/c", cats[0], p); err != nil {
			return fmt.Errorf("%s is not in the catalog: %w\n%s", p, err, out)
		}
	}
	return nil
}

// policy returns the first file of the App Control kit with this extension.
func (m *machine) policy(ext string) (string, error) {
	found := ""
	err := filepath.WalkDir(filepath.Join(m.dist, "wdac"), func(path string, d os.DirEntry, err error) error {
		if err == nil && found == "" && !d.IsDir() && strings.EqualFold(filepath.Ext(path), ext) {
			found = path
		}
		return err
	})
	if err == nil && found == "" {
		err = fmt.Errorf("there is no %s in %s", ext, filepath.Join(m.dist, "wdac"))
	}
	return found, err
}

func sameBinaryPolicy(m *machine) error {
	if _, err := m.powershell(`Get-Command ConvertFrom-CIPolicy -ErrorAction Stop | Out-Null`); err != nil {
		return fmt.Errorf("%w: it has no ConfigCI module", errOpen)
	}
	xml, err1 := m.policy(".xml")
	cip, err2 := m.policy(".cip")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	theirs := filepath.Join(m.temp, "theirs.cip")
	if out, err := m.powershell(`ConvertFrom-CIPolicy -XmlFilePath $env:PROOF_XML -BinaryFilePath $env:PROOF_BINARY`, "PROOF_XML="+xml, "PROOF_BINARY="+theirs); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	a, err1 := os.ReadFile(cip)
	b, err2 := os.ReadFile(theirs)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if !bytes.Equal(a, b) {
		return fmt.Errorf("ours has %d bytes, theirs %d, and they differ", len(a), len(b))
	}
	return nil
}

// auditPolicy allows everything that Windows' own example policy allows, in
// audit mode, so that loading it blocks nothing.
const auditPolicy = `$xml = Join-Path $env:PROOF_TEMP 'audit.xml'
Copy-Item "$env:windir\schemas\CodeIntegrity\ExamplePolicies\AllowAll.xml" $xml
Set-CIPolicyIdInfo -FilePath $xml -ResetPolicyID | Out-Null
Set-RuleOption -FilePath $xml -Option 3
([xml](Get-Content $xml)).SiPolicy.PolicyID`

func ciTool(m *machine) error {
	if _, err := m.powershell(`Get-Command citool.exe, Set-RuleOption -ErrorAction Stop | Out-Null`); err != nil {
		return fmt.Errorf("%w: it has no CiTool or no ConfigCI module", errOpen)
	}
	id, err := m.powershell(auditPolicy, "PROOF_TEMP="+m.temp)
	if err != nil {
		return err
	}
	cip := filepath.Join(m.temp, "audit.cip")
	if out, err := m.hallmark("wdac:compile", "-in="+filepath.Join(m.temp, "audit.xml"), "-out="+cip); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	if out, err := m.run("citool.exe", "--update-policy", cip, "-json"); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	defer func() { _, _ = m.run("citool.exe", "--remove-policy", id, "-json") }()
	out, err := m.run("citool.exe", "--list-policies", "-json")
	if err != nil || !strings.Contains(strings.ToLower(out), strings.ToLower(strings.Trim(id, "{}"))) {
		return fmt.Errorf("the policy %s is not listed: %v\n%s", id, err, out)
	}
	return nil
}

// copies is how many fresh programs are signed in place, to meet the moment in
// which the virus scanner has one open.
const copies = 40

func inPlace(m *machine) error {
	on, err := m.powershell(`(Get-MpComputerStatus).RealTimeProtectionEnabled`)
	if err != nil || on != "True" {
		return fmt.Errorf("%w: Defender does not watch files (%s)", errOpen, on)
	}
	unsigned, err := filepath.Glob(filepath.Join(m.dist, "build", "*", "*.exe"))
	if err != nil || len(unsigned) == 0 {
		return fmt.Errorf("no unsigned program in %s: %v", filepath.Join(m.dist, "build"), err)
	}
	b, err := os.ReadFile(unsigned[0])
	if err != nil {
		return err
	}
	for i := range copies {
		if err := os.WriteFile(filepath.Join(m.temp, fmt.Sprintf("copy%02d.exe", i)), b, 0o755); err != nil {
			return err
		}
	}
	out, err := m.hallmark("file:sign", "-in="+filepath.Join(m.temp, "copy*.exe"), "-identity=test")
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

func service(m *machine) error {
	const name = "hallmark-beacon-proof"
	script := `New-Service -Name $env:PROOF_NAME -BinaryPathName ('"' + $env:PROOF_FILE + '"') -StartupType Manual | Out-Null
try { Start-Service $env:PROOF_NAME -ErrorAction Stop; Stop-Service $env:PROOF_NAME -ErrorAction Stop; 'ok' } finally { sc.exe delete $env:PROOF_NAME | Out-Null }`
	got, err := m.powershell(script, "PROOF_NAME="+name, "PROOF_FILE="+m.programs()[0])
	if err != nil || got != "ok" {
		return fmt.Errorf("%q, %v", got, err)
	}
	return nil
}

func completion(m *machine) error {
	script := `& $env:PROOF_HALLMARK completion powershell | Out-String | Invoke-Expression
$env:PATH = (Split-Path $env:PROOF_HALLMARK) + ';' + $env:PATH
(TabExpansion2 'hallmark file:str' 17).CompletionMatches.CompletionText`
	got, err := m.powershell(script, "PROOF_HALLMARK="+m.program)
	if err != nil || got != "file:strip" {
		return fmt.Errorf("completed to %q, want file:strip: %v", got, err)
	}
	return nil
}
