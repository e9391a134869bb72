# first: set non-stop on
break here
continue
info threads
set $before = count
shell sleep 0.3
p count > $before
thread 3
interrupt
thread 1
continue
thread 3
p $_thread
bt -1
thread 1
info threads
set $before = count
shell sleep 0.3
p count > $before
tbreak counts
kill
info threads
