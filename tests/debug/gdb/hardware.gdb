break main
continue
hbreak target
continue
bt
finish
watch a
rwatch array[2]
awatch array[1]
info breakpoints
continue
continue
continue
continue
stepi
continue
delete 2
watch a if a > 2
condition 3 a == 4
continue
continue
delete
continue
