/* AVX on this host: by the interpreter, so programs are not asked to use it. */
#include "translate/translate.h"

bool translate_avx(void) { return false; }
