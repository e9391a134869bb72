/* Status flags in the frames of faults, where the flags are overwritten behind the fault and read by nobody: every kind
 * of instruction that writes flags, what may stand between, every kind of fault. Then stores that make the
 * next instruction read them. Flags that an instruction leaves undefined are masked. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { CF = 1, PF = 4, AF = 16, ZF = 64, SF = 128, OF = 2048, ALL = CF | PF | AF | ZF | SF | OF, DF = 1024 };
#define CODE(...) {sizeof (uint8_t[]){__VA_ARGS__}, {__VA_ARGS__}}
struct code {
    unsigned n;
    uint8_t b[16];
};

/* eax, ecx are operands, ebx points to one, ebp is 0, edi 0x20. */
static const struct {
    const char *name;
    struct code code;
    unsigned undefined;
} writers[] = {
    {"add eax, ecx", CODE(0x01, 0xc8), 0},
    {"or eax, ecx", CODE(0x09, 0xc8), AF},
    {"adc eax, ecx", CODE(0x11, 0xc8), 0},
    {"sbb eax, ecx", CODE(0x19, 0xc8), 0},
    {"and eax, ecx", CODE(0x21, 0xc8), AF},
    {"sub eax, ecx", CODE(0x29, 0xc8), 0},
    {"xor eax, ecx", CODE(0x31, 0xc8), AF},
    {"cmp eax, ecx", CODE(0x39, 0xc8), 0},
    {"test eax, ecx", CODE(0x85, 0xc8), AF},
    {"add al, cl", CODE(0x00, 0xc8), 0},
    {"add ah, cl", CODE(0x00, 0xcc), 0},
    {"sub ah, al", CODE(0x28, 0xc4), 0},
    {"cmp al, ch", CODE(0x38, 0xe8), 0},
    {"xor al, ah", CODE(0x30, 0xe0), AF},
    {"sub ax, cx", CODE(0x66, 0x29, 0xc8), 0},
    {"add ax, -3", CODE(0x66, 0x83, 0xc0, 0xfd), 0},
    {"cmp ax, 0x8000", CODE(0x66, 0x3d, 0x00, 0x80), 0},
    {"sbb al, cl", CODE(0x18, 0xc8), 0},
    {"add eax, -16", CODE(0x83, 0xc0, 0xf0), 0},
    {"sub eax, 0x12345678", CODE(0x2d, 0x78, 0x56, 0x34, 0x12), 0},
    {"cmp eax, 7", CODE(0x83, 0xf8, 0x07), 0},
    {"cmp al, 0x80", CODE(0x3c, 0x80), 0},
    {"test al, 0x81", CODE(0xa8, 0x81), AF},
    {"test eax, eax", CODE(0x85, 0xc0), AF},
    {"or eax, -1", CODE(0x83, 0xc8, 0xff), AF},
    {"add eax, eax", CODE(0x01, 0xc0), 0},
    {"adc eax, eax", CODE(0x11, 0xc0), 0},
    {"sub eax, eax", CODE(0x29, 0xc0), 0},
    {"sbb eax, eax", CODE(0x19, 0xc0), 0},
    {"xor ecx, ecx", CODE(0x31, 0xc9), AF},
    {"adc eax, 0", CODE(0x83, 0xd0, 0x00), 0},
    {"inc eax", CODE(0x40), 0},
    {"dec ecx", CODE(0x49), 0},
    {"inc cl", CODE(0xfe, 0xc1), 0},
    {"add eax, ecx; inc eax", CODE(0x01, 0xc8, 0x40), 0},
    {"cmp eax, ecx; dec ecx", CODE(0x39, 0xc8, 0x49), 0},
    {"neg eax", CODE(0xf7, 0xd8), 0},
    {"neg ah", CODE(0xf6, 0xdc), 0},
    {"shl eax, 1", CODE(0xd1, 0xe0), AF},
    {"shl eax, 5", CODE(0xc1, 0xe0, 0x05), AF | OF},
    {"shr ecx, 1", CODE(0xd1, 0xe9), AF},
    {"shr eax, 9", CODE(0xc1, 0xe8, 0x09), AF | OF},
    {"sar eax, 3", CODE(0xc1, 0xf8, 0x03), AF | OF},
    {"sar al, 1", CODE(0xd0, 0xf8), AF},
    {"shl eax, cl", CODE(0xd3, 0xe0), AF | OF},
    {"rol eax, 1", CODE(0xd1, 0xc0), 0},
    {"ror eax, 3", CODE(0xc1, 0xc8, 0x03), OF},
    {"rcl eax, 1", CODE(0xd1, 0xd0), 0},
    {"rcr ax, 1", CODE(0x66, 0xd1, 0xd8), 0},
    {"shld eax, ecx, 4", CODE(0x0f, 0xa4, 0xc8, 0x04), AF | OF},
    {"imul eax, ecx", CODE(0x0f, 0xaf, 0xc1), SF | ZF | AF | PF},
    {"imul eax, ecx, 77", CODE(0x6b, 0xc1, 0x4d), SF | ZF | AF | PF},
    {"mul ecx", CODE(0xf7, 0xe1), SF | ZF | AF | PF},
    {"bt eax, 3", CODE(0x0f, 0xba, 0xe0, 0x03), OF | SF | AF | PF},
    {"add eax, ecx; bts eax, 4", CODE(0x01, 0xc8, 0x0f, 0xba, 0xe8, 0x04), OF | SF | AF | PF},
    {"bsf eax, ecx", CODE(0x0f, 0xbc, 0xc1), CF | OF | SF | AF | PF},
    {"xadd eax, ecx", CODE(0x0f, 0xc1, 0xc8), 0},
    {"cmpxchg ecx, edx", CODE(0x0f, 0xb1, 0xd1), 0},
    {"sahf", CODE(0x9e), 0},
    {"cmp eax, ecx; cmc", CODE(0x39, 0xc8, 0xf5), 0},
    {"add eax, ecx; stc", CODE(0x01, 0xc8, 0xf9), 0},
    {"add eax, [ebx]", CODE(0x03, 0x03), 0},
    {"add [ebx], eax", CODE(0x01, 0x03), 0},
    {"cmp [ebx], ecx", CODE(0x39, 0x0b), 0},
    {"cmp byte [ebx], 5", CODE(0x80, 0x3b, 0x05), 0},
    {"test word [ebx], 0x8001", CODE(0x66, 0xf7, 0x03, 0x01, 0x80), AF},
    {"dec dword [ebx]", CODE(0xff, 0x0b), 0},
    {"lock sub [ebx], ecx", CODE(0xf0, 0x29, 0x0b), 0},
    {"sub esp, 12", CODE(0x83, 0xec, 0x0c), 0},
    {"add esp, 16", CODE(0x83, 0xc4, 0x10), 0},
    {"add esp, 92", CODE(0x83, 0xc4, 0x5c), 0},
    {"and esp, -16", CODE(0x83, 0xe4, 0xf0), AF},
    {"add eax, ecx; push eax; sub esp, 20; push ecx", CODE(0x01, 0xc8, 0x50, 0x83, 0xec, 0x14, 0x51), 0},
    {"comiss xmm0, xmm1", CODE(0x0f, 0x2f, 0xc1), 0},
    {"fldz; fld1; fcomip; fstp", CODE(0xd9, 0xee, 0xd9, 0xe8, 0xdf, 0xf1, 0xdd, 0xd8), AF},
    {"std", CODE(0xfd), 0},
};

