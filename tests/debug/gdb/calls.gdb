break main
continue
catch syscall close
continue
print $orig_eax
continue
print $eax
delete 2
catch syscall getppid
continue
stepi
bt 1
delete
break 14
continue
catch syscall
continue
print $orig_eax
print $ebx
delete
continue
