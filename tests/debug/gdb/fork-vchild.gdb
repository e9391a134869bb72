break in_parent
continue
set follow-fork-mode child
break executed
continue
print value
next
print value
continue
