/* --abi-check: what an i386 program needs that is not there, found without running it. Searches as
 * ld.so(8) does, below the sysroot first. */
#ifndef XRUN_ELFLOAD_CHECK_H
#define XRUN_ELFLOAD_CHECK_H

#include "core/types.h"

/* Says one thing about the program: kind is a word ("library", "version"...), `missing` what it
 * lacks. */
typedef void (*check_say)(void *arg, const char *kind, bool missing, const char *text);

/* Looks at guest path `path`, its interpreter, libraries, symbol versions, symbols and instructions.
 * Returns how much is missing; 0: it should run. */
unsigned elfcheck_program(const char *path, check_say say, void *arg);

/* The Debian package that has a library or the interpreter; NULL if unknown. */
const char *elfcheck_package(const char *soname);

#endif
