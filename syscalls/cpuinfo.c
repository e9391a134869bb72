/* /proc/cpuinfo of the processor that the program sees: what CPUID says, with the numbers and the topology of
 * the host's processors (arch/x86/kernel/cpu/proc.c). */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/cpuid.h"
#include "syscalls/priv.h"

enum { EAX, EBX, ECX, EDX };

/* A record being written; what does not fit is cut. */
struct text { size_t n; char s[8192]; };

PRINTF(2, 3) static void add(struct text *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    t->n += (size_t)vsnprintf(t->s + t->n, sizeof t->s - t->n, fmt, args);
    va_end(args);
    t->n = t->n < sizeof t->s ? t->n : sizeof t->s - 1;
}

/* Names of feature bits, in the order in which the kernel prints its words of them. */
static const struct word {
    uint32_t leaf, subleaf;
    int reg;
    const char *names; /* from bit 0 on, - for one without */
} words[] = {
    {1, 0, EDX, "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - "
                "dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe"},
    {0x80000001, 0, EDX, "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb "
                         "rdtscp - lm 3dnowext 3dnow"},
    {1, 0, ECX, "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - "
                "pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c "
                "rdrand hypervisor"},
    {0x80000001, 0, ECX, "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch"},
    {7, 0, EBX, "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f "
                "avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd "
                "sha_ni avx512bw avx512vl"},
    {13, 1, EAX, "xsaveopt xsavec xgetbv1 xsaves"},
    {7, 1, EAX, "- - - - avx_vnni avx512_bf16"},
    {7, 0, ECX, "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni "
                "avx512_bitalg - avx512_vpopcntdq - la57 - - - - - rdpid"},
};

static uint32_t reg_of(const struct cpuid_regs *r, int reg)
{
    return reg == EAX ? r->eax : reg == EBX ? r->ebx : reg == ECX ? r->ecx : r->edx;
}

static bool has_leaf(uint32_t leaf)
{
    return leaf <= cpuid_query(leaf & 0x80000000, 0).eax;
}

static void print_flags(struct text *t)
{
    add(t, "flags\t\t:");
    for (const struct word *w = words; w < words + ARRAY_SIZE(words); w++) {
        if (w->leaf != 1 && !has_leaf(w->leaf))
            continue;
        struct cpuid_regs r = cpuid_query(w->leaf, w->subleaf);
        uint32_t bits = reg_of(&r, w->reg);
        for (const char *s = w->names; *s; bits >>= 1) {
            int n = (int)strcspn(s, " ");
            if ((bits & 1) && *s != '-')
                add(t, " %.*s", n, s);
            s += n + (s[n] == ' ');
        }
        if (w->leaf == 0x80000001 && w->reg == EDX)
            add(t, " cpuid"); /* of the kernel's own words */
    }
    add(t, "\n");
}

/* The line of the host's record, which may be of another architecture; `otherwise` if it has none. */
static const char *host_line(const char *record, const char *key, const char *otherwise, char out[64])
{
    size_t n = strlen(key);
    for (const char *s = record; s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL) {
        if (strncmp(s, key, n) || (s[n] != '\t' && s[n] != ' ' && s[n] != ':'))
            continue;
        s = strchr(s, ':');
        if (!s || s[1] != ' ')
            break;
        snprintf(out, 64, "%.*s", (int)strcspn(s + 2, "\n"), s + 2);
        return out;
    }
    return otherwise;
}

/* In kHz. */
static unsigned long frequency(const char *number)
{
    char path[96], text[32];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%.8s/cpufreq/scaling_cur_freq", number);
    return proc_read(path, text, sizeof text) > 0 ? strtoul(text, NULL, 10) : 0;
}

