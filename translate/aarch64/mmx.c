/* MMX registers in translated code: once an instruction has used them they stay in d8-d15, over jumps and
 * calls, until the state is wanted in cpu->fpu (x87 instructions, EMMS, the interpreter, leaving translated
 * code; a64_x87_leave). x12 then says what has changed there: registers, with their upper bits, TOP
 * and tags. It is brought up to date at the end of a run: a straight stretch of code whose first
 * MMX instruction has looked whether they are live. */
#include "decode/decode.h"
#include "translate/aarch64/simd.h"
#include "translate/aarch64/x87_emit.h"

enum { RUN_MAX = 64 };

bool x87_is_mmx(const struct insn *in)
{
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_MM)
            return true;
    return in->op == OP_EMMS;
}

/* The last MMX instruction of the run that begins with the current one. */
static unsigned last_of_run(const struct emit *e)
{
    const struct translation *tr = e->tr;
    unsigned last = e->index;
    for (unsigned i = last + 1; i < tr->n && i < e->index + RUN_MAX; i++) {
        const struct insn *in = tr->insn[i].in;
        if (a64_is_leader(e, i) || tr->insn[i - 1].in->next != in->eip || (in->flags & INSN_END) ||
            in->op == OP_EMMS || (decode_op_class(in->op) == CLASS_X87 && in->op != OP_FNSTCW))
            break;
        if (x87_is_mmx(in))
            last = i;
    }
    return last;
}

void simd_mmx_begin(struct emit *e)
{
    if (e->x87.mmx)
        return;
    a64_x87_settle(e, e->index - 1);
    uint8_t *at = e->p;
    a64_must(a64_tbz(e, P, A64_X87_MMX_BIT, 0));
    x87_cold(e, at, COLD_MMX);
    a64_memo_forget(e); /* what makes them live comes back here */
    e->x87.mmx = true;
    e->x87.last = (uint16_t)last_of_run(e);
}

void simd_mmx_end(struct emit *e)
{
    e->x87.begun = true;
}

unsigned simd_mmx_read(unsigned r) { return A64_MM0 + r; }

unsigned simd_mmx_write(struct emit *e, unsigned r)
{
    e->x87.written |= (uint8_t)(1u << r);
    return A64_MM0 + r;
}

void x87_mmx_note(struct emit *e)
{
    unsigned rest = e->x87.written;
    if (!rest && e->x87.begun)
        a64_must(a64_orr_imm(e, A64_X, LOST, LOST, UINT64_C(1) << A64_X87_BEGUN_BIT));
    while (rest) { /* one row of ones each */
        unsigned low = rest & -rest, row = rest & ~(rest + low);
        a64_must(a64_orr_imm(e, A64_X, LOST, LOST, row));
        rest &= ~row;
    }
}

static void pending_exception(struct emit *e, uint8_t **at)
{
    a64_cpu_load(e, A64_LDRH, A64_TMP0, FPU(sw));
    *at = e->p;
    a64_must(a64_tbnz(e, A64_TMP0, 7, 0));
}

void simd_mmx_empty(struct emit *e)
{
    uint8_t *at;
    a64_x87_settle(e, e->index - 1);
    a64_call(e, a64_x87_leave);
    pending_exception(e, &at);
    a64_slow(e, at);
    a64_movw(e, A64_MOVZ, A64_W, A64_TMP0, 0xff00, 0);
    _Static_assert(offsetof(struct x87, empty) == offsetof(struct x87, top) + 1, "stored together");
    a64_cpu_store(e, A64_STRH, A64_TMP0, FPU(top));
}

void x87_mmx_cold(struct emit *e, const struct x87_cold *c)
{
    uint8_t *pending;
    a64_call(e, a64_x87_leave);
    pending_exception(e, &pending);
    a64_call(e, a64_x87_mmx_load);
    a64_must(a64_b(e, (int64_t)c->back - emit_off(e)));
    a64_must(a64_here(e, pending));
    a64_interpret_run(e, c->index, c->index, c->index, c->form, c->back); /* raises #MF */
}
