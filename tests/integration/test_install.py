"""What `make install` puts into a folder: a program without debug information, and a configuration that starts."""

import json
import os
import re
import shutil
import stat

import pytest

from ravelin_test.folders import new_folder, remove_folder
from ravelin_test.processes import Process, run, text
from ravelin_test.settings import IS_ROOT, RAVELIN, ROOT

pytestmark = pytest.mark.skipif(RAVELIN != ROOT / "build/ravelin", reason="only the release build is installed")

SELF_SIGNED = ROOT / "conf/package/self-signed"


@pytest.fixture(scope="module")
def installed():
    """The folder that it was installed into."""
    folder = new_folder("install")
    # Variables of the make that runs the tests hold, so that nothing is built again; its jobs do not.
    variables = os.environ.get("MAKEFLAGS", "").partition("-- ")[2]
    environment = {"MAKEFLAGS": variables and f"-- {variables}", "MAKELEVEL": ""}
    command = ["make", "-C", ROOT, "install", "install-debug", f"DESTDIR={folder}", "PREFIX=/usr"]
    run(command, environment=environment, timeout=600)
    yield folder
    remove_folder(folder)


def test_every_file_is_where_it_is_looked_for(installed):
    files = sorted(str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file())
    pages = [file for file in files if file.startswith("usr/share/doc/")]
    assert "usr/share/doc/ravelin/certificates.md" in pages
    assert [file for file in files if file not in pages] == [
        "etc/logrotate.d/ravelin",
        "etc/ravelin/ravelin.conf.example",
        "lib/systemd/system/ravelin.service",
        "usr/bin/.debug/ravelin.debug",
        "usr/bin/ravelin",
        "usr/share/bash-completion/completions/ravelin",
        "usr/share/man/man5/ravelin.conf.5",
        "usr/share/man/man8/ravelin.8",
        "usr/share/ravelin/alerts.yml",
        "usr/share/ravelin/grafana.json",
    ]


