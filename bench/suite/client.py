"""The suite's own load client (bench/client) as an object."""

import json
import select
import subprocess

GRACE_SECONDS = 30  # more than the client gives answers that are late


class ClientError(Exception):
    pass


class Client:
    """A running client. Use it in a `with` statement; its methods return what it answered."""

    def __init__(self, workshop, port, *words, host="127.0.0.1"):
        command = ["setpriv", "--pdeathsig", "KILL", workshop.client, host, port, *words]
        self._process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()

    def slots(self, count):
        return self._ask(f"slots {count}", 1)

    def open(self, count):
        return self._ask(f"open {count}", 600)

    def run(self, rate, seconds):
        return self._ask(f"run {rate:g} {seconds:.3f}", seconds)

    def fresh(self, at_a_time, rate, seconds):
        return self._ask(f"fresh {at_a_time} {rate:g} {seconds:.3f}", seconds)

    def _ask(self, line, seconds):
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        ready, _, _ = select.select([self._process.stdout], [], [], seconds + GRACE_SECONDS)
        answer = self._process.stdout.readline() if ready else ""
        if not answer:
            self._process.kill()
            _, errors = self._process.communicate()
            raise ClientError(errors.strip() or f"the client did not answer to {line!r}")
        return json.loads(answer)


def problems_of(answer):
    """What went wrong, in words."""
    problems = []
    if answer["errors"]:
        problems.append(f"client: {answer['errors']} errors, the first: {answer['first_error']}")
    if answer["lost"]:
        problems.append(f"client: {answer['lost']} connections were closed")
    if answer["requests"] == 0 and not problems:
        problems.append("client: no response at all")
    return problems
