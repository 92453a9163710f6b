"""Damaged files of every kind, given to the functions that the commands call.

    python -m tests.fuzz --cases=2000

formats.py says what is tried, mutation.py and json_mutation.py how it is damaged, watch.py what a case may cost,
cases.py what counts as clean.
"""