enum { CALLED = 100, RETURNED, PUSHED_RET }; /* instead of a length */
static const struct {
    const char *name;
    struct code code;
} gaps[] = {
    {"nothing", {0, {0}}},
    {"the result is lost", CODE(0xb8, 1, 2, 3, 4)},                  /* mov eax, */
    {"the operand is lost", CODE(0xb9, 0x80, 1, 0, 0)},              /* mov ecx, */
    {"ah and cl are lost", CODE(0x8a, 0xe6, 0x88, 0xd1)},            /* mov ah, dh; mov cl, dl */
    {"stack", CODE(0x53, 0x5e, 0x6a, 0x05, 0x52, 0x5a, 0x53)},       /* push, pop */
    {"esp moves", CODE(0x8d, 0x64, 0x24, 0xf8, 0x89, 0xe2)},         /* lea esp; mov edx, esp */
    {"reads", CODE(0x0f, 0x92, 0xc2, 0x0f, 0x4c, 0xf7, 0x0f, 0xca)}, /* setc dl; cmovl esi, edi; bswap edx */
    {"jz", CODE(0x74, 0x00)},
    {"js over", CODE(0x78, 0x02, 0x89, 0xd2)},
    {"jl over jbe over", CODE(0x7c, 0x06, 0x8b, 0x13, 0x76, 0x02, 0x8b, 0x13)},
    {"jmp", CODE(0xeb, 0x00)},
    {"call", {CALLED, {0}}},
    {"ret", {RETURNED, {0}}},
    {"push, ret", {PUSHED_RET, {0}}},
};

