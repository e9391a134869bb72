/* Composes the vDSO: linux-gate.so.1 with the entry points that the x86 kernel's 32-bit vDSO has,
 * as ELF, with symbol versions, hash table and unwind information (System V ABI i386 supplement;
 * arch/x86/entry/vdso/vdso32 for names and the bytes that unwinders look for). */
#include "elfload/vdso.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/log.h"
#include "core/mem.h"

enum { VDSO_SIZE = 2 * 4096, TEXT = 0x1000 };

/* mov eax, nr; int 0x80; ret -- with up to two arguments taken from the stack (cdecl). */
#define CALL2(nr) /* push ebx; mov ebx,[esp+8]; mov ecx,[esp+12]; mov eax,nr; int 80; pop ebx; ret */ \
    0x53, 0x8b, 0x5c, 0x24, 0x08, 0x8b, 0x4c, 0x24, 0x0c, 0xb8, (nr) & 0xff, (nr) >> 8 & 0xff, 0,  \
        0, 0xcd, 0x80, 0x5b, 0xc3
#define CALL3(nr) /* the same with edx = [esp+16] */                                               \
    0x53, 0x8b, 0x5c, 0x24, 0x08, 0x8b, 0x4c, 0x24, 0x0c, 0x8b, 0x54, 0x24, 0x10, 0xb8,            \
        (nr) & 0xff, (nr) >> 8 & 0xff, 0, 0, 0xcd, 0x80, 0x5b, 0xc3

static const uint8_t code_vsyscall[] = {0xcd, 0x80, 0xc3};
static const uint8_t code_sigreturn[] = {0x58, 0xb8, 0x77, 0, 0, 0, 0xcd, 0x80};
static const uint8_t code_rt_sigreturn[] = {0xb8, 0xad, 0, 0, 0, 0xcd, 0x80};
static const uint8_t code_gettimeofday[] = {CALL2(78)};
static const uint8_t code_time[] = {CALL2(13)};
static const uint8_t code_clock_gettime[] = {CALL2(265)};
static const uint8_t code_clock_getres[] = {CALL2(266)};
static const uint8_t code_clock_gettime64[] = {CALL2(403)};
static const uint8_t code_getcpu[] = {CALL3(318)};

enum { VER_25 = 2, VER_26 = 3 };
static const struct entry {
    const char *name;
    const uint8_t *code;
    uint8_t size, version;
    bool pushes_ebx;
} entries[] = {
#define E(name, code, ver, ebx) {name, code, sizeof code, ver, ebx}
    E("__kernel_vsyscall", code_vsyscall, VER_25, false),
    E("__kernel_sigreturn", code_sigreturn, VER_25, false),
    E("__kernel_rt_sigreturn", code_rt_sigreturn, VER_25, false),
    E("__vdso_gettimeofday", code_gettimeofday, VER_26, true),
    E("__vdso_time", code_time, VER_26, true),
    E("__vdso_clock_gettime", code_clock_gettime, VER_26, true),
    E("__vdso_clock_getres", code_clock_getres, VER_26, true),
    E("__vdso_clock_gettime64", code_clock_gettime64, VER_26, true),
    E("__vdso_getcpu", code_getcpu, VER_26, true),
#undef E
};
enum { SECTION_TEXT = 4, SECTION_NAMES = 5, SECTIONS = 6 };
enum { N = sizeof entries / sizeof entries[0], NSYM = N + 1 };

struct image {
    uint8_t b[VDSO_SIZE];
    uint32_t at; /* where the next piece goes */
    uint32_t strtab, str_at;
};

static uint32_t put(struct image *v, const void *p, size_t n, uint32_t align)
{
    v->at = (v->at + align - 1) & ~(align - 1);
    uint32_t here = v->at;
    xassert(here + n <= VDSO_SIZE);
    if (p)
        memcpy(v->b + here, p, n);
    v->at += (uint32_t)n;
    return here;
}

static void byte(struct image *v, uint8_t x) { put(v, &x, 1, 1); }
static void word(struct image *v, uint32_t x) { put(v, &x, 4, 1); }

static uint32_t add_string(struct image *v, const char *s)
{
    uint32_t off = v->str_at - v->strtab;
    memcpy(v->b + v->str_at, s, strlen(s) + 1);
    v->str_at += (uint32_t)strlen(s) + 1;
    return off;
}

