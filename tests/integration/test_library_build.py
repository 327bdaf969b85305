"""proxy/deps/wolfssl takes no library that somebody else built with something weaker in it."""

import re
import shutil

import pytest

from ravelin_test.processes import run, text
from ravelin_test.settings import ROOT

OURS = ROOT / "build/deps/wolfssl"


@pytest.fixture
def take(lab):
    """Gives the script a library with this options.h, in a tree of the test's own; returns (exit code, stderr, tree)."""
    tree = lab.subfolder("tree")
    (tree / "proxy").mkdir()
    shutil.copytree(ROOT / "proxy/deps", tree / "proxy/deps")
    prefix = lab.subfolder("prefix")
    (prefix / "include/wolfssl").mkdir(parents=True)
    (prefix / "lib").mkdir()
    (prefix / "lib/libwolfssl.a").write_bytes(b"!<arch>\n")
    shutil.copy(OURS / "include/wolfssl/version.h", prefix / "include/wolfssl")

    def take(options):
        (prefix / "include/wolfssl/options.h").write_text(options)
        environment = {"WOLFSSL_PREFIX": str(prefix), "WOLFSSL_TARBALL": ""}
        result = run(["bash", tree / "proxy/deps/wolfssl"], check=False, environment=environment)
        return result.returncode, text(result.stderr), tree

    return take


def options():
    return (OURS / "include/wolfssl/options.h").read_text()


def test_our_own_options_are_taken(take):
    status, errors, tree = take(options())
    assert status == 0, errors
    assert (tree / "build/deps/wolfssl/lib/libwolfssl.a").exists()


@pytest.mark.parametrize(
    "name", ["WOLFSSL_NO_TLS12", "NO_OLD_TLS", "NO_PSK", "NO_DH", "NO_SHA", "NO_FILESYSTEM", "WOLFSSL_HAVE_MLKEM"]
)
def test_what_is_missing_is_named(take, name):
    shorter = re.sub(rf"(?m)^#define {name}$", "", options())
    assert shorter != options()
    status, errors, tree = take(shorter)
    assert status != 0 and name in errors
    assert not (tree / "build/deps/wolfssl").exists()


@pytest.mark.parametrize(
    "name", ["WOLFSSL_EARLY_DATA", "HAVE_NULL_CIPHER", "WOLFSSL_SSLKEYLOGFILE", "OPENSSL_EXTRA", "WOLFSSL_DTLS"]
)
@pytest.mark.parametrize("form", ["#define {}\n", "  # define {}\t1\n"])
def test_what_must_not_be_there_is_named(take, name, form):
    status, errors, tree = take(options() + form.format(name))
    assert status != 0 and name in errors
    assert not (tree / "build/deps/wolfssl").exists()
