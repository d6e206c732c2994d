/* bcryptprimitives.dll for wine older than 8.18, with what Go programs miss there.
 *
 * Every Go program loads this DLL from system32 when it starts, and calls ProcessPrng.
 *
 * Go's os.Remove and os.RemoveAll fall back to an older way of deleting where
 * Windows does not know FileDispositionInformationEx. Windows then answers
 * STATUS_INVALID_INFO_CLASS; this wine answers STATUS_NOT_IMPLEMENTED, with
 * which Go gives up. So ntdll's NtSetInformationFile is replaced, for this
 * process, by one that answers as Windows does.
 *
 * For tests only. No C run-time: linked with -nostdlib. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buf, ULONG len); /* RtlGenRandom in advapi32 */

__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *data, SIZE_T size)
{
    while (size) {
        ULONG n = size > 0x10000000 ? 0x10000000 : (ULONG)size;
        if (!SystemFunction036(data, n)) return FALSE;
        data += n;
        size -= n;
    }
    return TRUE;
}

typedef LONG(NTAPI *set_information)(HANDLE, PVOID, PVOID, ULONG, ULONG);
static set_information original;

static LONG NTAPI set_information_file(HANDLE h, PVOID iosb, PVOID info, ULONG len, ULONG class)
{
    LONG status = original(h, iosb, info, len, class);
    return status == (LONG)0xC0000002 /* STATUS_NOT_IMPLEMENTED */ ? (LONG)0xC0000003 /* STATUS_INVALID_INFO_CLASS */ : status;
}

/* near_jump puts a jump to target at an address that 32 bits above base can name. */
static BYTE *near_jump(BYTE *base, void *target)
{
    for (SIZE_T at = 0x1000000; at < 0x70000000; at += 0x100000) {
        BYTE *p = VirtualAlloc(base + at, 4096, MEM_COMMIT | MEM_RESERVE, PAGE_EXECUTE_READWRITE);
        if (!p) continue;
        p[0] = 0x48; p[1] = 0xB8; /* mov rax, target */
        *(void **)(p + 2) = target;
        p[10] = 0xFF; p[11] = 0xE0; /* jmp rax */
        return p;
    }
    return NULL;
}

static int same(const char *a, const char *b)
{
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

/* replace changes the export table of a loaded module, which GetProcAddress reads. */
static void replace(BYTE *base, const char *name, void *target)
{
    IMAGE_NT_HEADERS64 *nt = (void *)(base + ((IMAGE_DOS_HEADER *)base)->e_lfanew);
    IMAGE_EXPORT_DIRECTORY *e = (void *)(base + nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_EXPORT].VirtualAddress);
    DWORD *names = (void *)(base + e->AddressOfNames), *addresses = (void *)(base + e->AddressOfFunctions);
    WORD *ordinals = (void *)(base + e->AddressOfNameOrdinals);
    for (DWORD i = 0; i < e->NumberOfNames; i++) {
        DWORD old, *entry = &addresses[ordinals[i]];
        if (!same((char *)base + names[i], name)) continue;
        BYTE *jump = near_jump(base, target);
        if (!jump || !VirtualProtect(entry, sizeof *entry, PAGE_READWRITE, &old)) return;
        *entry = (DWORD)(jump - base);
        VirtualProtect(entry, sizeof *entry, old, &old);
    }
}

BOOL WINAPI DllMainCRTStartup(HINSTANCE inst, DWORD reason, LPVOID reserved)
{
    (void)inst; (void)reserved;
    if (reason == DLL_PROCESS_ATTACH) {
        HMODULE ntdll = GetModuleHandleA("ntdll.dll");
        original = (set_information)(void *)GetProcAddress(ntdll, "NtSetInformationFile");
        replace((BYTE *)ntdll, "NtSetInformationFile", set_information_file);
    }
    return TRUE;
}