static uint32_t sysv_hash(const char *s)
{
    uint32_t h = 0, g;
    for (; *s; s++) {
        h = (h << 4) + (uint8_t)*s;
        g = h & 0xf0000000;
        h = (h ^ g >> 24) & ~g;
    }
    return h;
}

/* ---- unwind information: DWARF call frame instructions ---- */

enum { CFA_advance = 0x40, CFA_offset = 0x80, CFA_def_cfa = 0x0c, CFA_def_cfa_offset = 0x0e,
       CFA_expression = 0x10, CFA_def_cfa_expression = 0x0f, OP_breg4 = 0x74, OP_deref = 0x06 };

/* Starts a CIE or FDE: returns where its length word is. */
static uint32_t cfi_begin(struct image *v)
{
    uint32_t at = put(v, NULL, 4, 4);
    return at;
}

static void cfi_end(struct image *v, uint32_t at)
{
    while ((v->at - at) & 3)
        byte(v, 0); /* DW_CFA_nop */
    uint32_t len = v->at - at - 4;
    memcpy(v->b + at, &len, 4);
}

static void cie(struct image *v, bool signal)
{
    uint32_t at = cfi_begin(v);
    word(v, 0);
    byte(v, 1);
    const char *aug = signal ? "zRS" : "zR";
    put(v, aug, strlen(aug) + 1, 1);
    byte(v, 1);    /* code alignment */
    byte(v, 0x7c); /* data alignment -4 */
    byte(v, 8);    /* return address column: eip */
    byte(v, 1);
    byte(v, 0x1b); /* pointers pc-relative, sdata4 */
    if (!signal) {
        byte(v, CFA_def_cfa), byte(v, 4), byte(v, 4); /* esp + 4 */
        byte(v, CFA_offset | 8), byte(v, 1);
    }
    cfi_end(v, at);
}

static uint32_t fde(struct image *v, uint32_t cie_at, uint32_t start, uint32_t size)
{
    uint32_t at = cfi_begin(v);
    word(v, v->at - cie_at);
    word(v, start - v->at);
    word(v, size);
    byte(v, 0);
    return at;
}

static void breg(struct image *v, int off)
{
    byte(v, OP_breg4);
    if (off < 64) {
        byte(v, (uint8_t)off & 0x7f);
    } else { /* sleb128 */
        byte(v, (uint8_t)(off & 0x7f) | 0x80);
        byte(v, (uint8_t)(off >> 7) & 0x7f);
    }
}

static unsigned breg_len(int off) { return off < 64 ? 2 : 3; }

/* Register `reg` was saved at esp + off. */
static void saved_at(struct image *v, unsigned reg, int off)
{
    byte(v, CFA_expression), byte(v, (uint8_t)reg), byte(v, (uint8_t)breg_len(off));
    breg(v, off);
}

/* The sigcontext begins at esp + sc (offsets: asm/sigcontext.h): gs fs es ds edi esi ebp esp ebx
 * edx ecx eax trapno err eip. */
static void sigcontext_rules(struct image *v, int sc)
{
    static const struct { uint8_t reg, word; } regs[] = {{0, 11}, {1, 10}, {2, 9}, {3, 8},
                                                         {5, 6}, {6, 5}, {7, 4}, {8, 14}};
    byte(v, CFA_def_cfa_expression), byte(v, (uint8_t)(breg_len(sc + 28) + 1));
    breg(v, sc + 28);
    byte(v, OP_deref);
    for (size_t i = 0; i < ARRAY_SIZE(regs); i++)
        saved_at(v, regs[i].reg, sc + regs[i].word * 4);
}

