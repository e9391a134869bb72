set follow-fork-mode child
break in_child
continue
print value
next
print value
continue