static const struct {
    const char *name;
    struct code code;
} faults[] = {
    {"load", CODE(0x8b, 0x15, 0x10, 0, 0, 0)},
    {"store", CODE(0x89, 0x17)},
    {"add to memory", CODE(0x01, 0x07)},
    {"div", CODE(0xf7, 0xf5)},
    {"idiv cl", CODE(0xb9, 0, 0, 0, 0, 0xf6, 0xf9)},
    {"push memory", CODE(0xff, 0x77, 0x08)},
    {"pop memory", CODE(0x8f, 0x07)},
    {"pop elsewhere", CODE(0x89, 0xfc, 0x58)}, /* mov esp, edi */
    {"call memory", CODE(0xff, 0x17)},
    {"jmp memory", CODE(0xff, 0x27)},
    {"rep stos", CODE(0xb1, 0x02, 0xf3, 0xab)},
    {"movs", CODE(0xa4)},
    {"fld", CODE(0xdd, 0x07)},
    {"movups", CODE(0x0f, 0x10, 0x07)},
    {"movaps, misaligned", CODE(0x0f, 0x28, 0x43, 0x04)},
    {"addss", CODE(0x0f, 0x28, 0xd1, 0xf3, 0x0f, 0x58, 0xd0, 0xf3, 0x0f, 0x58, 0x17)},
    {"divss of 0", CODE(0x0f, 0xae, 0x53, 0x20, 0xf3, 0x0f, 0x5e, 0xd2)}, /* ldmxcsr [ebx + 32] */
    {"fdiv of 0", CODE(0xd9, 0x6b, 0x24, 0xd9, 0xee, 0xdc, 0xf0, 0x9b)}, /* fldcw [ebx + 36]; fldz; fdiv; fwait */
    {"aam 0", CODE(0xd4, 0x00)},
    {"xchg", CODE(0x87, 0x07)},
    {"leave", CODE(0xc9)},
    {"ud2", CODE(0x0f, 0x0b)},
};
#define COUNT(a) (sizeof (a) / sizeof (a)[0])

static const uint32_t operands[][2] = {
    {0, 0}, {1, 0xffffffff}, {0x7fffff88, 0x00000078}, {0x80000000, 0x80000001}, {0x12345615, 0x8765f00b},
};

