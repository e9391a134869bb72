#!/bin/sh
# git: init, commits, branch, merge, gc, clone, log.
cd /tmp && rm -rf xgit xclone && mkdir xgit && cd xgit || exit 1
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' \
    GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b GIT_CONFIG_NOSYSTEM=1
git init -q -b main .
for i in 1 2 3 4 5 6; do
    seq 1 $((i * 50)) >f$i; git add f$i; git commit -qm "commit $i"
done
git checkout -q -b side; echo side >>f1; git commit -qam side; git checkout -q main
echo main >>f2; git commit -qam main; git merge -q -m merge side
git gc -q; git fsck --full 2>&1 | grep -v dangling
git log --oneline --graph | cat
cd .. && git clone -q xgit xclone && cd xclone && git rev-parse HEAD && git diff HEAD~3 --stat | cat && ls
cd / && rm -rf /tmp/xgit /tmp/xclone
