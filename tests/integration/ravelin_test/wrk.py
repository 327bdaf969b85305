"""wrk: many clients that ask as fast as they get answers."""

import re
import signal
import subprocess

from .processes import TIED, text
from .settings import PATIENCE


class Wrk:
    """wrk in the background. Its own errors, and answers that are no success, are failures."""

    def __init__(self, url, connections, seconds):
        self.arguments = ["wrk", "-t", "2", "-c", str(connections), "-d", f"{int(seconds)}s", "--timeout", "30s", url]
        self.seconds = seconds
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self._process = subprocess.Popen(TIED + self.arguments, **pipes)

    def output(self):
        return text(self._process.communicate(timeout=self.seconds + 4 * PATIENCE)[0])

    def running(self):
        return self._process.poll() is None

    def stop(self):
        """Ends it before its time; output() tells of what was until then."""
        self._process.send_signal(signal.SIGINT)

    def close(self):
        self._process.kill()
        self._process.communicate()


def check_wrk(output):
    """The number of requests; fails on any error."""
    assert "Socket errors" not in output, output
    assert "Non-2xx" not in output, output
    requests = int(re.search(r"(\d+) requests in", output).group(1))
    assert requests > 0, output
    return requests
