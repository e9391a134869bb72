break in_child
break in_parent
break executed
catch fork
catch vfork
catch exec
continue
bt 1
continue
print value
continue
continue
print status
delete 4 5
continue
bt 1
continue
