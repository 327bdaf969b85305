"""Every example on every page: it is run, and its output is what the page shows."""

import json
import re
import shlex
import shutil
import sys

import pytest

from ravelin_test.processes import run, text
from ravelin_test.proxy import block as section
from ravelin_test.settings import RAVELIN, ROOT, SANITIZED
from ravelin_test.waiting import wait_for

sys.path.insert(0, str(ROOT / "bench"))

from suite import cli, distance, url  # noqa: E402  (after the path)

TOPS = [top for top in ROOT.iterdir() if top.name != "build"]  # which may hold whole systems
PAGES = sorted([*ROOT.glob("*.md"), *(page for top in TOPS if top.is_dir() for page in top.rglob("*.md"))])
# Examples that other tests run: page, beginning of the example, test.
ELSEWHERE = {
    ("conf/README.md", "workers = auto"): "tests/unit/test_options.c",
    ("conf/certificates.md", "$ sudo apt install"): "tests/package",
    ("conf/certificates.md", "acme {"): "tests/integration/test_certificates_page.py",
    ("conf/certificates.md", "info acme"): "tests/integration/test_certificates_page.py",
    ("conf/certificates.md", "listen 0.0.0.0:80"): "tests/integration/test_certificates_page.py",
    ("conf/certificates.md", "$ sudo ravelin reload"): "tests/integration/test_certificates_page.py",
    ("conf/certificates.md", "$ sudo lego"): "tests/integration/test_certificates_page.py",
    ("conf/certificates.md", "$ sudo mkdir"): "tests/integration/test_certificates_page.py",
    ("conf/package/README.md", "$ make build/install/ravelin"): "tests/integration/test_install.py",
    ("conf/package/README.md", "$ make deb"): "tests/package",
    ("conf/package/README.md", "$ podman build"): "tests/container",
    ("conf/package/README.md", "$ proxy/deps/wolfssl source"): "tests/reproducible",
    ("conf/package/README.md", "$ sudo dpkg --add-architecture"): "tests/arm64",
    **{
        ("conf/operate.md", beginning): "tests/integration/test_operate_page.py"
        for beginning in (
            "access-log = ",
            "$ sudo ravelin status -c /etc/ravelin/ravelin.conf | grep",
            "$ sudo mv /var/log",
            "$ sudo ravelin check -c /etc/ravelin/ravelin.conf\n/etc",
            "$ sudo ravelin upgrade -c /etc/ravelin/ravelin.conf\nravelin",
            "$ sudo ravelin upgrade -c /etc/ravelin/ravelin.conf\nupgrade failed",
            "drain-delay",
            "$ curl -sS http://127.0.0.1:9901/ready",
            "$ sudo grep",
            "$ sudo ravelin server ",
            "$ ravelin doctor",
            "$ sudo kill -INT",
        )
    },
    ("conf/operate.md", "$ systemctl"): "tests/package",
    ("conf/recipes.md", "# "): "tests/integration/test_recipes_page.py",
    ("conf/recipes.md", "$ sudo ravelin check"): "tests/integration/test_recipes_page.py",
    **{
        ("conf/scale.md", beginning): "tests/integration/test_scale.py"
        for beginning in (
            "listen 0.0.0.0:443",
            "site www.example.com",
            "$ sudo ravelin drain",
            "defaults",
            "global_defs",
            "#!/bin/sh\nexec curl",
            "$ sudo sysctl -q net.ipv4.conf",
            "$ sudo ip address add",
            "$ sudo sysctl -q net.ipv4.fib",
            "$ sudo ip nexthop replace",
            "$ sudo tar",
            "#!/bin/sh\n# ravelin-follow",
            "$ sudo mkdir",
        )
    },
    ("tests/corpus/README.md", "=== a length in HTTP/1.0"): "tests/integration/test_corpus.py",
}
HERE = {}


def examples(page):
    """The text of each block of a page, without its indentation."""
    found = re.findall(r"^( *)```\w*\n(.*?)^ *```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{indentation}", "", block, flags=re.MULTILINE) for indentation, block in found]


def example(page, beginning):
    """Gives a test the example of this page that begins so."""
    HERE[page, beginning] = True
    blocks = [block for block in examples(ROOT / page) if block.startswith(beginning)]
    assert len(blocks) == 1, f"{page} has {len(blocks)} examples that begin with {beginning!r}"
    return pytest.mark.parametrize("block", blocks, ids=[page])


