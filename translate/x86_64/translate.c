/* A region of instructions -> x86-64 code. Guest flags live in the host's, so code between guest
 * instructions does not touch them; only behind a return they may be overwritten where they are
 * known to be dead. A guest call is a host call, whose return address lands in a check that the
 * guest returned to where it was called from. */
#include "translate/translate.h"

#include <string.h>

#include "core/flags.h"
#include "decode/decode.h"
#include "translate/x86_64/insn.h"
#include "translate/x86_64/offsets.h"
#include "translate/x86_64/ops.h"
#include "translate/x86_64/stubs.h"

static const uint8_t mov_r9_rcx[] = {0x49, 0x89, 0xc9}, mov_rcx_r9[] = {0x4c, 0x89, 0xc9},
                     mov_r11_rcx[] = {0x49, 0x89, 0xcb}, mov_rcx_r11[] = {0x4c, 0x89, 0xd9};

enum { SHORT_MAX = 100, ROOM_PER_INSN = 192, LINE = 64, AGAIN_MAX = 8 };

/* A jump within the region to an instruction that is not yet emitted. */
struct fix {
    uint32_t at;
    uint16_t index;
    bool is_short;
};
/* A jump out of the region, whose stub follows the code. */
struct leave {
    gaddr target;
    uint32_t field;
};

static LARGE_BSS struct fix fixes[TRANSLATE_INSN_MAX * 3];
static unsigned nfixes;
static LARGE_BSS struct leave leaves[TRANSLATE_INSN_MAX * 2];
static unsigned nleaves;
static LARGE_BSS uint32_t astrays[TRANSLATE_INSN_MAX]; /* fields of jumps: an indirect one did not lead where expected */
static unsigned nastrays;
static uint32_t prev_off[TRANSLATE_INSN_MAX + 1];
static bool stale[TRANSLATE_INSN_MAX];
static bool leader[TRANSLATE_INSN_MAX]; /* jumped to, or entered, from elsewhere */
static gaddr guess[TRANSLATE_INSN_MAX]; /* of indirect jumps; taken once, as other threads change it */

bool translate_available(void)
{
    return true;
}

/* ---- jumps ---- */

/* A rel32 that is patched while other threads run must not cross a cache line. */
static void align_field(struct emit *e, unsigned opcode_len)
{
    static const uint8_t nop[4][3] = {{0}, {0x90}, {0x66, 0x90}, {0x0f, 0x1f, 0x00}};
    unsigned at = (emit_off(e) + opcode_len) % LINE;
    if (at > LINE - 4)
        ebytes(e, nop[LINE - at], LINE - at);
}

static void jump_opcode(struct emit *e, int cc, bool is_short)
{
    if (is_short) {
        e8(e, cc < 0 ? 0xeb : 0x70 | cc);
    } else if (cc < 0) {
        e8(e, 0xe9);
    } else {
        e8(e, 0x0f);
        e8(e, 0x80 | cc);
    }
}

static void jump_inside(struct emit *e, int cc, unsigned to)
{
    uint32_t here = emit_off(e);
    bool back = to <= e->within;
    uint32_t where = back ? e->tr->off[to]
                   : e->prev ? e->prev[to] - e->prev[e->within] + e->tr->off[e->within] : 0;
    bool is_short = back ? here - where < SHORT_MAX
                         : e->prev && where > here && where - here < SHORT_MAX;
    jump_opcode(e, cc, is_short);
    fixes[nfixes++] = (struct fix){emit_off(e), (uint16_t)to, is_short};
    if (is_short)
        e8(e, 0);
    else
        e32(e, 0);
}

static void jump_outside(struct emit *e, int cc, gaddr target)
{
    align_field(e, cc < 0 ? 1 : 2);
    jump_opcode(e, cc, false);
    leaves[nleaves++] = (struct leave){target, emit_off(e)};
    e32(e, 0);
}

/* cc < 0: unconditional. */
static void jump(struct emit *e, int cc, gaddr target)
{
    int to = translate_find(e->tr, target);
    if (to >= 0)
        jump_inside(e, cc, (unsigned)to);
    else
        jump_outside(e, cc, target);
}

