#!/bin/bash
# xrun registered with binfmt_misc, in a user namespace of its own: programs, argv[0], children, scripts,
# descriptors, programs that cannot be read.   usage: binfmt.sh WORK XRUN
set -u
mkdir -p "$1" && work=$(cd "$1" && pwd)
xrun=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
cc=${GUEST_CC:-i686-linux-gnu-gcc}
if ! unshare -Urm mount -t binfmt_misc none /proc/sys/fs/binfmt_misc 2>/dev/null; then
    echo "binfmt: this kernel has no binfmt_misc in user namespaces"
    echo "binfmt: 0 passed, 0 failed, 1 skipped"
    exit 0
fi
cat >"$work/prog.c" <<'END'
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    char link[256] = "", maps[65536] = "";
    int fds = 0, fd = open("/proc/self/exe", O_RDONLY);
    close(fd);
    for (int i = 3; i < 1200; i++)
        fds += fcntl(i, F_GETFD) >= 0;
    readlink("/proc/self/exe", link, sizeof link - 1);
    printf("argc %d argv0 %s execfn %s exe %s fds %d execfd %ld flags %ld\n", argc, argv[0],
           strrchr((char *)getauxval(AT_EXECFN), '/') ? strrchr((char *)getauxval(AT_EXECFN), '/') + 1 : (char *)getauxval(AT_EXECFN),
           strrchr(link, '/') ? strrchr(link, '/') + 1 : link, fds, getauxval(AT_EXECFD), getauxval(AT_FLAGS));
    fflush(stdout);
    if (argc > 1 && !strcmp(argv[1], "exec")) {
        char *v[] = {"shown", "b c", NULL};
        if (!fork())
            execv("./script", v);
        wait(NULL);
        execv("./prog", v);
    }
}
END
$cc -static -O1 -w -o "$work/prog" "$work/prog.c"
printf '#!%s/prog option text\n' "$work" >"$work/script"
cp "$work/prog" "$work/secret"
chmod 755 "$work/script"
chmod 111 "$work/secret"
cat >"$work/inside" <<END
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
cd "$work"
"$xrun" --binfmt=register --force && echo registered
"$xrun" --binfmt=status | sed -n 's/^interpreter .*/interpreter/p; s/^flags: /flags /p; /^enabled/p'
"$xrun" --binfmt register --force 2>/dev/null || echo "not twice"
XRUN_COUNT=1 ./prog 2>count; grep -c instructions count
bash -c 'exec -a another ./prog 1 "2 3"'
./prog exec
./script x
setpriv --bounding-set=-all --inh-caps=-all ./secret 2>/dev/null || ./secret
"$xrun" --binfmt unregister && echo unregistered
"$xrun" --binfmt status | head -n 1
END
for fd in /proc/$BASHPID/fd/*; do # what whoever started the tests left open
    fd=${fd##*/}
    ((fd > 2 && fd < 255)) && eval "exec $fd>&-"
done
unshare -Urm bash "$work/inside" >"$work/out" 2>&1
cat >"$work/expected" <<END
registered
enabled
interpreter
flags POF
not twice
argc 1 argv0 ./prog execfn prog exe prog fds 0 execfd 0 flags 0
1
argc 3 argv0 another execfn prog exe prog fds 0 execfd 0 flags 0
argc 2 argv0 ./prog execfn prog exe prog fds 0 execfd 0 flags 0
argc 4 argv0 $work/prog execfn script exe prog fds 0 execfd 0 flags 0
argc 2 argv0 shown execfn prog exe prog fds 0 execfd 0 flags 0
argc 4 argv0 $work/prog execfn script exe prog fds 0 execfd 0 flags 0
argc 1 argv0 ./secret execfn secret exe secret fds 0 execfd 0 flags 0
unregistered
not registered
END
if diff "$work/expected" "$work/out"; then
    echo "binfmt: 1 passed, 0 failed, 0 skipped"
else
    echo "binfmt: 0 passed, 1 failed, 0 skipped"
    exit 1
fi