def commands_of(block):
    """The commands behind `$ `, each with the lines that it prints, without the comments."""
    commands = []
    for line in block.splitlines():
        if line.startswith("$ "):
            commands.append((re.sub(r"\s+# .*", "", line[2:]), []))
        else:
            commands[-1][1].append(line)
    return commands


def assert_shown(shown, printed):
    """The lines that are shown are printed in this order, however they are wrapped; … stands for any text."""
    printed = " ".join(printed.split())
    place = 0
    for part in " ".join(" ".join(shown).split()).split("…"):
        found = printed.find(part.strip(), place)
        assert found >= 0, f"{part!r} is not in: {printed}"
        place = found + len(part.strip())


def test_every_example_has_a_test():
    known = {*HERE, *ELSEWHERE}
    for page in PAGES:
        name = str(page.relative_to(ROOT))
        for block in examples(page):
            tests = [key for key in known if key[0] == name and block.startswith(key[1])]
            assert len(tests) == 1, f"{name}: an example without a test:\n{block}"
    for page, beginning in ELSEWHERE:
        assert any(block.startswith(beginning) for block in examples(ROOT / page)), f"{page}: no {beginning!r}"
        assert (ROOT / ELSEWHERE[page, beginning]).exists()


# --- README.md --------------------------------------------------------------------------------------------------------


@example("README.md", "$ git clone")
def test_quick_start(lab, block):
    """With the configuration and the page of the demo. tests/fresh runs the commands themselves."""
    server = lab.nginx()
    shutil.copytree(ROOT / "conf/demo/html", server.html, dirs_exist_ok=True)
    made = lab.authority.certificate("localhost", "127.0.0.1", "::1", "*.localhost")
    proxy = lab.prepare(server, allow=[r"^\{"])  # the access log goes to stdout
    config = (ROOT / "conf/ravelin.conf").read_text()
    config = re.sub(r"^listen \[::\].*\n|^listen 127\.0\.0\.1:8080.*\n", "", config, flags=re.MULTILINE)
    config = config.replace("0.0.0.0:8443", f"127.0.0.1:{proxy.port}").replace("127.0.0.1:9000", server.address)
    config = config.replace("127.0.0.1:9901", lab.port().address)
    config = config.replace("../certs/dev/localhost.pem", str(made.path))
    proxy.write_config(config.replace("../certs/dev/localhost.key", str(made.key)))
    proxy.start()
    [_, make, curl] = commands_of(block)
    assert make[0] == "make run"
    assert re.search(r"ravelin: ready, \d+ workers?$", proxy.log(), re.MULTILINE)
    assert any(re.fullmatch(r"ravelin: ready, \d+ workers", line) for line in make[1])
    words = shlex.split(curl[0])
    assert words == ["curl", "--cacert", "certs/dev/ca.pem", "https://localhost:8443/"]
    words[2:] = [str(lab.authority.ca), f"https://localhost:{proxy.port}/"]
    assert_shown(curl[1], text(run([words[0], "-sS", *words[1:]]).stdout))


@pytest.mark.skipif(SANITIZED, reason="sanitizers bring functions that claims are about")
@example("README.md", "$ ravelin prove")
def test_prove(lab, block):
    proxy = lab.proxy(lab.server())
    [(command, shown)] = commands_of(block)
    words = shlex.split(command)
    assert words == ["ravelin", "prove", "-c", "/etc/ravelin/ravelin.conf"]
    assert_shown(shown, text(run([RAVELIN, "prove", "-c", proxy.config]).stdout))


@example("README.md", "$ ravelin doctor")
def test_doctor(lab, block):
    certificate = lab.authority.certificate("localhost", "127.0.0.1")
    port = lab.port()
    tls = f"listen {port.address} ssl reuseport; ssl_certificate {certificate.path};"
    tls += f" ssl_certificate_key {certificate.key}; ssl_protocols TLSv1.2 TLSv1.3;"
    lab.nginx(more=f"server {{ {tls} location / {{ return 200; }} }}")
    [(command, shown)] = commands_of(block)
    assert shlex.split(command) == ["ravelin", "doctor", "www.example.com"]
    done = run([RAVELIN, "doctor", "--ca", lab.authority.ca, f"localhost:{port.number}"], check=False)
    assert done.returncode == 1
    # How many checks fail depends on the version of nginx.
    sums = r"\d+ checks: \d+ passed, \d+ failed, \d+ warned, \d+ skipped"
    assert re.fullmatch(sums, shown[-1])
    assert re.search(f"^{sums}$", text(done.stdout), re.MULTILINE)
    assert_shown(shown[:-1], text(done.stdout))