static bool next_is(const struct emit *e, gaddr eip)
{
    return e->index + 1 < e->tr->n && e->tr->insn[e->index + 1].in->eip == eip;
}

/* Goes on at `eip`: by falling through if that is what comes next. */
static void go_on(struct emit *e, gaddr eip)
{
    if (!next_is(e, eip))
        jump(e, -1, eip);
}

/* ---- calls and returns ---- */

static void state_check(struct emit *e, const uint8_t *then);

/* Where a mirrored return arrives: r8 is where the guest returned to. Elsewhere than expected is a fault (x64_guarded),
 * which takes two instructions, or a jump. Where the flags may be spoiled behind an indirect call there is a comparison
 * and a jump that is never taken, too: without, Zen 4 guesses the next indirect call wrong much more often. */
static void landing(struct emit *e, const struct insn *in)
{
    static const uint8_t load[] = {0x47, 0x0f, 0xb6, 0x4c, 0x69, 0xff}, /* movzx r9d, byte [r9 + r13 * 2 - 1] */
                         cmp_r8d[] = {0x41, 0x81, 0xf8}, jne_next[] = {0x75, 0};
    struct x64_mem difference = x64_at(X64_TMP0, (int32_t)-in->next);
    bool guarded = x64_guarded && !(in->flags & INSN_MISALIGNED), direct = in->o[0].kind == OPND_REL;
    if (guarded && (direct || (next_is(e, in->next) && x64_flags_soon_dead(e, in->next)))) {
        x64_lea(e, X64_TMP1, difference);
        ebytes(e, load, sizeof load);
        if (!direct) {
            ebytes(e, cmp_r8d, sizeof cmp_r8d);
            e32(e, in->next);
            ebytes(e, jne_next, sizeof jne_next);
        }
    } else {
        ebytes(e, mov_r9_rcx, 3);
        x64_lea(e, X64_RCX, difference);
        e8(e, 0xe3), e8(e, 5); /* jrcxz over the mismatch */
        e8(e, 0xe9);
        x64_rel32(e, x64_return_miss_rcx);
        ebytes(e, mov_rcx_r9, 3);
    }
    state_check(e, NULL); /* the callee may have left translated code and come back */
    go_on(e, in->next);
}

static void push_return(struct emit *e, gaddr next)
{
    x64_store_imm(e, x64_at(X64_ESP, e->esp - 4), next);
    e->esp -= 4;
    x64_settle_esp(e);
}

/* r9 = code of the guest address in r8. Without touching flags: jrcxz compares, bswap shifts. */
static void look_up_narrow(struct emit *e)
{
    static const uint8_t code[] = {
        0x45, 0x0f, 0xb7, 0xc8,       /* movzx r9d, r8w */
        0x4f, 0x8b, 0x54, 0xcd, 0x00, /* mov r10, [r13 + r9 * 8] */
        0x49, 0x89, 0xcb,             /* mov r11, rcx */
        0x4d, 0x63, 0xca,             /* movsxd r9, r10d */
        0x49, 0x0f, 0xca,             /* bswap r10 */
        0x41, 0x0f, 0xca,             /* bswap r10d */
        0x43, 0x8d, 0x0c, 0x10,       /* lea ecx, [r8 + r10] */
        0xe3, 0x06,                   /* jrcxz over: it is the one */
        0x41, 0xb9, 0, 0, 0, 0,       /* mov r9d, 0: leads to x64_look_up */
        0x4c, 0x89, 0xd9,             /* mov rcx, r11 */
        0x4f, 0x8d, 0x0c, 0x21,       /* lea r9, [r9 + r12] */
    };
    ebytes(e, code, sizeof code);
}

static void look_up(struct emit *e)
{
    static const uint8_t code[] = {
        0x4f, 0x63, 0x4c, 0x85, 0x00, /* movsxd r9, [r13 + r8 * 4] */
        0x4f, 0x8d, 0x0c, 0x21,       /* lea r9, [r9 + r12]: if 0, x64_look_up */
    };
    if (translate_narrow)
        look_up_narrow(e);
    else
        ebytes(e, code, sizeof code);
}

