"""Nothing that lowers security can be configured: the corpus in weakening/cases.py, against every way in."""

import re
import shutil

import pytest

from ravelin_test.folders import new_folder, remove_folder
from ravelin_test.processes import run, text
from ravelin_test.settings import RAVELIN
from weakening.cases import CASES, config_of


@pytest.fixture(scope="module")
def files(authority):
    """By what stands in <> in the corpus."""
    folder = new_folder("weak")  # one that all users can enter
    ours = authority.certificate("localhost")
    other = authority.certificate("other.test")

    def copy(name, source, mode):
        shutil.copy(source, folder / name)
        (folder / name).chmod(mode)
        return folder / name

    def make(name, *algorithm):
        command = ["openssl", "req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=localhost", "-newkey", *algorithm]
        run([*command, "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"])
        return folder / f"{name}.pem"

    encrypted = folder / "encrypted.key"
    run(["openssl", "pkey", "-in", ours.key, "-aes128", "-passout", "pass:secret", "-out", encrypted])
    encrypted.chmod(0o600)
    both = folder / "both.pem"
    both.write_bytes(ours.path.read_bytes() + ours.key.read_bytes())
    both.chmod(0o600)
    yield {
        "the certificate": ours.path,
        "the key": ours.key,
        "a key that all may read": copy("open.key", ours.key, 0o644),
        "a key that its group may change": copy("group.key", ours.key, 0o660),
        "an encrypted key": encrypted,
        "another key": other.key,
        "without a key": copy("certificate.key", ours.path, 0o600),
        "certificate and key": both,
        "a certificate with secp256k1": make("k1", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"),
        "a certificate with P-224": make("p224", "ec", "-pkeyopt", "ec_paramgen_curve:P-224"),
    }
    remove_folder(folder)


def filled(config, files, port):
    config = config.replace("<port>", str(port))
    return re.sub(r"<file (?:of )?([^>]*)>", lambda found: str(files[found.group(1)]), config)


def assert_refusal(result, case, path, line):
    errors = text(result.stderr)
    assert result.returncode == 2, errors
    [message] = errors.splitlines()  # nothing but the case is wrong
    assert message.startswith(f"{path}:{line}: "), message
    for part in case.holds:
        assert part in message
    assert result.stdout == b""


def test_the_configuration_around_the_cases_is_right(lab, files):
    path = lab.folder / "ravelin.conf"
    path.write_text(filled(config_of()[0], files, lab.port().number))
    assert ": ok (" in text(run([RAVELIN, "check", "-c", path]).stdout)


def test_the_corpus_is_large_and_without_repetition():
    assert len(CASES) >= 100
    assert len({(case.place, case.text) for case in CASES}) == len(CASES)
    assert len({case.elsewhere for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[f"{case.place}: {case.elsewhere}" for case in CASES])
def test_it_is_refused_with_the_right_line(lab, files, case):
    path = lab.folder / "ravelin.conf"
    config, line = config_of(case)
    path.write_text(filled(config, files, lab.port().number))
    for command in ("check", "run"):
        assert_refusal(run([RAVELIN, command, "-c", path], check=False), case, path, line)


def test_a_running_proxy_refuses_each_of_them(lab, files):
    """And changes nothing."""
    proxy = lab.prepare(lab.server(), allow=[r"^(reader|validator): /", "reload failed"])
    good = filled(config_of()[0], files, proxy.port)
    proxy.write_config(good)
    proxy.start()
    before = proxy.status()
    for case in CASES:
        config, line = config_of(case)
        proxy.write_config(filled(config, files, proxy.port))
        assert_refusal(proxy.command("reload", check=False), case, proxy.config, line)
    proxy.write_config(good)
    after = proxy.status()
    for same in ("generation", "state", "workers", "signers"):
        assert after[same] == before[same]
    with lab.client(proxy) as client:
        assert client.ask().status == 502  # no server listens on the corpus's port
