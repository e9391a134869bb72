set detach-on-fork off
catch fork
break in_child
break in_parent
continue
next
inferior 2
continue
next
print value
continue
inferior 1
continue
print value
kill
