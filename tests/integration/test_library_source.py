"""proxy/deps: sources that are not as expected, and machines that cannot download them."""

import os
import shutil
import tarfile

import pytest

from ravelin_test.processes import run, text
from ravelin_test.settings import ROOT

# The places of wolfSSL 5.9.2 that proxy/deps/wolfssl changes: its edit -> (file, text).
PLACES = {
    "OCSP stapling without TLS 1.2": (
        "src/internal.c",
        "#if (defined(HAVE_CERTIFICATE_STATUS_REQUEST) || \\\n"
        "     defined(HAVE_CERTIFICATE_STATUS_REQUEST_V2)) && !defined(WOLFSSL_NO_TLS12)\n",
    ),
    "age of a ticket": (
        "src/internal.c",
        "        diff -= psk->ticketAge;\n        diff += ticketAdd;\n",
    ),
    "hashes of a handshake": (
        "src/internal.c",
        "int HashRaw(WOLFSSL* ssl, const byte* data, int sz)\n{\n"
        "        ret = wc_Sha384Update(&ssl->hsHashes->hashSha384, data, (word32)sz);\n"
        "        ret = wc_Sha512Update(&ssl->hsHashes->hashSha512, data, (word32)sz);\n}\n",
    ),
    "clear the AVX registers": (
        "wolfcrypt/src/sp_x86_64_asm.S",
        "sp_2048_get_from_table_avx2_32:\n        vmovdqu %ymm0, (%rdi)\n        repz retq\n" * 15,
    ),
}
SCRIPTS = ["wolfssl", "http-parser"]


@pytest.fixture
def tree(lab):
    """A checkout with nothing but proxy/deps."""
    tree = lab.subfolder("tree")
    (tree / "proxy").mkdir()
    shutil.copytree(ROOT / "proxy/deps", tree / "proxy/deps")
    return tree


def set_up(tree, script, **environment):
    """Runs a script of proxy/deps there; returns (exit code, output)."""
    given = {"WOLFSSL_PREFIX": "", "WOLFSSL_TARBALL": "", "HTTP_PARSER_TARBALL": "", **environment}
    result = run(["bash", tree / "proxy/deps" / script], check=False, environment=given)
    return result.returncode, text(result.stdout + result.stderr)


def wolfssl_tarball(folder, without=None):
    """What looks like wolfSSL 5.9.2, but for the place of one edit. Its configure fails."""
    top = folder / "wolfssl"
    (top / "src").mkdir(parents=True)
    (top / "wolfcrypt/src").mkdir(parents=True)
    (top / "configure.ac").write_text("AC_INIT([wolfssl],[5.9.2],[mail])\n")
    (top / "configure").write_text("#!/bin/sh\necho configure was reached\nexit 1\n")
    (top / "configure").chmod(0o755)
    for name in ("src/internal.c", "wolfcrypt/src/sp_x86_64_asm.S"):
        (top / name).write_text("".join(place for at, (file, place) in PLACES.items() if file == name and at != without))
    with tarfile.open(folder / "wolfssl.tar", "w") as tarball:
        tarball.add(top, "wolfssl")
    return str(folder / "wolfssl.tar")


def test_a_source_with_every_place_is_configured(lab, tree):
    status, output = set_up(tree, "wolfssl", WOLFSSL_TARBALL=wolfssl_tarball(lab.folder))
    assert status == 1
    assert "configure was reached" in output


@pytest.mark.parametrize("edit", PLACES)
def test_an_edit_without_its_place_ends_the_build(lab, tree, edit):
    status, output = set_up(tree, "wolfssl", WOLFSSL_TARBALL=wolfssl_tarball(lab.folder, without=edit))
    assert status == 1
    assert f"wolfssl: {edit}: {PLACES[edit][0]} is not as expected: the edit makes 0 new lines" in output
    assert "configure was reached" not in output


def test_an_edit_that_finds_part_of_its_place_ends_the_build(lab, tree, monkeypatch):
    file, place = PLACES["hashes of a handshake"]
    changed = place.replace("ret = wc_Sha512Update", "result = wc_Sha512Update")
    monkeypatch.setitem(PLACES, "hashes of a handshake", (file, changed))
    status, output = set_up(tree, "wolfssl", WOLFSSL_TARBALL=wolfssl_tarball(lab.folder))
    assert status == 1
    assert "wolfssl: hashes of a handshake: src/internal.c is not as expected: the edit makes 4 new lines" in output


def path_without_apt(folder):
    """A PATH with every program of this machine but apt's and dpkg's."""
    folder.mkdir()
    for place in ("/usr/bin", "/bin"):
        for name in os.listdir(place):
            if not name.startswith(("apt", "dpkg")) and not (folder / name).is_symlink():
                (folder / name).symlink_to(f"{place}/{name}")
    return str(folder)


@pytest.mark.parametrize("script", SCRIPTS)
def test_without_apt_the_message_names_what_to_give(lab, tree, script):
    status, output = set_up(tree, script, PATH=path_without_apt(lab.folder / "path"))
    assert status == 1
    [line] = output.splitlines()
    wanted = "WOLFSSL_TARBALL=FILE (a release, 5.9.2 or later) or WOLFSSL_PREFIX=FOLDER"
    if script == "http-parser":
        wanted = "HTTP_PARSER_TARBALL=FILE"
    assert line == f"{script}: no apt here: give {wanted}"


def apt_that(folder, program):
    """A PATH on which apt-get is this shell program."""
    folder.mkdir()
    (folder / "apt-get").write_text(f"#!/bin/sh\n{program}\n")
    (folder / "apt-get").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.mark.parametrize("script", SCRIPTS)
def test_apt_without_mirrors_is_not_called_a_network_problem(lab, tree, script):
    status, output = set_up(tree, script, PATH=apt_that(lab.folder / "path", "exit 0"))
    assert status == 1
    assert f"{script}: apt has no Debian mirror configured here: give " in output
    assert "network" not in output


MIRROR = "*print-uris*) echo \"'http://127.0.0.1:9/debian/dists/$release/InRelease' x 0\";;"


@pytest.mark.parametrize("release", ["trixie", "bookworm", "forky"])
def test_the_source_of_http_parser_is_that_of_the_release(lab, tree, release):
    """What is asked for, in this order, of a mirror that gives nothing."""
    script = tree / "proxy/deps/http-parser"
    (lab.folder / "os-release").write_text(f"VERSION_CODENAME={release}\n")
    script.write_text(script.read_text().replace("/etc/os-release", str(lab.folder / "os-release")))
    asked = lab.folder / "asked"
    apt = f'release={release}\ncase "$*" in {MIRROR} *update*) cat "$PWD"/build/deps/*/download/sources.list'
    status, output = set_up(tree, "http-parser", PATH=apt_that(lab.folder / "path", f"{apt} >>{asked}; exit 1;; esac"))
    assert status == 1
    assert "Is there a network" in output and "HTTP_PARSER_TARBALL=FILE" in output
    suites = [line.split(" main")[0].split()[-1] for line in asked.read_text().splitlines()]
    assert suites == list(dict.fromkeys([release, "trixie", "bookworm"]))
