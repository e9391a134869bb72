/* Stopping translated code between two instructions on hosts that cannot step: traps are put where the
 * code of an instruction begins, and where the code jumps to an address that only the run knows;
 * what leads elsewhere leads into the dispatcher meanwhile. The code is put back when the thread
 * that was to be stopped has stopped; others that run into a trap pass through the dispatcher.
 *
 * One lock guards all of it. It is taken by signal handlers only if they interrupted translated code, so
 * never by one that interrupted its holder. */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "core/log.h"
#include "runtime/code.h"
#include "runtime/runtime.h"
#include "runtime/unit.h"

static struct lock lock_;

static void lock(void) { lock_take(&lock_); }
static void unlock(void) { lock_release(&lock_); }

static void arm(struct unit *u)
{
    struct side s;
    u->saved = mmap(NULL, u->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (u->saved == MAP_FAILED)
        log_die(126, "no memory to stop translated code");
    for (unsigned i = 0; i < u->exits; i++)
        if (u->exit[i].stub != COPY)
            translate_patch(u->code + u->exit[i].field, u->code + u->exit[i].stub);
    memcpy(u->saved, u->code, u->size);
    for (uint32_t at = 0; at < u->cold; at += translate_code_align())
        if (translate_is_indirect(u->saved + at))
            translate_put_trap(u->code + at);
    for (side_begin(u, &s); side_next(u, &s);)
        if (!s.adjust)
            translate_put_trap(u->code + s.from);
    translate_flush_icache(u->code, u->code + u->size);
}

static void disarm(struct unit *u)
{
    memcpy(u->code, u->saved, u->cold);
    munmap(u->saved, u->size);
    u->saved = NULL;
    u->relink = true;
    translate_flush_icache(u->code, u->code + u->size);
}

void trap_set(struct thread *t, struct unit *u)
{
    lock();
    if (!rt(t)->trapped) {
        if (!u->armed++)
            arm(u);
        rt(t)->trapped = u;
    }
    unlock();
}

void trap_clear(struct thread *t)
{
    lock();
    struct unit *u = rt(t)->trapped;
    if (u && !--u->armed)
        disarm(u);
    rt(t)->trapped = NULL;
    unlock();
}

void trap_fork_prepare(void)
{
    lock();
}

void trap_fork_done(void)
{
    unlock();
}

void trap_patch(struct unit *u, uint8_t *field, const uint8_t *target)
{
    lock();
    if (!u->armed) /* else it leads to its stub until it is linked anew */
        translate_patch(field, target);
    unlock();
}
