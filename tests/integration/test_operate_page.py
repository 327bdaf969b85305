"""conf/operate.md: every command on the page is run."""

import re
import shlex

import pytest

from ravelin_test.http import request
from ravelin_test.processes import run, text
from ravelin_test.settings import RAVELIN, ROOT
from ravelin_test.waiting import wait_for
from test_documentation import assert_shown, commands_of, examples

PAGE = ROOT / "conf/operate.md"
BLOCKS = [block for block in examples(PAGE) if block.startswith("$ ")]
SYSTEMD = "$ systemctl --no-pager status"  # tests/package runs these
UPGRADE = ["Connection: Upgrade", "Upgrade: echo/1"]
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\n"


def switch(connection):
    while message := connection.request():
        if message.get("Upgrade"):
            connection.send(SWITCH)
            connection.reader.more()
            return
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


class Host:
    """The host of the page: its configuration, logs and ports are those of a test."""

    def __init__(self, lab):
        self.logs = lab.subfolder("log")
        self.server, self.admin = lab.server(switch), lab.port()
        self.admin.close()
        self.proxy = lab.prepare(
            self.server,
            top={"drain-timeout": "10m"},
            allow=["upgrade failed", "this process goes on", "wrokers"],
        )
        [lines] = [block for block in examples(PAGE) if block.startswith("access-log")]
        lines = lines.replace("/var/log/ravelin/access.log", f'"{self.logs}/access.log"')
        lines = lines.replace("127.0.0.1:9901", self.admin.address)
        rest = re.sub(r"^ *access-log = .*\n", "", self.proxy.config_text(), flags=re.MULTILINE)
        self.good = lines + rest
        self.proxy.write_config(self.good)
        self.proxy.start()

    def moved(self, command):
        moves = {
            "sudo ": "",
            "ravelin status": f"{shlex.quote(str(RAVELIN))} status",
            "/etc/ravelin/ravelin.conf": str(self.proxy.config),
            "/var/log/ravelin": str(self.logs),
            "127.0.0.1:9901": self.admin.address,
            "127.0.0.1:8000": self.server.address,
        }
        for word, place in moves.items():
            command = command.replace(word, place)
        return re.sub(r"^ravelin ", lambda _: f"{shlex.quote(str(RAVELIN))} ", command)

    def run(self, command, shown=(), status=0):
        done = run(["bash", "-o", "pipefail", "-c", self.moved(command)], check=False)
        assert done.returncode == status, f"{command}\n{text(done.stdout + done.stderr)}"
        expected = [line.replace("/etc/ravelin/ravelin.conf", str(self.proxy.config)) for line in shown]
        assert_shown(expected, text(done.stdout + done.stderr))
        return text(done.stdout)


@pytest.fixture
def host(lab):
    return Host(lab)


def block(word):
    [found] = [block for block in BLOCKS if word in block]
    return commands_of(found)


def test_every_block_has_a_test():
    words = ["ravelin check", "ravelin reopen", "generation 2", "serves; pid", "wrokers", "/metrics"]
    words += ["duration_us", "ravelin server ", "ravelin doctor", "kill -INT", SYSTEMD]
    for found in BLOCKS:
        assert any(word in found for word in words), f"no test runs:\n{found}"


def test_certificates(host):
    status, check = block('"certificates":')
    assert '"expires":' in host.run(*status)
    assert ": ok (" in host.run(*check)


def test_log_rotation(lab, host):
    lab.client(host.proxy).ask()
    wait_for(lambda: (host.logs / "access.log").read_text(), "a line in the log")
    for command, shown in block("ravelin reopen"):
        host.run(command, shown)
    assert (host.logs / "access.log").exists() and (host.logs / "access.log.1").exists()


def test_reload(host):
    for command, shown in block("generation 2"):
        host.run(command, shown)


def test_upgrade_that_fails_and_one_that_succeeds(lab, host):
    [(command, shown)] = block("wrokers")
    host.proxy.write_config("\n\nwrokers = 2\n" + host.good)
    host.run(command, shown, status=1)
    host.proxy.write_config(host.good)
    [(command, shown)] = block("serves; pid")
    host.run(command, shown)
    host.proxy.follow()
    assert lab.client(host.proxy).ask().status == 200


def test_what_to_watch(lab, host):
    lab.client(host.proxy).ask()
    ready, metrics, status, servers = [host.run(*command) for command in block("/metrics")]
    assert "not" not in ready
    assert host.server.address in servers
    named = set(re.findall(r"ravelin_[a-z_]+", PAGE.read_text()))
    for name in named:
        assert f"\n{name}" in metrics or f"# TYPE {name}" in metrics, f"{name} is no metric"
    for name in ("lost_log_lines", "draining"):
        assert f'"{name}"' in status


def test_questions_to_the_access_log(lab, host):
    lab.client(host.proxy).ask()
    wait_for(lambda: (host.logs / "access.log").read_text(), "a line in the log")
    with open(host.logs / "access.log", "a") as log:  # one for each question
        log.write('{"status":502,"server":"a","duration_us":1500000,"ended":"timed out","tls":{"group":"X25519"}}\n')
    for command, _ in block("duration_us"):
        assert host.run(command)


def test_orders_for_a_server(host):
    for command, _ in block("ravelin server "):
        assert f"web/{host.server.address}: " in host.run(command)


def test_doctor(host):
    [(command, _)] = block("ravelin doctor")
    done = run(
        ["bash", "-c", host.moved(command).replace("www.example.com", f"localhost:{host.proxy.port}")], check=False
    )
    assert re.search(r"\d+ checks: ", text(done.stdout))


def test_the_end_of_a_former_process(lab, host):
    tunnel = lab.client(host.proxy)
    tunnel.send(request("/", fields=UPGRADE))
    assert tunnel.response().status == 101
    host.proxy.upgrade()
    [(command, _)] = block("kill -INT")
    host.run(command)
    assert host.proxy.wait_for_former() == [0]


def test_the_configuration_for_a_load_balancer(lab, host):
    [found] = [block for block in examples(PAGE) if "drain-delay" in block]
    assert found.startswith("drain-delay = 10s\nadmin 127.0.0.1:9901 {}")
    added = found.replace("127.0.0.1:9901", host.admin.address).replace("10s", "2s")
    host.proxy.write_config(added + host.proxy.config_text())
    host.proxy.reload()
    host.proxy.command("drain")
    asked = f"curl -sS -o /dev/null -w '%{{http_code}}' http://{host.admin.address}/ready"
    assert text(run(["bash", "-c", asked]).stdout) == "503"
    assert lab.client(host.proxy).ask().status == 200
    assert host.proxy.wait() == 0