static uint8_t *area, *at;
struct __attribute__((aligned(64))) {
    uint32_t operand[8];
    uint32_t mxcsr, cw;
} data;
uint8_t stack[8192] __attribute__((aligned(64)));
uint32_t saved_esp, regs[8], flags_in, ok_mxcsr = 0x1f80, code_at;
static uint32_t seen, seen_at;
void enter(void);
extern const char leave_here[];
__asm__(".text\nenter: pusha; mov %esp, saved_esp; fninit; movups data, %xmm0; pxor %xmm1, %xmm1; pxor %xmm2, %xmm2\n"
        "mov flags_in, %eax; mov $stack+4096, %esp; push %eax; popf\n"
        "mov regs, %eax; mov regs+4, %ecx; mov regs+8, %edx; mov regs+12, %ebx\n"
        "mov regs+20, %ebp; mov regs+24, %esi; mov regs+28, %edi; jmp *code_at\n"
        "leave_here: cld; mov saved_esp, %esp; fninit; ldmxcsr ok_mxcsr; popa; ret\n");

static void on_fault(int sig, siginfo_t *info, void *context)
{
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    (void)info;
    seen = (uint32_t)r[REG_EFL] & (ALL | DF);
    seen_at = (uint32_t)r[REG_EIP] - code_at + (uint32_t)sig * 1000;
    r[REG_EIP] = (greg_t)(uintptr_t)leave_here;
}

static void put(const struct code *c)
{
    memcpy(at, c->b, c->n);
    at += c->n;
}

static void put_rel(uint8_t opcode, const uint8_t *to)
{
    int32_t rel = (int32_t)(to - (at + 5));
    *at++ = opcode;
    memcpy(at, &rel, 4);
    at += 4;
}

/* The fault, and what overwrites all flags. */
static void put_end(const struct code *fault)
{
    static const struct code kill = CODE(0x3d, 0, 1, 0, 0, 0x29, 0xc0, 0x01, 0xc8); /* cmp; sub; add */
    put(fault);
    put(&kill);
    put_rel(0xe9, (const uint8_t *)leave_here);
}

static uint8_t *make(unsigned w, unsigned g, unsigned f)
{
    uint8_t *start = at;
    if (gaps[g].code.n == RETURNED) {
        uint8_t *call = at;
        at += 5;
        put_end(&faults[f].code);
        uint8_t *callee = at;
        at = call;
        put_rel(0xe8, callee);
        at = callee;
        put(&writers[w].code);
        put(&(struct code)CODE(0x8d, 0x25)); /* lea esp, where the return address is */
        uint32_t esp = (uint32_t)(uintptr_t)(stack + 4096 - 4);
        memcpy(at, &esp, 4);
        at += 4;
        *at++ = 0xc3;
        return start;
    }
    put(&writers[w].code);
    if (gaps[g].code.n == CALLED) {
        put_rel(0xe8, at + 7);
        put(&(struct code)CODE(0xeb, 0xfe));
    } else if (gaps[g].code.n == PUSHED_RET) {
        uint32_t to = (uint32_t)(uintptr_t)(at + 6);
        *at++ = 0x68;
        memcpy(at, &to, 4);
        at += 4;
        *at++ = 0xc3;
    } else {
        put(&gaps[g].code);
    }
    put_end(&faults[f].code);
    return start;
}

static void run(const uint8_t *code, unsigned i, uint32_t flags)
{
    uint32_t r[8] = {operands[i][0], operands[i][1], 0x55, (uint32_t)(uintptr_t)&data, 0, 0, 0x77, 0x20};
    memcpy(regs, r, sizeof r);
    memset(&data, 0, sizeof data);
    data.operand[0] = operands[i][1];
    data.mxcsr = 0x1f00;
    data.cw = 0x37e;
    code_at = (uint32_t)(uintptr_t)code;
    flags_in = 0x202 | flags;
    seen = seen_at = 0;
    enter();
}

static uint32_t hash(uint32_t h, uint32_t v)
{
    return (h ^ v) * 16777619u;
}

/* Five pairs of operands; each once more, with other flags before, when the code has been translated. */
static uint32_t try(const uint8_t *code, unsigned w, uint32_t h)
{
    for (unsigned k = 0; k < 2 * COUNT(operands); k++) {
        run(code, k / 2, k & 1 ? ALL : 0);
        h = hash(hash(h, seen & ~writers[w].undefined), seen_at);
    }
    return h;
}