static void unwind_info(struct image *v, const uint32_t *addr, uint32_t *eh, uint32_t *hdr)
{
    uint32_t fdes[N], starts[N];
    *eh = put(v, NULL, 0, 4);
    uint32_t plain = v->at;
    cie(v, false);
    uint32_t signal = v->at;
    cie(v, true);
    for (int i = 0; i < N; i++) {
        const struct entry *e = &entries[i];
        bool sigret = e->code == code_sigreturn, rt = e->code == code_rt_sigreturn;
        /* signal frames: the return address points at the first byte, unwinders look one before */
        uint32_t start = addr[i] - (sigret || rt);
        starts[i] = start;
        fdes[i] = fde(v, sigret || rt ? signal : plain, start, e->size + (uint32_t)(sigret || rt));
        if (sigret) { /* esp at entry: behind pretcode; [esp] = sig, sigcontext at esp + 4 */
            sigcontext_rules(v, 4);
            byte(v, CFA_advance | 2); /* after the pop: sigcontext at esp */
            sigcontext_rules(v, 0);
        } else if (rt) { /* sig, pinfo, puc, siginfo 128, ucontext: its mcontext is 20 in */
            sigcontext_rules(v, 12 + 128 + 20);
        } else if (e->pushes_ebx) {
            byte(v, CFA_advance | 1), byte(v, CFA_def_cfa_offset), byte(v, 8);
            byte(v, CFA_offset | 3), byte(v, 2);
            byte(v, (uint8_t)(CFA_advance | (e->size - 2))), byte(v, CFA_def_cfa_offset), byte(v, 4);
        }
        cfi_end(v, fdes[i]);
    }
    word(v, 0);
    *hdr = put(v, NULL, 0, 4);
    byte(v, 1), byte(v, 0x1b), byte(v, 0x03), byte(v, 0x3b);
    word(v, *eh - v->at);
    word(v, N);
    for (int i = 0; i < N; i++) { /* entries are laid out in ascending order */
        word(v, starts[i] - *hdr);
        word(v, fdes[i] - *hdr);
    }
}

/* ---- dynamic section ---- */

static void put_verdef(struct image *v, const uint32_t *names)
{
    static const char *const text[] = {"linux-gate.so.1", "LINUX_2.5", "LINUX_2.6"};
    for (int i = 0; i < 3; i++) {
        Elf32_Verdef d = {.vd_version = 1, .vd_flags = i ? 0 : VER_FLG_BASE,
                          .vd_ndx = (Elf32_Half)(i + 1), .vd_cnt = 1, .vd_hash = sysv_hash(text[i]),
                          .vd_aux = sizeof d, .vd_next = i < 2 ? sizeof d + sizeof(Elf32_Verdaux) : 0};
        Elf32_Verdaux a = {names[i], 0};
        put(v, &d, sizeof d, 1);
        put(v, &a, sizeof a, 1);
    }
}

static void put_hash(struct image *v)
{
    enum { NB = 3 };
    uint32_t bucket[NB] = {0}, chain[NSYM] = {0};
    for (uint32_t i = 1; i < NSYM; i++) {
        uint32_t b = sysv_hash(entries[i - 1].name) % NB;
        chain[i] = bucket[b];
        bucket[b] = i;
    }
    word(v, NB);
    word(v, NSYM);
    put(v, bucket, sizeof bucket, 4);
    put(v, chain, sizeof chain, 4);
}

/* Sections, for debuggers: they take symbols and unwind information from memory, as it has no file. */
static uint32_t put_sections(struct image *v, uint32_t dynsym, uint32_t eh, uint32_t eh_size,
                             uint32_t text_size)
{
    static const char names[] = "\0.dynsym\0.dynstr\0.eh_frame\0.text\0.shstrtab";
    enum { DYNSYM = 1, DYNSTR = 9, EH_FRAME = 17, TEXT_NAME = 27, SHSTRTAB = 33 };
    uint32_t strings = put(v, names, sizeof names, 4);
    const Elf32_Shdr sh[SECTIONS] = {
        {0},
        {DYNSYM, SHT_DYNSYM, SHF_ALLOC, dynsym, dynsym, NSYM * sizeof(Elf32_Sym), 2, 1, 4,
         sizeof(Elf32_Sym)},
        {DYNSTR, SHT_STRTAB, SHF_ALLOC, v->strtab, v->strtab, 512, 0, 0, 1, 0},
        {EH_FRAME, SHT_PROGBITS, SHF_ALLOC, eh, eh, eh_size, 0, 0, 4, 0},
        {TEXT_NAME, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, TEXT, TEXT, text_size, 0, 0, 32, 0},
        {SHSTRTAB, SHT_STRTAB, 0, 0, strings, sizeof names, 0, 0, 1, 0},
    };
    return put(v, sh, sizeof sh, 4);
}

