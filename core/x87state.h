/* Memory images of the x87/SSE state (SDM vol. 1 8.1.10, 10.5): pure conversions. */
#ifndef XRUN_CORE_X87STATE_H
#define XRUN_CORE_X87STATE_H

#include "core/cpu.h"

/* FSTENV/FSAVE image: 28 or 14 bytes of environment (size 4 or 2), then 80 of registers. */
void x87_save_env(const struct cpu *c, uint8_t *p, int size);
void x87_load_env(struct cpu *c, const uint8_t *p, int size);
void x87_save_fsave(const struct cpu *c, uint8_t *p, int size);
void x87_load_fsave(struct cpu *c, const uint8_t *p, int size);
/* FXSAVE image, 512 bytes. Bytes 464-511 are not touched. */
void x87_save_fxsave(const struct cpu *c, uint8_t p[512]);
void x87_load_fxsave(struct cpu *c, const uint8_t p[512]);
/* Of it the bytes of the x87 unit (0-23, 32-159), and those of MXCSR (24-31). */
void x87_save_fx(const struct cpu *c, uint8_t p[160]);
void x87_load_fx(struct cpu *c, const uint8_t p[160]);
void x87_save_mxcsr(const struct cpu *c, uint8_t p[32]);
/* The full 16-bit tag word (2 bits a physical register). */
uint16_t x87_tag_word(const struct x87 *f);
/* Recomputes ES and B of the status word. */
static inline void x87_update_es(struct x87 *f)
{
    bool es = f->sw & ~f->cw & 0x3f;
    f->sw = (uint16_t)((f->sw & 0x7f7f) | (es ? 0x8080 : 0));
}

#endif
