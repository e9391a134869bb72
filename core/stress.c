/* See stress.h. */
#include "core/stress.h"

#include <string.h>

uint32_t stress;

bool stress_parse(const char *list, const char **bad)
{
    static const struct { const char *name; enum stress mode; } modes[] = {
        {"y2038", STRESS_Y2038}, {"ino64", STRESS_INO64}, {"off64", STRESS_OFF64}, {"highaddr", STRESS_HIGHADDR}};
    for (const char *p = list; *p; p += strspn(p, ",")) {
        size_t n = strcspn(p, ","), i = 0;
        while (i < ARRAY_SIZE(modes) && (strlen(modes[i].name) != n || strncmp(modes[i].name, p, n)))
            i++;
        *bad = p;
        if (i == ARRAY_SIZE(modes))
            return false;
        stress |= modes[i].mode;
        p += n;
    }
    return true;
}
