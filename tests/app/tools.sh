#!/bin/sh
# coreutils, findutils, tar, xz, openssl, make, busybox, vim, versions of the large ones.
cd /tmp && rm -rf xt && mkdir xt && cd xt || exit 1
seq 1 20000 >n; sha1sum n; md5sum n; wc n; sort -R --random-source=n n | sort -n | cmp - n && echo sorted
tar --mtime=@0 -cf a.tar n && xz -k -T1 a.tar && xz -dc a.tar.xz | cmp - a.tar && sha256sum <a.tar.xz
gzip -9nc n | sha256sum; gzip -9nc n | gunzip | cmp - n && echo gzip
for a in md5 sha256 sha512; do openssl dgst -$a n; done
openssl enc -aes-128-cbc -K 00112233445566778899aabbccddeeff -iv 00000000000000000000000000000000 -in n | sha256sum
openssl prime 1000003
printf 'all: a b\n\t@echo all\na:\n\t@echo $@\nb: a\n\t@echo $@ $<\n' >Makefile; make -j3 2>&1 | sort
busybox sh -c 'echo $((6*7)); ls / | busybox head -n 3 | busybox wc -l'; busybox sha256sum n
printf 'one\ntwo\n' >v; vim.tiny -es -c '%s/o/0/g' -c 'wq' v; cat v
find /usr/share -maxdepth 1 -type d | sort | head -5; du -s --apparent-size n | cut -f1; stat -c '%s %a %F' n
date -u -d @0 +%F; factor 1234567890123; expr 7 \* 6; printf '%.3f\n' 2.5; od -An -tx1 v; cut -c1-2 v | paste -s; join v v
for v in "gdb --version" "apt-get --version" "gcc --version" "git --version" "perl -v" "python3.11 --version"; do $v 2>&1 | sed -n 1,2p; done
cd / && rm -rf /tmp/xt
