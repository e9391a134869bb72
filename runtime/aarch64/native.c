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

bool host_native_restore(int pid, const struct cpu *cpu)
{
    return host_native_set(pid, cpu);
}

bool host_native_break(int pid, gaddr at)
{
    (void)pid, (void)at;
    return false;
}

void host_native_no_break(int pid)
{
    (void)pid;
}
