set print thread-events off
break all_there
continue
print $_inferior_thread_count
python print(sorted(t.num for t in gdb.selected_inferior().threads()))
break reached
continue
print $_thread
print i
up
print i
print counts[1]
print mine
python print(len(gdb.selected_inferior().threads()))
python gdb.execute('thread 1', to_string=True)
python print(any(gdb.execute('thread apply all bt', to_string=True).count('pthread_barrier_wait') >= 1 for i in [0]))
thread 3
frame 0
set scheduler-locking on
next
next
set scheduler-locking off
print counts[1]
print mine
break 44
python gdb.execute('thread 1', to_string=True)
continue
python print(len(gdb.selected_inferior().threads()) <= 4)
delete
continue
