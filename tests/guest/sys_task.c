/* /proc of one's threads, system calls that are being made, /proc/cpuinfo beside CPUID. */
#include <cpuid.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char text[1 << 16];
static volatile int tid, leave;
static int gate[2];

static char *slurp(const char *path, ...)
{
    char name[64];
    va_list ap;
    va_start(ap, path);
    vsnprintf(name, sizeof name, path, ap);
    va_end(ap);
    int fd = open(name, O_RDONLY), n = 0, r;
    while (fd >= 0 && (r = read(fd, text + n, sizeof text - 1 - n)) > 0)
        n += r;
    text[n] = 0;
    close(fd);
    return text;
}

static char *field(char *s, int n) /* of a stat line */
{
    static char out[64];
    s = strrchr(s, ')');
    for (int i = 2; i < n; i++)
        s = strchr(s + 1, ' ');
    sscanf(s, "%63s", out);
    return out;
}

static void *sleeper(void *arg)
{
    char c;
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGHUP);
    sigaddset(&s, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &s, NULL);
    pthread_setname_np(pthread_self(), "sleeper");
    tid = gettid();
    read(gate[0], &c, 1);
    return NULL;
}

static void show_status(const char *who)
{
    char name[32] = "", mask[32] = "";
    sscanf(strstr(text, "Name:"), "Name: %31s", name);
    sscanf(strstr(text, "SigBlk:"), "SigBlk: %31s", mask);
    int pid = atoi(strstr(text, "\nPid:") + 5);
    printf("%s: %s %s %s\n", who, name, mask, pid == tid ? "thread" : pid == getpid() ? "process" : "other");
}

static void show_stat(const char *who)
{
    int pid = atoi(text);
    printf("%s: %s %s\n", who, pid == tid ? "thread" : pid == getpid() ? "process" : "other", field(text, 32));
}

static void tasks(void)
{
    pthread_t t;
    pipe(gate);
    pthread_create(&t, NULL, sleeper, NULL);
    do
        usleep(1000);
    while (!tid || *field(slurp("/proc/self/task/%d/stat", tid), 3) != 'S');
    show_stat("stat of a task");
    slurp("/proc/self/stat");
    show_stat("stat");
    slurp("/proc/self/task/%d/status", tid);
    show_status("status of a task");
    slurp("/proc/self/task/%d/status", getpid());
    show_status("status of the first");
    slurp("/proc/self/status");
    show_status("status");
    slurp("/proc/thread-self/status");
    show_status("status of this thread");
    unsigned nr = 0, fd = 0, buf = 0, n = 0;
    while (sscanf(slurp("/proc/self/task/%d/syscall", tid), "%u %x %x %x", &nr, &fd, &buf, &n) != 4)
        usleep(1000);
    printf("system call of a task: %u %d %d %u\n", nr, fd == (unsigned)gate[0], buf != 0, n);
    printf("no task: %d\n", open("/proc/self/task/1/stat", O_RDONLY));
    write(gate[1], "", 1);
    pthread_join(t, NULL);
}

static void own_call(void)
{
    char expected[80];
    int f = open("/proc/self/syscall", O_RDONLY);
    memset(text, 0, sizeof text);
    long n;
    __asm__ volatile("push %%ebp; mov $0, %%ebp; int $0x80; pop %%ebp"
                     : "=a"(n)
                     : "a"(SYS_read), "b"(f), "c"(text), "d"(200), "S"(0), "D"(0)
                     : "memory");
    snprintf(expected, sizeof expected, "3 %#x %#lx 0xc8 0x0 0x0 0x0 ", f, (unsigned long)text);
    unsigned sp = 0, pc = 0;
    sscanf(text + strlen(expected), "%x %x", &sp, &pc);
    printf("own system call %d, esp %d, eip %d\n", !strncmp(text, expected, strlen(expected)),
           (unsigned)&f - sp < 4096, *(unsigned short *)(pc - 2) == 0x80cd);
}

static void cpuinfo(void)
{
    unsigned a, b, c, d, n = 0;
    char vendor[13] = "", told[16] = "", flags[4096] = " ";
    __cpuid(0, a, b, c, d);
    memcpy(vendor, &b, 4), memcpy(vendor + 4, &d, 4), memcpy(vendor + 8, &c, 4);
    slurp("/proc/cpuinfo");
    for (char *s = text; (s = strstr(s, "processor\t: ")); s++)
        n++;
    sscanf(strstr(text, "vendor_id"), "vendor_id : %15s", told);
    char *s = strstr(text, "flags\t\t:") + 8;
    sprintf(flags, "%.*s ", (int)strcspn(s, "\n"), s);
    printf("processors %d vendor %d\n", n == sysconf(_SC_NPROCESSORS_ONLN), !strcmp(vendor, told));
    static const struct { const char *name; int leaf, bit; } bits[] = {
        {"fpu", 3, 0}, {"tsc", 3, 4}, {"cx8", 3, 8}, {"cmov", 3, 15}, {"mmx", 3, 23}, {"fxsr", 3, 24},
        {"sse", 3, 25}, {"sse2", 3, 26}, {"pni", 2, 0}, {"ssse3", 2, 9}, {"sse4_1", 2, 19}, {"sse4_2", 2, 20},
        {"popcnt", 2, 23}, {"avx", 2, 28}, {"fma", 2, 12}, {"aes", 2, 25},
    };
    __cpuid(1, a, b, c, d);
    int wrong = 0;
    for (unsigned i = 0; i < sizeof bits / sizeof *bits; i++) {
        char word[16];
        sprintf(word, " %s ", bits[i].name);
        if (!strstr(flags, word) != !((bits[i].leaf == 3 ? d : c) >> bits[i].bit & 1))
            printf("flag %s\n", bits[i].name), wrong++;
    }
    printf("flags wrong: %d\n", wrong);
}

int main(void)
{
    tasks();
    own_call();
    cpuinfo();
    return 0;
}