def test_links_of_pages_lead_to_what_is_installed(installed):
    """The Debian package installs the same folder (see tests/package)."""
    pages = sorted((installed / "usr/share/doc/ravelin").rglob("*.md"))
    links = [(page, link) for page in pages for link in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", page.read_text())]
    assert len(links) > len(pages) > 5
    assert not [(str(page), link) for page, link in links if not (page.parent / link).exists()]


def sections(file):
    return text(run(["readelf", "-SW", file]).stdout)


def build_id(file):
    return re.search(r"Build ID: (\w+)", text(run(["readelf", "-n", file]).stdout)).group(1)


def test_debug_information_is_in_a_file_of_its_own(installed):
    program, debug = installed / "usr/bin/ravelin", installed / "usr/bin/.debug/ravelin.debug"
    assert ".debug_info" not in sections(program)
    assert ".debug_info" in sections(debug)
    assert build_id(program) == build_id(debug)
    assert "ravelin.debug" in text(run(["readelf", "-p", ".gnu_debuglink", program]).stdout)
    assert program.stat().st_size < 0.7 * RAVELIN.stat().st_size


def test_the_installed_program_proves_as_much(installed):
    """`ravelin prove` reads the symbol table of its executable."""

    def proofs(program):
        report = json.loads(run([program, "prove", "--json"]).stdout)
        return [(claim["name"], claim["proofs"]) for claim in report["claims"]]

    assert proofs(installed / "usr/bin/ravelin") == proofs(RAVELIN)


# --- The manual ---


def page(installed, name, section):
    """A manual page as plain text, without the macros and the escapes of its source. A macro drops the quotes of its arguments."""
    source = (installed / f"usr/share/man/man{section}/{name}.{section}").read_text()
    assert re.match(r"\.TH [A-Z.]+ \d", source)
    words = re.sub(r"(?m)^\.\w+ ?(.*)$", lambda line: line.group(1).replace('"', ""), source)
    return words.replace("\\-", "-").replace("\\&", "").replace("\\(dq", '"').replace("\\e", "\\")


def test_the_manual_has_every_command(installed):
    manual = page(installed, "ravelin", 8)
    commands = re.findall(r"(?m)^(?:usage:|      ) ravelin (\S+)", text(run([RAVELIN, "help"]).stdout))
    assert len(commands) >= 10
    for command in commands:
        assert f"\nravelin {command}" in manual
    assert text(run([RAVELIN, "help", "doctor"]).stdout).strip() in manual


def test_the_manual_has_every_option_with_its_text(installed):
    manual = page(installed, "ravelin.conf", 5)
    lines = [line for line in text(run([RAVELIN, "help", "config"]).stdout).splitlines() if line.strip() != "}"]
    assert len(lines) > 100
    assert "route /api/ { backend = api }" in manual  # the example
    for line in lines:
        name, mark, values = line.strip().partition("  #") if "  #" in line else line.strip().partition(" # ")
        for part in (name.removesuffix("{").strip(), values.strip()):
            assert part in manual, line


def test_the_manual_is_valid(installed):
    """Each line that begins with a dot is a macro that is known."""
    for path in installed.rglob("usr/share/man/*/*"):
        macros = set(re.findall(r"(?m)^\.(\S*)", path.read_text()))
        assert macros <= {"TH", "SH", "TP", "PP", "B", "I", "BI", "BR", "RB", "IR", "RS", "RE", "br", "nf", "fi"}, path


# --- Completion ---


def complete(installed, *words):
    """What bash offers for the last word."""
    script = f"""
        PATH={installed}/usr/bin:$PATH
        . {installed}/usr/share/bash-completion/completions/ravelin
        COMP_WORDS=({' '.join(words)} '') COMP_CWORD={len(words)}
        _ravelin ravelin
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return text(run(["bash", "-c", script]).stdout).split()


def test_completion(installed):
    commands = re.findall(r"(?m)^(?:usage:|      ) ravelin (\S+)", text(run([RAVELIN, "help"]).stdout))
    assert complete(installed, "ravelin") == commands
    assert complete(installed, "ravelin", "help") == ["config", "doctor"]
    assert "--ca" in complete(installed, "ravelin", "doctor")
    assert {"--config", "--json"} <= set(complete(installed, "ravelin", "prove"))
    assert complete(installed, "ravelin", "run", "-c") == []  # a file
    assert complete(installed, "ravelin", "import") == ["nginx"]
    assert complete(installed, "ravelin", "import", "nginx") == []  # a file
    assert complete(installed, "ravelin", "server", "web/127.0.0.1", ":", "80") == ["drain", "ready", "down"]
    assert complete(installed, "ravelin", "maintenance", "localhost") == ["on", "off"]


# --- The example ---


@pytest.fixture
def configuration(lab, installed):
    """The installed example in a folder of its own, with another port and a user that is there."""
    path = lab.folder / "ravelin.conf"
    example = (installed / "etc/ravelin/ravelin.conf.example").read_text()
    port = lab.port().number
    assert "user       = ravelin\n" in example and "listen 0.0.0.0:443 {}\n" in example
    path.write_text(example.replace("= ravelin\n", "= nobody\n").replace("0.0.0.0:443", f"127.0.0.1:{port}"))
    run([SELF_SIGNED, lab.folder / "tls"])
    return path, port


def test_the_example_is_accepted(installed, configuration):
    result = run([installed / "usr/bin/ravelin", "check", "-c", configuration[0]])
    assert ": ok (1 site, 1 certificate, 0 backends, 1 listener)" in text(result.stdout)
    assert result.stderr == b""


def test_the_example_starts_and_responds(lab, installed, configuration):
    path, port = configuration
    proxy = Process([installed / "usr/bin/ravelin", "run", "-c", path], lab.folder / "log")
    try:
        proxy.wait_for_output("ravelin: ready")
        certificate = lab.folder / "tls/self-signed.pem"
        curl = ["curl", "-sS", "--cacert", certificate, "-o", "/dev/null", "-w", "%{http_code}"]
        assert run([*curl, f"https://localhost:{port}/"]).stdout == b"503"
    finally:
        assert proxy.end() == 0


def test_what_the_example_suggests_is_accepted(installed, configuration):
    """Its commented lines, put in force."""
    path, _ = configuration
    config = path.read_text()
    for line in ("listen [::]:443 {}", "listen 0.0.0.0:80 { protocol = redirect }", "backend web {", "}"):
        assert f"# {line}" in config
        config = config.replace(f"# {line}", line)
    config = config.replace("#     server", "server").replace("{ return = 503 }", "{ backend = web }")
    path.write_text(config)
    result = run([installed / "usr/bin/ravelin", "check", "-c", path])
    assert ": ok (1 site, 1 certificate, 1 backend, 3 listeners)" in text(result.stdout)


def test_a_certificate_that_is_there_is_kept(lab):
    folder = lab.folder / "tls"
    run([SELF_SIGNED, folder])
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["self-signed.key", "self-signed.pem"]
    assert stat.S_IMODE((folder / "self-signed.key").stat().st_mode) == 0o600
    before = [(folder / name).read_bytes() for name in names]
    run([SELF_SIGNED, folder])
    assert [(folder / name).read_bytes() for name in names] == before


def test_a_failure_leaves_no_certificate(lab):
    tools = lab.subfolder("tools")
    (tools / "openssl").write_text("#!/bin/sh\necho no entropy >&2\nexit 1\n")
    (tools / "openssl").chmod(0o755)
    result = run([SELF_SIGNED, lab.folder / "tls"], check=False, environment={"PATH": f"{tools}:/usr/bin:/bin"})
    assert result.returncode == 1
    assert "no entropy" in text(result.stderr)
    assert list((lab.folder / "tls").iterdir()) == []


@pytest.mark.skipif(not IS_ROOT or shutil.which("systemd-analyze") is None, reason="needs root and systemd-analyze")
def test_the_unit_exposes_little(installed):
    """At most 2.0 by systemd's own measure. tests/package runs the unit."""
    unit = installed / "lib/systemd/system/ravelin.service"
    unit.write_text(re.sub(r"(?m)^(Exec\w+=)/usr/bin/ravelin", r"\1/bin/true", unit.read_text()))
    run(["systemd-analyze", "security", "--offline=yes", "--threshold=20", unit])


def test_the_unit_keeps_the_listening_sockets():
    """systemd before 254 does not tell how many: the unit does."""
    unit = (ROOT / "conf/ravelin.service").read_text()
    [most] = re.findall(r"^FileDescriptorStoreMax=(\d+)$", unit, re.MULTILINE)
    assert f"\nEnvironment=FDSTORE={most}\n" in unit
