break main
continue
handle SIGALRM nostop noprint pass
handle SIGUSR2 nostop print pass
break handler
continue
print $_siginfo.si_signo
print $_siginfo._sifields._kill.si_uid == $_siginfo._sifields._kill.si_uid
continue
print sig
bt 2
finish
continue
signal 0
continue
continue
continue
continue
print seen[10]
print seen[12]
print seen[14]
print $_siginfo.si_signo
print $_siginfo.si_code
print $_siginfo._sifields._sigfault.si_addr
bt
x/i $pc
set var $_siginfo._sifields._sigfault.si_addr = 0x1234
print $_siginfo._sifields._sigfault.si_addr
print value
set var $eax = &value
queue-signal 0
stepi
continue
print $_siginfo.si_code
x/i $pc-1
signal 0
print $_siginfo.si_signo
continue
signal 0
delete
continue
signal SIGUSR2
print $_siginfo._sifields._sigfault.si_addr
print seen[12]
continue
