class BenchError(Exception):
    """Something cannot go on; the text says what failed and why."""


class TooLate(BenchError):
    """A program that takes longer to start than anybody waits."""
