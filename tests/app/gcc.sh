#!/bin/sh
# gcc -O2 of a generated program: assembly, then assemble, link and run it.
cd /tmp && mkdir -p xg && cd xg || exit 1
cat >t.c <<'EOF'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
struct node { int key; struct node *l, *r; double w; };
static struct node *insert(struct node *n, int k)
{
    if (!n) { n = calloc(1, sizeof *n); n->key = k; n->w = sqrt(k); return n; }
    if (k < n->key) n->l = insert(n->l, k); else n->r = insert(n->r, k);
    return n;
}
static double walk(const struct node *n) { return n ? walk(n->l) + n->w * n->key + walk(n->r) : 0; }
static unsigned long long mix(unsigned long long x) { x ^= x >> 33; x *= 0xff51afd7ed558ccdull; return x ^ x >> 29; }
int main(void)
{
    struct node *root = NULL; unsigned s = 1; char buf[64]; float f[16]; 
    for (int i = 0; i < 2000; i++) { s = s * 1103515245u + 12345u; root = insert(root, s >> 16 & 0x7fff); }
    for (int i = 0; i < 16; i++) f[i] = (float)(i * 0.37f);
    float acc = 0; for (int i = 0; i < 16; i++) acc += f[i] * f[15 - i];
    snprintf(buf, sizeof buf, "%.6f %llx %.4f", walk(root), mix(s), (double)acc); puts(buf); return (int)strlen(buf);
}
EOF
for o in -O0 -O2 -O3 "-O2 -msse2 -mfpmath=sse" "-Os -g"; do
    gcc $o -S -o t.s t.c && sha256sum <t.s
done
gcc -O2 -o t t.c -lm && ./t; echo "exit $?"
sha256sum <t
cd / && rm -rf /tmp/xg
