# attaches
info threads
break step if by == 2
continue
bt
set var count = 100
finish
p count
watch count
continue
continue
info registers eflags
delete
hbreak work
p $_siginfo.si_signo
set var go = 0
detach
info threads