/* Compares r8 with the expected target without touching flags; what differs leads to a stub. */
static void expect(struct emit *e, gaddr target)
{
    ebytes(e, mov_r11_rcx, 3);
    x64_lea(e, X64_RCX, x64_at(X64_TMP0, (int32_t)-target));
    e8(e, 0xe3), e8(e, 5); /* jrcxz over the jump */
    e8(e, 0xe9);
    astrays[nastrays++] = emit_off(e);
    e32(e, 0);
    ebytes(e, mov_rcx_r11, 3);
}

static void call_target(struct emit *e, gaddr target)
{
    int to = translate_find(e->tr, target);
    if (to >= 0) {
        e8(e, 0xe8);
        fixes[nfixes++] = (struct fix){emit_off(e), (uint16_t)to, false};
        e32(e, 0);
        return;
    }
    align_field(e, 1);
    e8(e, 0xe8);
    leaves[nleaves++] = (struct leave){target, emit_off(e)};
    e32(e, 0);
}

/* To the guest address in r8. */
static void look_up_jump(struct emit *e)
{
    look_up(e);
    e8(e, 0x41), e8(e, 0xff), e8(e, 0xe1); /* jmp r9 */
}

/* r8 = operand of an indirect jump or call. */
static void indirect_target(struct emit *e, const struct insn *in)
{
    struct x64_mem m;
    if (in->o[0].kind == OPND_GPR && in->o[0].reg == REG_ESP)
        x64_lea(e, X64_TMP0, x64_at(X64_ESP, e->esp));
    else if (in->o[0].kind == OPND_GPR)
        x64_mov_rr(e, X64_TMP0, x64_gpr(in->o[0].reg));
    else if (x64_guest_mem(e, in, &m))
        x64_load(e, X64_TMP0, m);
}

/* cpu->insn_count += n without touching flags. */
static void count(struct emit *e, int n)
{
    struct x64_mem m = x64_cpu(offsetof(struct cpu, insn_count));
    if (!e->tr->count)
        return;
    x64_load64(e, X64_TMP1, m);
    x64_lea64(e, X64_TMP1, x64_at(X64_TMP1, n));
    x64_store64(e, m, X64_TMP1);
}

/* The callee's two instructions instead of the call; nothing of the stack can be missing behind the
 * store of the return address. */
static void call_thunk(struct emit *e, const struct tr_insn *t)
{
    struct translation *tr = e->tr;
    const struct insn *in = t->in;
    x64_store_imm(e, x64_at(X64_ESP, e->esp - 4), in->next);
    x64_mov_ri(e, x64_gpr(t->thunk->o[0].reg), in->next);
    unsigned i = 0;
    while (i < tr->copies && tr->copied[i] != in->imm)
        i++;
    if (i == tr->copies)
        tr->copied[tr->copies++] = in->imm;
    count(e, 2);
    x64_settle_esp(e);
    go_on(e, in->next);
}

static void call(struct emit *e, const struct tr_insn *t)
{
    const struct insn *in = t->in;
    if (t->thunk) {
        call_thunk(e, t);
        return;
    }
    if (in->o[0].kind == OPND_REL) {
        push_return(e, in->next);
        if (in->imm == in->next) { /* only to learn eip */
            go_on(e, in->next);
            return;
        }
        call_target(e, in->imm);
    } else {
        indirect_target(e, in);
        push_return(e, in->next);
        look_up(e);
        e8(e, 0x41), e8(e, 0xff), e8(e, 0xd1); /* call r9 */
    }
    landing(e, in);
}

static void ret(struct emit *e, const struct insn *in)
{
    x64_load(e, X64_TMP0, x64_at(X64_ESP, e->esp));
    e->esp += 4 + (in->nopnd ? (int)(in->imm & 0xffff) : 0);
    x64_settle_esp(e);
    if (translate_return_jumps(e->tr, e->index, e->leader))
        look_up_jump(e);
    else
        e8(e, 0xc3);
}

