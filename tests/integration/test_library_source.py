"""proxy/deps accepts no source that its edits do not match."""

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
