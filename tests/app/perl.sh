#!/bin/sh
# perl: formats, sorting, regular expressions, pack, sprintf, fork, local files.
perl -e '
use strict; use warnings;
my %count; $count{length $_}++ for map { "x" x ($_ % 17) } 1..5000;
print join(" ", map { "$_=$count{$_}" } sort { $a <=> $b } keys %count), "\n";
my $t = join(",", 1..2000); my $n = () = $t =~ /(\d)\1/g; print "doubles $n\n";
printf "%.15g %e %g %x %o %b\n", 1/3, 1e100, 1e-5, 255, 8, 5;
print unpack("H*", pack("NvCw d f", 1, 2, 3, 300, 1.5, 2.25)), "\n";
my @s = sort { $a cmp $b } map { chr(97 + ($_ * 7) % 26) . $_ } 1..300; print "@s[0..5] $s[-1]\n";
my $pid = fork; if (!$pid) { exit 3 } waitpid $pid, 0; print "child ", $? >> 8, "\n";
my ($a, $b) = (0, 1); ($a, $b) = ($b, $a + $b) for 1..70; print "fib $a\n";
print eval { die { code => 5 } } // "caught $@->{code}\n";
local $_ = "The quick brown fox"; tr/a-z/b-za/; print "$_\n"; print scalar reverse("abc"), "\n";
use POSIX; print POSIX::floor(-1.5), " ", POSIX::fmod(7, 3), " ", strftime("%Y-%m-%d", gmtime 0), "\n";
my $x = 0; $x = ($x * 1103515245 + 12345) % 2147483648 for 1..20000; print "lcg $x\n";
print sin(1) ** 2 + cos(1) ** 2, " ", atan2(1, 1) * 4, " ", exp(1), " ", log(10), " ", sqrt(2), "\n";'