static void insn(struct emit *e, const struct tr_insn *t);

static void settle_for(struct emit *e, const struct insn *in)
{
    if (x64_needs_esp(in))
        x64_settle_esp(e);
}

/* How many instructions there are from `first` up to an indirect jump; 0: it comes too late, or not. */
static unsigned way_to_switch(const struct translation *tr, unsigned first)
{
    for (unsigned i = first; i < tr->n && i < first + AGAIN_MAX; i++) {
        const struct insn *in = tr->insn[i].in;
        if (in->op == OP_JMP)
            return in->o[0].kind == OPND_REL ? 0 : i - first + 1;
        if ((in->op != OP_JCC && (in->flags & INSN_END)) || i + 1 == tr->n || in->next != tr->insn[i + 1].in->eip)
            return 0;
    }
    return 0;
}

/* The head of an interpreter's loop, its switch, is emitted again where the loop goes back to it: that saves
 * a jump, and the processor guesses better where each of these switches leads than where one would. */
static bool again(struct emit *e, gaddr target)
{
    struct translation *tr = e->tr;
    int first = target <= tr->insn[e->index].in->eip ? translate_find(tr, target) : -1;
    unsigned n = first >= 0 && !tr->quick ? way_to_switch(tr, (unsigned)first) : 0, index = e->index;
    if (!n || e->within != index || tr->n + tr->agains + n > TRANSLATE_INSN_MAX)
        return false;
    for (e->index = (unsigned)first; n--; e->index++) {
        const struct tr_insn *t = &tr->insn[e->index];
        settle_for(e, t->in);
        tr->again[tr->agains++] =
            (struct tr_again){(uint16_t)e->index, (uint16_t)index, emit_off(e), e->esp};
        insn(e, t);
    }
    e->index = index;
    return true;
}

static void jmp(struct emit *e, const struct insn *in)
{
    if (in->o[0].kind == OPND_REL) {
        x64_settle_esp(e);
        if (!again(e, in->imm))
            go_on(e, in->imm);
        return;
    }
    gaddr to = guess[e->index];
    indirect_target(e, in);
    x64_settle_esp(e);
    if (to) {
        expect(e, to);
        jump(e, -1, to);
    } else {
        look_up_jump(e);
    }
}

static void jcc(struct emit *e, const struct insn *in)
{
    x64_settle_esp(e);
    if (next_is(e, in->imm) && !next_is(e, in->next)) {
        jump(e, (in->cc & 15) ^ 1, in->next);
        return;
    }
    jump(e, in->cc & 15, in->imm);
    go_on(e, in->next);
}

/* JECXZ and LOOP reach only 127 bytes: over a jump. */
static void loop(struct emit *e, const struct insn *in)
{
    x64_settle_esp(e);
    e8(e, 0x67);
    e8(e, in->opcode);
    uint8_t *taken = e->p++;
    jump(e, -1, in->next);
    *taken = (uint8_t)(e->p - taken - 1);
    jump(e, -1, in->imm);
}

/* ---- instructions ---- */

/* By the interpreter's function; code goes on behind. */
static void interpret(struct emit *e, const struct tr_insn *t)
{
    struct translation *tr = e->tr;
    static const uint8_t lea_r9_rip_5[] = {0x4c, 0x8d, 0x0d, 5, 0, 0, 0};
    x64_settle_esp(e);
    e8(e, 0x49), e8(e, 0xb8); /* mov r8, imm64 */
    tr->reloc[tr->relocs++] = (struct tr_reloc){emit_off(e), X64_ABS64, TR_FALLBACK, tr->fallbacks};
    tr->fallback[tr->fallbacks++] = t->in;
    e64(e, 0);
    ebytes(e, lea_r9_rip_5, sizeof lea_r9_rip_5);
    e8(e, 0xe9);
    x64_rel32(e, x64_interp);
    state_check(e, NULL);
}

