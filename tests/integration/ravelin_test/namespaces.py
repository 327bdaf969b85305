"""Hosts in network namespaces of one machine, on one network: what they do to each other touches no other interface.

Root makes them as root. Another user makes them in a user namespace of its own, where the kernel allows that.
"""

import subprocess

import pytest

from .processes import TIED, Process, run, text
from .settings import IS_ROOT

UNSHARE = ["unshare", "--net"] if IS_ROOT else ["unshare", "--user", "--map-current-user", "--keep-caps", "--net"]
ENTER = [] if IS_ROOT else ["--user", "--preserve-credentials"]
PROBE = "ip link add probe type veth peer name other && ip link add switch type bridge"


class Network:
    """A switch. It ends, and its hosts with it, when the test ends, however that ends."""

    def __init__(self):
        done = subprocess.run([*UNSHARE, "sh", "-c", PROBE], capture_output=True)
        if done.returncode != 0:
            pytest.skip(f"no network namespaces are allowed here: {text(done.stderr).strip()}")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self._shell = subprocess.Popen([*TIED, *UNSHARE, "bash"], **pipes)
        self.shell("ip link set lo up; ip link add switch type bridge; ip link set switch up")

    def shell(self, commands):
        """Runs them beside the switch, with the rights to change the network. Returns what they print."""
        return self._say(f"( set -e; {commands}\n) 2>&1")

    def _say(self, commands):
        self._shell.stdin.write(f"{commands}\nstatus=$?; echo; echo =$status\n".encode())
        self._shell.stdin.flush()
        lines = []
        for line in self._shell.stdout:
            lines.append(text(line))
            if line.startswith(b"="):
                break
        assert lines and lines[-1] == "=0\n", f"{commands}\n{''.join(lines)}"
        return "".join(lines[:-1]).strip()

    def new_namespace(self):
        """The process that holds it. A child of the shell, so that it ends with that."""
        return int(self._say("setpriv --pdeathsig KILL unshare --net sleep infinity </dev/null >/dev/null 2>&1 & echo $!"))

    def host(self, name, *addresses):
        return Host(self, name, addresses)

    def close(self):
        self._shell.kill()
        self._shell.communicate()


class Host:
    """Has the interface eth0 with these addresses, "10.9.0.1/24". Whom it does not know it asks the network for."""

    def __init__(self, network, name, addresses):
        self.name = name
        self.address = addresses[0].partition("/")[0]
        self._network = network
        self._pid = network.new_namespace()
        network.shell(f"until ! [ /proc/{self._pid}/ns/net -ef /proc/$$/ns/net ]; do sleep 0.01; done")
        network.shell(
            f"ip link add to-{name} type veth peer name eth0 netns {self._pid};"
            f" ip link set to-{name} master switch up"
        )
        self.shell("ip link set lo up; ip link set eth0 up; echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start")
        for address in addresses:
            self.shell(f"ip address add {address} dev eth0")
        self.shell("ip route add default dev eth0")

    def shell(self, commands):
        """With the rights to change the network."""
        return self._network.shell(f"nsenter -t {self._pid} -n sh -ec '{commands}'")

    def enter(self, *arguments):
        """The command that runs this there, with the rights of the test only."""
        return ["nsenter", "-t", str(self._pid), *ENTER, "--net", "--", *arguments]

    def run(self, *arguments, **options):
        return run(self.enter(*arguments), **options)

    def start(self, arguments, log, environment=None):
        return Process(self.enter(*arguments), log, environment)

    def cut(self):
        """Its cable is pulled."""
        self._network.shell(f"ip link set to-{self.name} down")

    def plug(self):
        self._network.shell(f"ip link set to-{self.name} up")