@example("README.md", "master ")
def test_the_processes(lab, block):
    assert_drawn(lab, block)


@example("proxy/README.md", "master ")
def test_the_processes_of_the_program(lab, block):
    assert_drawn(lab, block)


def assert_drawn(lab, drawing):
    """Each kind of process that runs has a line of the drawing."""
    proxy = lab.proxy(lab.server())
    report = json.loads(run([RAVELIN, "prove", "--json", "-c", proxy.config], check=False).stdout)
    kinds = {process["kind"] for process in report["running"]["processes"]}
    assert {"worker", "signer"} <= kinds
    assert kinds <= set(re.findall(r"^(?: [├└]─ )?([a-z]+(?: [a-z]+)?) ", drawing, re.MULTILINE))


# --- conf/README.md ---------------------------------------------------------------------------------------------------


@pytest.fixture
def check(lab):
    """Runs `ravelin check -c ravelin.conf` with this text, in a folder with a certificate."""
    folder = lab.subfolder("etc")
    made = lab.authority.certificate("www.example.com", "example.com", "*.example.org")
    (folder / "tls").mkdir()
    shutil.copy(made.path, folder / "tls/example.pem")
    shutil.copy(made.key, folder / "tls/example.key")

    def check(config):
        (folder / "ravelin.conf").write_text(config)
        return run(["env", "-C", folder, RAVELIN, "check", "-c", "ravelin.conf"], check=False)

    return check


@example("conf/README.md", "listen 0.0.0.0:993 {")
def test_the_example_of_plain_tcp(check, block):
    done = check(block)
    assert done.returncode == 0
    # The certificate of the tests has other names.
    assert re.sub(r"(?m)^.*no certificate.*'mail.example.com'.*\n", "", text(done.stderr)) == ""


@example("conf/README.md", "listen 0.0.0.0:443 {}")
def test_the_example_configuration(check, block):
    done = check(block)
    assert (done.returncode, done.stderr) == (0, b"")


@example("conf/README.md", "ravelin.conf:12: ")
def test_the_messages(check, block):
    whole = examples(ROOT / "conf/README.md")[0].splitlines()
    mistakes = {
        "wieght": "    server 10.0.0.1:8000 { wieght = 2 }",
        "ssl-protocols": "tls { ssl-protocols = TLSv1.2 }",
        "idle-timeout": "limits { idle-timeout = 60 }",
    }
    for shown in block.splitlines():
        number = int(shown.split(":")[1])
        [mistake] = [line for word, line in mistakes.items() if word in shown]
        if "server" in mistake:
            config = [mistake if "10.0.0.1" in line else line for line in whole]
        else:
            config = ["#"] * (number - 1) + [mistake] + whole
        done = check("\n".join(config) + "\n")
        assert done.returncode == 2
        assert shown in text(done.stderr).splitlines()


@example("conf/README.md", "/var/log/ravelin/*.log {")
def test_log_rotation(lab, block):
    """The command of the example, after a rotation like logrotate's."""
    logs = lab.subfolder("log")
    proxy = lab.proxy(lab.server(), top={"access-log": f'"{logs}/access.log"'})
    client = lab.client(proxy)
    [command] = re.findall(r"^ *postrotate\n(.*?)^ *endscript$", block, re.MULTILINE | re.DOTALL)
    assert command.strip() == "ravelin reopen -c /etc/ravelin/ravelin.conf"
    client.ask()
    wait_for(lambda: (logs / "access.log").read_text() != "", "a line in the log")
    (logs / "access.log").rename(logs / "access.log.1")
    run([RAVELIN, "reopen", "-c", proxy.config])
    before = (logs / "access.log.1").read_text()
    client.ask()
    wait_for(lambda: (logs / "access.log").read_text() != "", "a line in the new log")
    assert (logs / "access.log.1").read_text() == before


