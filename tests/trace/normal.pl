#!/usr/bin/perl
# strace output with what differs from run to run taken out: process ids become P1, P2... in order of
# appearance, interrupted lines are joined, lines are sorted by process.
use strict;
use warnings;
my (%lines, %part, %name, @order);
while (<>) {
    chomp;
    next unless /^(\d+) +(.*)/;
    my ($pid, $text) = ($1, $2);
    push @order, $pid unless $lines{$pid};
    $lines{$pid} //= [];
    next if $text =~ /^\[ Process PID/;
    if ($text =~ /^(.*) <unfinished \.\.\.>$/) { $part{$pid} = $1; next }
    if ($text =~ /^<\.\.\. \S+ resumed>(.*)/ && defined $part{$pid}) { $text = delete($part{$pid}) . $1 }
    push @{$lines{$pid}}, $text;
}
$name{$order[$_]} = 'P' . ($_ + 1) for 0 .. $#order;
for my $pid (@order) {
    for (@{$lines{$pid}}) {
        next if m{^rseq\(|^getrandom\(|^readlink\("/proc/self} || /_robust_list/; # newer C libraries make other calls
        for my $p (@order) { s/\b$p\b/$name{$p}/g }
        s/0x(?!4000)[0-9a-f]{6,16}/ADDRESS/g;
        s/\) +=/) =/;
        s/(getcwd.*=) \d+/$1 N/;
        s/(si_[us]time)=\d+/$1=N/g;
        s/\d+ vars/N vars/;
        s/(tv_u?n?sec|rlim_\w+)=[\d*]{3,}/$1=N/g;
        s/rlim_(\w+)=\w+(\*1024)?/rlim_$1=N/g;
        s/tv_sec=29/tv_sec=N/;
        s/20\d\d-[0-9T:+-]+/DATE/g;
        s/\b1[789]\d{8}\b/TIME/g;
        s/_uid=\d+/_uid=UID/g;
        s/\[UID\]/[UID]/g;
        s/nodename="[^"]*"/nodename="HOST"/;
        s/ru_(\w+)=\{[^}]*\}/ru_$1=T/g;
        s/st_mtime=\d+/st_mtime=N/;
        print "$name{$pid} $_\n";
    }
}
