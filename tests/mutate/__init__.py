"""Mutation of the database: each small change of the rules of money, of its constraints and of its policies
must make a test fail.

    make mutate                              everything; goes on where it was stopped
    make mutate ARGS='--sample 60'           as many, chosen by a seed
    make mutate ARGS='--only post_entry'     what has this in its name

What it mutates comes from the catalog: a new function that touches money is mutated without being listed. For
each function only the tests that run it are run, the fastest first, until one fails. A removed lock is
nothing that a single session can notice: what pgTAP does not find of them, the tests with real sessions must
(tests/concurrency).
"""
