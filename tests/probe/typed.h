/* Arguments by their types: see typed.c. */
#ifndef TYPED_H
#define TYPED_H
#include <stdint.h>

/* How many argument sets call `nr` has, `random` of them at random; 0: not described. */
unsigned typed_count(uint32_t nr, unsigned random);
void typed_arguments(uint32_t nr, unsigned i, uint32_t a[6]);
/* Makes files, descriptors and structures anew, in the current folder, for a call with these
 * arguments. */
void typed_world(const uint32_t a[6]);
void typed_empty(const char *path); /* everything in the folder */
/* Is what the call returns and writes the same each time? Is each to be made in a process of its own? */
int typed_exact(uint32_t nr);
int typed_alone(uint32_t nr);
/* What the call did to descriptors and files, as a sum. */
uint32_t typed_effects(void);
#endif