static void print_identity(struct text *t)
{
    struct cpuid_regs id = cpuid_query(0, 0), v = cpuid_query(1, 0), b[3];
    uint32_t family = v.eax >> 8 & 15, model = v.eax >> 4 & 15;
    if (family >= 6)
        model |= v.eax >> 12 & 0xf0;
    if (family == 15)
        family += v.eax >> 20 & 0xff;
    char brand[49] = "unknown";
    if (has_leaf(0x80000004)) {
        for (uint32_t i = 0; i < 3; i++)
            b[i] = cpuid_query(0x80000002 + i, 0);
        memcpy(brand, b, sizeof b);
        brand[48] = 0;
    }
    add(t, "vendor_id\t: %.4s%.4s%.4s\n", (char *)&id.ebx, (char *)&id.edx, (char *)&id.ecx);
    add(t, "cpu family\t: %u\nmodel\t\t: %u\n", family, model);
    add(t, "model name\t: %s\nstepping\t: %u\n", brand + strspn(brand, " "), v.eax & 15);
}

/* KiB, of the largest cache; 0: CPUID does not say. */
static uint32_t cache_size(void)
{
    uint32_t most = 0, bytes;
    for (uint32_t i = 0; has_leaf(4); i++) {
        struct cpuid_regs r = cpuid_query(4, i);
        if (!(r.eax & 31))
            break;
        bytes = ((r.ebx >> 22) + 1) * ((r.ebx >> 12 & 0x3ff) + 1) * ((r.ebx & 0xfff) + 1) * (r.ecx + 1);
        most = bytes > most ? bytes : most;
    }
    return most / 1024;
}

static void print_record(struct text *t, const char *record, const char *all)
{
    char number[64], v[64], line[64];
    struct cpuid_regs one = cpuid_query(1, 0);
    host_line(record, "processor", "0", number);
    add(t, "processor\t: %s\n", number);
    print_identity(t);
    const char *mhz = host_line(record, "cpu MHz", NULL, line);
    if (mhz)
        add(t, "cpu MHz\t\t: %s\n", mhz);
    else if (frequency(number))
        add(t, "cpu MHz\t\t: %lu.%03lu\n", frequency(number) / 1000, frequency(number) % 1000);
    if (host_line(record, "cache size", NULL, line))
        add(t, "cache size\t: %s\n", line);
    else if (cache_size())
        add(t, "cache size\t: %u KB\n", cache_size());
    add(t, "physical id\t: %s\n", host_line(record, "physical id", "0", v));
    add(t, "siblings\t: %s\n", host_line(record, "siblings", all, v));
    add(t, "core id\t\t: %s\n", host_line(record, "core id", number, v));
    add(t, "cpu cores\t: %s\n", host_line(record, "cpu cores", all, v));
    add(t, "apicid\t\t: %s\n", host_line(record, "apicid", number, v));
    add(t, "initial apicid\t: %s\n", host_line(record, "initial apicid", number, v));
    add(t, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\n",
        cpuid_query(0, 0).eax);
    print_flags(t);
    add(t, "bugs\t\t:\n");
    const char *mips = host_line(record, "bogomips", NULL, v);
    add(t, "bogomips\t: %s\n", mips ? mips : host_line(record, "BogoMIPS", "0.00", v));
    uint32_t line_size = one.ebx >> 8 & 0xff ? (one.ebx >> 8 & 0xff) * 8 : 32;
    add(t, "clflush size\t: %u\ncache_alignment\t: %u\n", line_size, line_size);
    uint32_t sizes = has_leaf(0x80000008) ? cpuid_query(0x80000008, 0).eax
                     : (one.edx >> 6 & 1 ? 36 : 32) | 32 << 8; /* by PAE */
    add(t, "address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
        sizes & 0xff, sizes >> 8 & 0xff);
}

int64_t cpuinfo_open(int host_flags)
{
    int fd = memfd_create("cpuinfo", host_flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
    struct lines in;
    struct text record = {.n = 0}, out;
    char all[16], *line;
    if (fd < 0)
        return -errno;
    snprintf(all, sizeof all, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
    lines_open(&in, "/proc/cpuinfo");
    do {
        line = lines_next(&in);
        if (line && *line) {
            add(&record, "%s\n", line);
            continue;
        }
        out.n = 0;
        if (!strncmp(record.s, "processor", 9))
            print_record(&out, record.s, all);
        if (write(fd, out.s, out.n) < 0)
            break; /* no room: what there is */
        record.n = 0;
        record.s[0] = 0;
    } while (line);
    lseek(fd, 0, SEEK_SET);
    return fd;
}