/* Left to the interpreter for good: it may change what comes next. */
static void leave_at(struct emit *e)
{
    struct translation *tr = e->tr;
    x64_settle_esp(e);
    count(e, -(int)translate_counts(tr->insn[e->index].in));
    e8(e, 0x49), e8(e, 0xb8); /* mov r8, imm64 */
    tr->reloc[tr->relocs++] = (struct tr_reloc){emit_off(e), X64_ABS64, TR_INSN, e->index};
    e64(e, 0);
    e8(e, 0xe9);
    x64_rel32(e, x64_exit_insn);
}

static void transfer(struct emit *e, const struct tr_insn *t)
{
    const struct insn *in = t->in;
    switch (x64_how(in->op)) {
    case HOW_CALL: call(e, t); break;
    case HOW_RET: ret(e, in); break;
    case HOW_JMP: jmp(e, in); break;
    case HOW_JCC: jcc(e, in); break;
    default: loop(e, in); break;
    }
}

static void insn(struct emit *e, const struct tr_insn *t)
{
    count(e, 1);
    if (t->in->flags & INSN_END) {
        if (translate_handles(t->in, e->tr->mode))
            transfer(e, t);
        else
            leave_at(e);
        return;
    }
    if (!x64_insn(e, t))
        interpret(e, t);
    if (!next_is(e, t->in->next) || leader[e->index + 1])
        x64_settle_esp(e);
    go_on(e, t->in->next);
}

/* ---- x87, upper halves ---- */

/* Has a stub bring a part of the guest's state into the host's registers unless the flag in the cpu says that it
 * is there, then goes to offset `then` of the code (NULL: behind this). */
static void check(struct emit *e, size_t live_flag, const void *stub, const uint8_t *then)
{
    ebytes(e, mov_r9_rcx, 3);
    x64_load(e, X64_RCX, x64_cpu(live_flag));
    e8(e, 0xe3); /* jrcxz to the load */
    uint8_t *to_load = e->p++;
    ebytes(e, mov_rcx_r9, 3);
    uint8_t *live = NULL;
    if (then) {
        e8(e, 0xe9);
        e32(e, (uint32_t)(then - (e->p + 4)));
    } else {
        e8(e, 0xeb);
        live = e->p++;
    }
    *to_load = (uint8_t)(e->p - to_load - 1);
    ebytes(e, mov_rcx_r9, 3);
    e8(e, 0x4c), e8(e, 0x8d), e8(e, 0x0d); /* lea r9, [rip + where to go on] */
    e32(e, then ? (uint32_t)(then - (e->p + 4)) : 5);
    e8(e, 0xe9);
    x64_rel32(e, stub);
    if (live)
        *live = (uint8_t)(e->p - live - 1);
}

/* Makes sure of what the region uses. The x87 stub saves all state, so it comes first. */
static void state_check(struct emit *e, const uint8_t *then)
{
    if (e->x87)
        check(e, offsetof(struct cpu, host.x87_live), x64_load_x87, e->ymm || e->zmm ? NULL : then);
    if (e->zmm)
        check(e, offsetof(struct cpu, zmm_live), x64_load_zmm, then);
    else if (e->ymm)
        check(e, offsetof(struct cpu, host.ymm_live), x64_load_ymm, then);
}

/* ---- stubs behind the code ---- */

static void astray_stub(struct emit *e, uint32_t field)
{
    uint32_t rel = emit_off(e) - (field + 4);
    memcpy(e->tr->code + field, &rel, 4);
    ebytes(e, mov_rcx_r11, 3);
    look_up_jump(e);
}

static void exit_stub(struct emit *e, const struct leave *l)
{
    struct translation *tr = e->tr;
    uint32_t at = emit_off(e), rel = at - (l->field + 4);
    memcpy(tr->code + l->field, &rel, 4);
    tr->exit[tr->exits++] = (struct tr_exit){l->target, l->field, at, 0};
    e8(e, 0xe8);
    x64_rel32(e, x64_exit_direct);
}

static void entries(struct emit *e)
{
    struct translation *tr = e->tr;
    for (unsigned i = 0; i < tr->n; i++) {
        if (!tr->insn[i].entry)
            continue;
        tr->entry[i] = e->x87 || e->ymm || e->zmm ? emit_off(e) : tr->off[i];
        state_check(e, tr->code + tr->off[i]);
    }
}

