break in_child
break in_parent
continue
print status
detach
info inferiors
