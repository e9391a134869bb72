/* Places in stubs.S that translated code branches to; arguments as described there. */
#ifndef XRUN_TRANSLATE_AARCH64_STUBS_H
#define XRUN_TRANSLATE_AARCH64_STUBS_H

extern const char a64_stubs_start[], a64_stubs_end[];
/* The guest's registers are being loaded: everything is still in the cpu, x16 is where it goes on. */
extern const char a64_load_start[], a64_load_end[];
/* The section of routines that translated code calls by BL, which work on its registers. */
extern const char __start_a64_leaf[], __stop_a64_leaf[];

extern const char a64_exit_direct[];   /* x16: struct code_exit */
extern const char a64_exit_insn[];     /* x16: struct insn to go on with in the interpreter */
extern const char a64_look_up[];       /* w16: guest address that the table lacks */
extern const char a64_return_miss[];   /* w16: guest address that is not the mirrored one */
extern const char a64_return_miss_end[];
extern const char a64_interp[];        /* BL; x16: struct insn, to be executed alone */
extern const char a64_leave[];         /* the state is complete, cpu->eip and exit are set */

extern const char a64_new_mxcsr[];     /* BL; cpu->mxcsr was changed, nothing is unmasked by it; clobbers x0-x3 */

/* strings_leaf.S */
extern const char a64_string_lengths[], a64_string_any[], a64_string_ranges[], a64_string_each[],
    a64_string_ordered[];

/* rep.S: of elements of 1, 2, 4 bytes */
extern const char a64_rep_movs1[], a64_rep_movs2[], a64_rep_movs4[];
extern const char a64_rep_stos1[], a64_rep_stos2[], a64_rep_stos4[];
extern const char a64_repe_cmps1[], a64_repe_cmps2[], a64_repe_cmps4[];
extern const char a64_repne_cmps1[], a64_repne_cmps2[], a64_repne_cmps4[];
extern const char a64_repe_scas1[], a64_repe_scas2[], a64_repe_scas4[];
extern const char a64_repne_scas1[], a64_repne_scas2[], a64_repne_scas4[];

#endif