@example("conf/package/README.md", "[Socket]")
def test_the_socket_unit(lab, block):
    folder = lab.subfolder("units")
    (folder / "ravelin.socket").write_text(block)
    (folder / "ravelin.service").write_text("[Service]\nExecStart=/bin/true\n")
    done = run(["systemd-analyze", "verify", folder / "ravelin.socket"], check=False)
    assert text(done.stdout + done.stderr) == ""


@example("conf/README.md", "access-log = /var")
def test_selected_fields(check, block):
    done = check(block + examples(ROOT / "conf/README.md")[0].replace("access-log =", "# access-log ="))
    assert (done.returncode, done.stderr) == (0, b"")


@example("conf/README.md", "access-log-request-headers")
def test_logged_headers(check, block):
    done = check(block + examples(ROOT / "conf/README.md")[0])
    assert (done.returncode, done.stderr) == (0, b"")


@example("conf/README.md", "admin 127.0.0.1:9901 {}")
def test_admin(check, block):
    done = check(block + examples(ROOT / "conf/README.md")[0])
    assert (done.returncode, done.stderr) == (0, b"")


@example("conf/README.md", "resolver = {")
def test_names_of_servers(check, block):
    """Looked up nowhere by `check`. test_names.py has servers with such names at run time."""
    whole = examples(ROOT / "conf/README.md")[0]
    done = check(whole.replace("backend web { server 127.0.0.1:9000 {} }", block))
    assert (done.returncode, done.stderr) == (0, b"")


@example("conf/README.md", "route /robots.txt")
def test_pages(check, block):
    whole = examples(ROOT / "conf/README.md")[0]
    done = check(whole.replace("    route /     ", block.replace("closed.html", "/dev/null.html") + "    route /     "))
    assert (done.returncode, b"/dev/null.html': No such file" in done.stderr, done.stderr.count(b"\n")) == (2, True, 1)


@example("conf/README.md", "route / {\n    backend = app")
def test_an_authorization(check, block):
    whole = re.sub(r"route / +\{ backend = web \}", lambda _: block, examples(ROOT / "conf/README.md")[0])
    assert block in whole
    done = check(whole + "backend app { server 127.0.0.1:9000 {} }\nbackend authelia { server 127.0.0.1:9091 {} }\n")
    assert (done.returncode, done.stderr) == (0, b"")


@example("conf/README.md", "install -m 640 /dev/null")
def test_a_file_of_users(lab, block):
    users = lab.folder / "users"
    made = lab.authority.certificate("localhost", "127.0.0.1")
    site = section(
        "site",
        "localhost",
        {"users": f'"{users}"'},
        [section("certificate", f'"{made.path}"', {"key": f'"{made.key}"'}), section("route", "/", {"backend": "web"})],
    )
    proxy = lab.prepare(lab.server(), sites=[site])
    commands = [command.split() for command in block.replace("/etc/ravelin/users", str(users)).splitlines()]
    run(commands[0])
    assert commands[1][0] == "htpasswd"
    run(["htpasswd", "-i", *commands[1][1:]], input=b"wonderland")  # -i: it does not ask twice
    assert proxy.command("check").stderr == b""
    proxy.start()
    assert proxy.curl("/", "-u", "alice:wonderland").stdout == b"ok"


@example("conf/README.md", "scrape_configs:")
def test_the_configuration_of_prometheus(lab, block):
    shutil.copy(ROOT / "conf/monitoring/alerts.yml", lab.folder)
    (lab.folder / "prometheus.yml").write_text(block)
    done = run(["promtool", "check", "config", lab.folder / "prometheus.yml"], check=False)
    assert done.returncode == 0, text(done.stdout + done.stderr)


@example("conf/README.md", "health /healthz {")
def test_checks_of_servers(check, block):
    whole = examples(ROOT / "conf/README.md")[0]
    assert whole.count("backend web {") == 1
    done = check(whole.replace("backend web {", "backend web {\n" + block))
    assert (done.returncode, done.stderr) == (0, b"")


@example("conf/README.md", "trusted-proxies = ")
def test_trusted_proxies(check, block):
    done = check(block + examples(ROOT / "conf/README.md")[0])
    assert (done.returncode, done.stderr) == (0, b"")


# --- conf/migrate.md --------------------------------------------------------------------------------------------------


