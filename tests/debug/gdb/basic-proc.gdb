break main
continue
python print([l.split()[-1].split('/')[-1] for l in gdb.execute('info proc mappings', to_string=True).splitlines() if 'basic' in l and 'r-xp' in l])
python print(gdb.execute('info proc exe', to_string=True).splitlines()[-1])
python print(gdb.execute('info proc cmdline', to_string=True).splitlines()[-1])
python print(gdb.execute('info proc cwd', to_string=True).splitlines()[-1])
python print([l.split()[1] for l in gdb.execute('info auxv', to_string=True).splitlines() if 'PHNUM' in l or 'ENTRY' in l or 'PAGESZ' in l])
until 51
advance 52
print sum
jump 58
