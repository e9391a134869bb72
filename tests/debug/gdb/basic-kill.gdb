break add
continue
info breakpoints
kill
info threads
