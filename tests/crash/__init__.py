"""The crash proof: a thousand tasks, three workers, and everything that can die does, at every step.

make crash                              a thousand tasks; the seed is printed
make crash ARGS='--tasks 80 --brief'    what continuous integration runs
make crash ARGS='--seed 42'             the same prompts and the same faults in the same order
"""