static void show(const char *what, uint32_t h)
{
    printf("  %-20s %08x\n", what, h);
}

enum { FAULTS_EACH = 3, START = 2166136261u };
static uint8_t *mixed[COUNT(writers)][COUNT(gaps)][FAULTS_EACH], *simple[COUNT(writers)][COUNT(faults)];

static void make_all(void)
{
    for (unsigned w = 0; w < COUNT(writers); w++) {
        for (unsigned g = 0; g < COUNT(gaps); g++)
            for (unsigned k = 0; k < FAULTS_EACH; k++)
                mixed[w][g][k] = make(w, g, (w + g + 7 * k) % COUNT(faults));
        for (unsigned f = 0; f < COUNT(faults); f++)
            simple[w][f] = make(w, 0, f);
    }
}

static void try_all(void)
{
    for (unsigned w = 0; w < COUNT(writers); w++) {
        printf("%s\n", writers[w].name);
        for (unsigned g = 0; g < COUNT(gaps); g++) {
            uint32_t h = START;
            for (unsigned k = 0; k < FAULTS_EACH; k++)
                h = try(mixed[w][g][k], w, h);
            show(gaps[g].name, h);
        }
    }
    printf("faults\n");
    for (unsigned f = 0; f < COUNT(faults); f++) {
        uint32_t h = START;
        for (unsigned w = 0; w < COUNT(writers); w++)
            h = try(simple[w][f], w, h);
        show(faults[f].name, h);
    }
}

/* A store makes a NOP behind it LAHF; in a page of its own, as what is changed often is not translated. */
static uint32_t modify(unsigned w, const struct code *gap, unsigned k, uint32_t h)
{
    static const struct code kill = CODE(0x90, 0x90, 0x89, 0xc6, 0x39, 0xc0); /* nop; nop; mov esi, eax; cmp */
    uint8_t *start = at = area;
    put(&writers[w].code);
    put(gap);
    put(&(struct code)CODE(0xc6, 0x05)); /* mov byte [the second nop], 0x9f */
    uint32_t nop = (uint32_t)(uintptr_t)(at + 6);
    memcpy(at, &nop, 4);
    at[4] = 0x9f;
    at += 5;
    put(&kill);
    put(&(struct code)CODE(0x89, 0x73, 0x10)); /* mov [ebx + 16], esi */
    put_rel(0xe9, (const uint8_t *)leave_here);
    area += 4096;
    run(start, k, k & 1 ? ALL : 0);
    return hash(h, data.operand[4] & ~(writers[w].undefined << 8));
}

static void modify_all(void)
{
    static const struct code joins[] = {{0, {0}}, CODE(0x78, 0x02, 0x89, 0xd2)};
    printf("stores\n");
    for (unsigned w = 0; w < COUNT(writers); w++) {
        uint32_t h = START;
        for (unsigned k = 0; k < 2 * COUNT(operands); k++)
            h = modify(w, &joins[k & 1], k / 2, h);
        show(writers[w].name, h);
    }
}

int main(void)
{
    enum { SIZE = 4 << 20 };
    static uint8_t alt[65536];
    stack_t s = {.ss_sp = alt, .ss_size = sizeof alt};
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    static const int sigs[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    sigaltstack(&s, NULL);
    for (unsigned i = 0; i < COUNT(sigs); i++)
        sigaction(sigs[i], &sa, NULL);
    area = at = mmap((void *)0x20000000, SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    make_all();
    area += (size_t)(at - area + 4095) & -4096ul;
    mprotect((void *)0x20000000, (size_t)(area - (uint8_t *)0x20000000), PROT_READ | PROT_EXEC);
    try_all();
    modify_all();
    return area - (uint8_t *)0x20000000 > SIZE;
}
