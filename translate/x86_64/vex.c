/* VEX instructions -> the same, encoded anew. */
#include "translate/translate.h"

bool translate_avx(void) { return false; }
