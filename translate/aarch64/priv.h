/* What translate.c and host.c share. */
#ifndef XRUN_TRANSLATE_AARCH64_PRIV_H
#define XRUN_TRANSLATE_AARCH64_PRIV_H

enum a64_reloc { A64_RELOC_BRANCH /* B or BL */, A64_RELOC_ADDRESS /* 8 bytes */ };

#endif
