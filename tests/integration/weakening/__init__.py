"""A corpus of configurations that would lower security: cases.py holds the data, test_weakening.py tries it."""