@example("conf/migrate.md", "$ sudo nginx -T")
def test_import(lab, block):
    """With a configuration of nginx on this host."""
    made = lab.authority.certificate("a.test")
    site = f"listen 127.0.0.1:8443 ssl; server_name a.test; ssl_certificate {made.path}; ssl_certificate_key {made.key};"
    source = lab.folder / "nginx.conf"
    source.write_text(f"pid {lab.folder}/pid; events {{}} http {{ access_log off; server {{ {site} location / {{ return 204; }} }} }}")
    [dump, *rest] = [command for command, shown in commands_of(block)]
    assert dump == "sudo nginx -T > nginx.txt"
    (lab.folder / "nginx.txt").write_bytes(run(["nginx", "-T", "-c", source]).stdout)
    script = " && ".join(rest).replace("ravelin ", f"{shlex.quote(str(RAVELIN))} ")
    assert ": ok (1 site" in text(run(["sh", "-ec", f"cd {lab.folder} && {script}"]).stdout)


def test_the_options_in_the_tables_of_migration():
    """Those that Ravelin is said to have."""
    reference = text(run([RAVELIN, "help", "config"]).stdout)
    for line in (ROOT / "conf/migrate.md").read_text().splitlines():
        cells = line.split(" | ")
        for code in re.findall(r"`([^`]*)`", cells[-1]) if len(cells) > 1 else []:
            for name in re.findall(r"([a-z][a-z-]+) =", code):
                assert re.search(rf"^ *{name} = ", reference, re.MULTILINE), line


# --- bench/README.md --------------------------------------------------------------------------------------------------


@example("bench/README.md", "$ make bench")
def test_the_commands_of_the_bench(block):
    """They exist and have these options. test_bench.py runs parts of the suite."""
    makefile = (ROOT / "Makefile").read_text()
    for command, _ in commands_of(block):
        program, *words = shlex.split(command)
        if program == "make":
            assert re.search(f"^{words[0]}:", makefile, re.MULTILINE)
            if words[1:]:
                assert cli.arguments(["--peers", words[1].removeprefix("PEERS=")])
        elif program == "bench/run":
            assert cli.arguments(words)
        elif program == "bench/link":
            assert distance.arguments(words)
        else:
            assert program == "bench/load"
            assert url.arguments(["http://127.0.0.1/", *words[1:]])


# --- Tables -----------------------------------------------------------------------------------------------------------


def names_of(page, heading):
    """The names in the first column of the tables below a heading."""
    [section] = re.findall(rf"^## {heading}\n(.*?)^## ", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    return {name for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)}


def test_the_table_of_the_status(lab):
    status = lab.proxy(lab.server()).status()
    documented = names_of("conf/README.md", "Status")
    there = {*status, *status["metrics"]}
    patterns = [name.removesuffix("*") for name in documented if name.endswith("*")]
    assert all(any(name.startswith(pattern) for name in there) for pattern in patterns)
    plain = {name for name in there if not name.startswith(tuple(patterns))}
    assert plain - {"metrics"} <= documented, "status has what the page has not"
    assert {name for name in documented if not name.endswith("*")} <= there, "the page has what status has not"


# --- Words in the text ------------------------------------------------------------------------------------------------


def words_of(pattern):
    """(page, word) for every match in the text of the pages for users."""
    for page in PAGES:
        if page.name != "CHANGELOG.md" and page.parent.name != "bench":
            for word in re.findall(pattern, page.read_text()):
                yield str(page.relative_to(ROOT)), word


def test_commands_that_are_named_exist():
    usage = text(run([RAVELIN, "help"]).stdout)
    for page, word in words_of(r"`(?:sudo |build/)*ravelin ([a-z]+)[ `]"):
        assert f"ravelin {word}" in usage, f"{page} names `ravelin {word}`"


def test_targets_that_are_named_exist():
    makefile = (ROOT / "Makefile").read_text()
    for page, word in words_of(r"`(?:sudo )?make ([a-z-]+)[ `]"):
        assert re.search(f"^{word}:", makefile, re.MULTILINE), f"{page} names `make {word}`"


def test_options_that_are_named_exist():
    known = set(re.findall(r"^ *([a-z-]+) = ", text(run([RAVELIN, "help", "config"]).stdout), re.MULTILINE))
    for page, word in words_of(r"`([a-z][a-z-]*) = [^`]*`"):
        if page not in ("proxy/README.md", "conf/migrate.md") and word != "name":  # which names those of others, too
            assert word in known, f"{page} names the option `{word}`"
