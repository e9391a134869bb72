break main
continue
info breakpoints
print argc
print argv[1]
print points
next
step
step
bt
info args
finish
break add if b == 4
continue
print counter
print $eip == &add + ($eip - (char *)&add)
print/x $cs
print $eflags
up
info locals
delete 2
watch counter
continue
continue
delete 3
rwatch points[1].w
continue
delete 4
tbreak depth if n == 1
continue
bt
print depth(3)
print half(7)
finish
watch to[3]
continue
print to
delete
break sse
continue
stepi
stepi
stepi
x/i $pc
nexti
print $xmm5.v4_float
set var $xmm5.v4_float[1] = 7.5
print $xmm5.v4_float
print $mxcsr
break x87
continue
stepi
info float
stepi
stepi
print $st0
print $st1
print $ftag
print $fop
set var $st1 = 2.5
print $st1
set var $fctrl = 0x27f
print/x $fctrl
delete
awatch changes
continue
continue
continue
delete
print &points[1].x == &points[0].x + 5
set var changes = 77
print $_siginfo.si_signo
print $_siginfo.si_code
info signals SIGINT
x/8xb from
x/s to
set var to[0] = 'T'
call (void)x87()
print $orig_eax
hbreak printf
continue
print $pc == printf
continue
