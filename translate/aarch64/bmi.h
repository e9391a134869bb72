/* bmi_leaf.S: w0 = source, w1 = mask; w2 = result. Clobber x0-x4. */
#ifndef XRUN_TRANSLATE_AARCH64_BMI_H
#define XRUN_TRANSLATE_AARCH64_BMI_H

extern const char a64_pdep[], a64_pext[];

#endif
