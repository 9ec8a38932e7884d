"""Which statements the whole suite has run: of every plpgsql function, of the worker,
and of the HTTP functions.

make coverage                        pgTAP and pytest, about twice as long as make test
make coverage ARGS='--only pgtap'    the functions of the database, by pgTAP alone
"""
