"""The money model: random histories on the real database, after each step compared with a model.

make model                                        10,000 steps from a fresh seed, which is printed
python -m tests.model --steps 500 --seed 42       the same histories again
"""
