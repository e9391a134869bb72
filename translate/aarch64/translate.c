/* No translator for this host yet: everything is interpreted. */
#include "translate/translate.h"

bool translate_available(void) { return false; }
bool translate_handles(const struct insn *in, unsigned mode)
{
    (void)in, (void)mode;
    return false;
}
bool translate_region(struct translation *tr) { (void)tr; return false; }
void translate_reloc(uint8_t *at, unsigned kind, uint64_t value) { (void)at, (void)kind, (void)value; }
void translate_flush_icache(const uint8_t *from, const uint8_t *to) { (void)from, (void)to; }
size_t translate_reach(void) { return 0; }
unsigned translate_code_align(void) { return 4; }
void translate_patch(uint8_t *field, const uint8_t *target) { (void)field, (void)target; }
const struct insn *translate_enter(struct cpu *cpu, const struct insn *in)
{
    (void)cpu, (void)in;
    return NULL;
}
void translate_init_stack(struct cpu *cpu, uint8_t *top) { (void)cpu, (void)top; }
void translate_reset_stack(struct cpu *cpu) { (void)cpu; }
const uint8_t *translate_table_base(void) { return NULL; }
uintptr_t translate_near(void) { return 0; }
bool translate_in_stubs(uintptr_t pc) { (void)pc; return false; }
void translate_leave(void *ucontext) { (void)ucontext; }
void translate_save_gpr(struct cpu *cpu, const void *ucontext) { (void)cpu, (void)ucontext; }
void translate_single_step(void *ucontext, bool on) { (void)ucontext, (void)on; }
void translate_stack_overflow(void *ucontext) { (void)ucontext; }
unsigned translate_trapno(const void *ucontext) { (void)ucontext; return 0; }
void translate_adjust_esp(void *ucontext, int delta) { (void)ucontext, (void)delta; }
