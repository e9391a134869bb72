/* What a call said, and the bytes it wrote. */
#ifndef XRUN_TESTS_ABI_SAY_H
#define XRUN_TESTS_ABI_SAY_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void say(const char *what, long r, const void *p, size_t n)
{
    printf("%s: %s", what, r < 0 ? strerrorname_np(errno) : "ok");
    for (size_t i = 0; i < n; i++)
        printf(" %02x", ((const unsigned char *)p)[i]);
    printf("\n");
}

#endif
