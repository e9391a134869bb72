/* AArch64 host: no i386 program runs natively. */
#include "runtime/native.h"

bool host_native_possible(void)
{
    return false;
}

bool host_native_get(int pid, struct cpu *cpu)
{
    (void)pid, (void)cpu;
    return false;
}

bool host_native_get_fp(int pid, struct cpu *cpu)
{
    (void)pid, (void)cpu;
    return false;
}

bool host_native_set(int pid, const struct cpu *cpu)
{
    (void)pid, (void)cpu;
    return false;
}
