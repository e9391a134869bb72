break show
continue
signal SIGUSR1
signal 0
signal 0
continue
signal SIG41
