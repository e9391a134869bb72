# attaches
break step
continue
kill
info threads