static bool resolve(struct translation *tr)
{
    for (unsigned i = 0; i < nfixes; i++) {
        const struct fix *f = &fixes[i];
        int32_t rel = (int32_t)(tr->off[f->index] - f->at) - (f->is_short ? 1 : 4);
        if (f->is_short && rel != (int8_t)rel)
            return false;
        memcpy(tr->code + f->at, &rel, f->is_short ? 1 : 4);
    }
    return true;
}

/* ---- passes ---- */

static bool pass(struct translation *tr, const uint32_t *prev, struct emit e)
{
    e.p = tr->code;
    e.prev = prev;
    memset(stale, 0, tr->n);
    const uint8_t *end = tr->code + TRANSLATE_BYTES_MAX;
    nfixes = nleaves = nastrays = 0;
    tr->relocs = tr->exits = tr->fallbacks = tr->copies = tr->agains = 0;
    for (unsigned i = 0; i < tr->n; i++) {
        if (end - e.p < ROOM_PER_INSN * (1 + AGAIN_MAX))
            return false;
        e.index = e.within = i;
        settle_for(&e, tr->insn[i].in);
        tr->off[i] = emit_off(&e);
        tr->adjust[i] = e.esp;
        insn(&e, &tr->insn[i]);
    }
    for (unsigned i = 0; i < tr->n; i++)
        tr->adjust[i] += stale[i] ? TRANSLATE_STALE : 0;
    for (unsigned i = 0; i < tr->agains; i++)
        tr->again[i].adjust += stale[tr->again[i].index] ? TRANSLATE_STALE : 0;
    tr->cold = tr->off[tr->n] = emit_off(&e);
    if (!resolve(tr) || end - e.p < (ptrdiff_t)(nleaves * 32 + nastrays * 64 + tr->n * 96))
        return false;
    for (unsigned i = 0; i < nastrays; i++)
        astray_stub(&e, astrays[i]);
    for (unsigned i = 0; i < nleaves; i++)
        exit_stub(&e, &leaves[i]);
    entries(&e);
    tr->size = emit_off(&e);
    return true;
}

/* With the targets that indirect jumps and calls are guessed to have. */
static void find_leaders(const struct translation *tr)
{
    translate_find_leaders(tr, leader);
    for (unsigned i = 0; i < tr->n; i++) {
        const struct insn *in = tr->insn[i].in;
        bool indirect = in->op == OP_JMP && in->o[0].kind != OPND_REL;
        guess[i] = indirect ? translate_guess(in) : 0;
        if (guess[i])
            translate_lead(tr, guess[i], leader);
    }
}

bool translate_region(struct translation *tr)
{
    struct emit e = {.tr = tr, .stale = stale, .leader = leader};
    find_leaders(tr);
    for (unsigned i = 0; i < tr->n; i++) {
        e.x87 |= x64_uses_x87(tr->insn[i].in);
        e.ymm |= x64_uses_ymm(tr->insn[i].in);
        e.zmm |= x64_uses_zmm(tr->insn[i].in);
    }
    if (!pass(tr, NULL, e))
        return false;
    if (tr->quick)
        return true;
    memcpy(prev_off, tr->off, (tr->n + 1) * sizeof prev_off[0]);
    return pass(tr, prev_off, e) || pass(tr, NULL, e);
}

void translate_reloc(uint8_t *at, unsigned kind, uint64_t value)
{
    uint64_t v = kind == X64_REL32 ? value - (uintptr_t)(at + 4) : value;
    memcpy(at, &v, kind == X64_REL32 ? 4 : 8);
}

void translate_flush_icache(const uint8_t *from, const uint8_t *to)
{
    (void)from, (void)to; /* the processor sees to it */
}

void translate_sync_cores(void)
{
}

void translate_patch(uint8_t *field, const uint8_t *target)
{
    __atomic_store_n((uint32_t *)(void *)field, (uint32_t)(target - (field + 4)), __ATOMIC_RELEASE);
}
