class BenchError(Exception):
    """The run cannot go on; the text says what failed and why."""