static void compose(struct image *v, uint32_t addr[N])
{
    Elf32_Sym sym[NSYM] = {{0}};
    uint16_t versym[NSYM] = {0};
    Elf32_Phdr ph[4];
    v->at = sizeof(Elf32_Ehdr) + sizeof ph;
    v->strtab = v->str_at = put(v, NULL, 512, 4);
    v->str_at++;
    uint32_t names[3] = {add_string(v, "linux-gate.so.1"), add_string(v, "LINUX_2.5"),
                         add_string(v, "LINUX_2.6")};
    uint32_t text = TEXT;
    for (int i = 0; i < N; i++) {
        text = (text + 31) & ~31u;
        addr[i] = text;
        memset(v->b + text - 1, 0x90, 1);
        memcpy(v->b + text, entries[i].code, entries[i].size);
        sym[i + 1] = (Elf32_Sym){add_string(v, entries[i].name), text, entries[i].size,
                                 ELF32_ST_INFO(STB_GLOBAL, STT_FUNC), 0, SECTION_TEXT};
        versym[i + 1] = entries[i].version;
        text += entries[i].size;
    }
    uint32_t dynsym = put(v, sym, sizeof sym, 4), hash = put(v, NULL, 0, 4);
    put_hash(v);
    uint32_t ver = put(v, versym, sizeof versym, 2), verdef = put(v, NULL, 0, 4);
    put_verdef(v, names);
    uint32_t eh, hdr;
    unwind_info(v, addr, &eh, &hdr);
    uint32_t hdr_size = v->at - hdr;
    Elf32_Dyn dyn[] = {{DT_SONAME, {names[0]}}, {DT_HASH, {hash}}, {DT_STRTAB, {v->strtab}},
                       {DT_SYMTAB, {dynsym}}, {DT_STRSZ, {512}}, {DT_SYMENT, {sizeof sym[0]}},
                       {DT_VERDEF, {verdef}}, {DT_VERDEFNUM, {3}}, {DT_VERSYM, {ver}},
                       {DT_NULL, {0}}};
    uint32_t dynamic = put(v, dyn, sizeof dyn, 4);
    xassert(v->at <= TEXT - 1);
    v->at = text;
    uint32_t sections = put_sections(v, dynsym, eh, hdr - eh, text - TEXT);
    uint32_t end = v->at;
    Elf32_Ehdr eh32 = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
                       .e_type = ET_DYN, .e_machine = EM_386, .e_version = EV_CURRENT,
                       .e_entry = addr[0], .e_phoff = sizeof eh32, .e_ehsize = sizeof eh32,
                       .e_phentsize = sizeof ph[0], .e_phnum = 4, .e_shoff = sections,
                       .e_shentsize = sizeof(Elf32_Shdr), .e_shnum = SECTIONS,
                       .e_shstrndx = SECTION_NAMES};
    ph[0] = (Elf32_Phdr){PT_LOAD, 0, 0, 0, end, end, PF_R | PF_X, 4096};
    ph[1] = (Elf32_Phdr){PT_DYNAMIC, dynamic, dynamic, dynamic, sizeof dyn, sizeof dyn, PF_R, 4};
    ph[2] = (Elf32_Phdr){PT_GNU_EH_FRAME, hdr, hdr, hdr, hdr_size, hdr_size, PF_R, 4};
    ph[3] = (Elf32_Phdr){PT_GNU_STACK, 0, 0, 0, 0, 0, PF_R, 4};
    memcpy(v->b, &eh32, sizeof eh32);
    memcpy(v->b + sizeof eh32, ph, sizeof ph);
}

int vdso_map(struct process *p)
{
    struct image *v = xcalloc(1, sizeof *v);
    uint32_t addr[N];
    compose(v, addr);
    int64_t at = mem_map_kind(0, VDSO_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, MEM_VDSO, NULL);
    if (at >= 0) {
        memcpy((void *)(uintptr_t)at, v->b, VDSO_SIZE);
        mem_protect((gaddr)at, VDSO_SIZE, PROT_READ | PROT_EXEC);
        p->vdso = (gaddr)at;
        p->vdso_vsyscall = (gaddr)at + addr[0];
        p->vdso_sysenter_return = (gaddr)at + addr[0] + 2;
        p->vdso_sigreturn = (gaddr)at + addr[1];
        p->vdso_rt_sigreturn = (gaddr)at + addr[2];
    }
    free(v);
    return at < 0 ? (int)at : 0;
}
