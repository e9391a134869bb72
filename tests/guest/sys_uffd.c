/* userfaultfd: missing and write-protected pages that another thread of the program fills in. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGES = 8, USER_ONLY = 1 };
static int fd;
static char *area, *source;

static const char *call(int r) { return r < 0 ? strerrorname_np(errno) : "0"; }
static long page_of(unsigned long long a) { return (long)((a - (unsigned long)area) / 4096); }

/* The other thread goes on at once: nothing is printed if all is well. */
static void check(int r, long long done)
{
    if (r || done != 4096)
        printf("%s %lld\n", call(r), done);
}

/* Answers faults: page 0 by zeros, page 7 ends it, others get a copy that says which they are. */
static void *filler(void *arg)
{
    struct uffd_msg m;
    long page;
    do {
        struct pollfd p = {fd, POLLIN};
        poll(&p, 1, -1);
        if (read(fd, &m, sizeof m) != sizeof m)
            continue;
        page = page_of(m.arg.pagefault.address);
        printf("fault %d page %ld flags %llx\n", m.event, page, m.arg.pagefault.flags);
        if (m.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP) {
            struct uffdio_writeprotect w = {{(unsigned long)area + page * 4096, 4096}, 0};
            check(ioctl(fd, UFFDIO_WRITEPROTECT, &w), 4096);
        } else if (page == 0) {
            struct uffdio_zeropage z = {{(unsigned long)area, 4096}, 0};
            int r = ioctl(fd, UFFDIO_ZEROPAGE, &z);
            check(r, z.zeropage);
        } else {
            memset(source, 'a' + page, 4096);
            struct uffdio_copy c = {(unsigned long)area + page * 4096, (unsigned long)source, 4096, 0};
            int r = ioctl(fd, UFFDIO_COPY, &c);
            check(r, c.copy);
        }
    } while (page != 7);
    return NULL;
}

int main(void)
{
    pthread_t t;
    setbuf(stdout, NULL);
    printf("flags %d\n", (int)syscall(SYS_userfaultfd, 0x40000000));
    fd = syscall(SYS_userfaultfd, O_CLOEXEC | USER_ONLY);
    area = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    source = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register r = {{(unsigned long)area, PAGES * 4096}, UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP};
    printf("before the handshake %s\n", call(ioctl(fd, UFFDIO_REGISTER, &r)));
    struct uffdio_api api = {UFFD_API + 1, 0};
    printf("wrong api %s\n", call(ioctl(fd, UFFDIO_API, &api)));
    api = (struct uffdio_api){UFFD_API, UFFD_FEATURE_PAGEFAULT_FLAG_WP};
    printf("api %s %llx\n", call(ioctl(fd, UFFDIO_API, &api)), api.ioctls & 1);
    api.features = 0; /* it has become all there are, and some are not for every user */
    printf("again %s\n", call(ioctl(fd, UFFDIO_API, &api)));
    printf("register %s", call(ioctl(fd, UFFDIO_REGISTER, &r)));
    printf(" ioctls %llx\n", r.ioctls & 0x5c);
    r.range.len = 100;
    printf("odd length %s\n", call(ioctl(fd, UFFDIO_REGISTER, &r)));
    struct uffdio_copy c = {(unsigned long)source, (unsigned long)source, 4096, 0};
    printf("copy elsewhere %s\n", call(ioctl(fd, UFFDIO_COPY, &c)));
    pthread_create(&t, NULL, filler, NULL);
    printf("read %d\n", ((volatile char *)area)[100]);
    printf("read %c\n", ((volatile char *)area)[4096 + 7]);
    ((volatile char *)area)[3 * 4096] = 'X';
    printf("written %.3s\n", area + 3 * 4096);
    struct uffdio_writeprotect w = {{(unsigned long)area + 3 * 4096, 4096}, UFFDIO_WRITEPROTECT_MODE_WP};
    printf("protect %s\n", call(ioctl(fd, UFFDIO_WRITEPROTECT, &w)));
    printf("read %c\n", ((volatile char *)area)[3 * 4096]);
    ((volatile char *)area)[3 * 4096 + 1] = 'Y';
    printf("written %.3s\n", area + 3 * 4096);
    __asm__ volatile("rep movsb" ::"D"(area + 5 * 4096 - 8), "S"("across two pages"), "c"(16) : "memory");
    printf("string %.16s\n", area + 5 * 4096 - 8);
    c = (struct uffdio_copy){(unsigned long)area + 4096, (unsigned long)source, 4096, 0};
    printf("copy to what is there %s", call(ioctl(fd, UFFDIO_COPY, &c)));
    printf(" %lld\n", c.copy);
    madvise(area + 4096, 4096, MADV_DONTNEED);
    printf("gone and back %c\n", ((volatile char *)area)[4096 + 9]);
    printf("read %c\n", ((volatile char *)area)[7 * 4096]);
    pthread_join(t, NULL);
    struct uffdio_range u = {(unsigned long)area, PAGES * 4096};
    printf("unregister %s\n", call(ioctl(fd, UFFDIO_UNREGISTER, &u)));
    printf("zeros %d\n", ((volatile char *)area)[6 * 4096]);
    return 0;
}
