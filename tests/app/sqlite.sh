#!/bin/sh
# sqlite3 with 100,000 rows: insert, index, aggregate, update, integrity check.
rm -f /tmp/x.db
sqlite3 /tmp/x.db <<'EOF'
PRAGMA journal_mode=WAL;
CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, b REAL, c TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<100000)
INSERT INTO t SELECT i, (i*7919)%1000, i/3.0, printf('%05d-%x', i, i*31) FROM n;
CREATE INDEX ta ON t(a);
SELECT count(*), sum(a), round(avg(b),6), max(c) FROM t;
SELECT a, count(*) FROM t WHERE a BETWEEN 10 AND 15 GROUP BY a;
UPDATE t SET b=b*2 WHERE a=77; DELETE FROM t WHERE id%10=0;
SELECT count(*), total(b) FROM t; PRAGMA integrity_check;
EOF
rm -f /tmp/x.db*
