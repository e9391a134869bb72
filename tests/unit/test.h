/* A unit test's few needs: CHECK counts and reports, DONE ends main with the tally. */
#ifndef XRUN_TESTS_UNIT_TEST_H
#define XRUN_TESTS_UNIT_TEST_H

#include <stdio.h>

static int passed, failed;

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (cond) {                                                                                \
            passed++;                                                                              \
        } else {                                                                                   \
            failed++;                                                                              \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #cond);                                      \
        }                                                                                          \
    } while (0)

#define FINISH()                                                                                   \
    do {                                                                                           \
        printf("%s: %d passed, %d failed, 0 skipped\n", __FILE__, passed, failed);                 \
        return failed != 0;                                                                        \
    } while (0)

#endif
