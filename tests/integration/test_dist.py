"""`make dist`: the release tarball; and what a build must not say of the place and time it was made at."""

import hashlib
import re
import tarfile

import pytest

from ravelin_test.processes import run, text
from ravelin_test.settings import RAVELIN, ROOT

VERSION = re.search(r"^VERSION := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE).group(1)
TARBALL = ROOT / f"build/ravelin-{VERSION}.tar.gz"
GIT = ["git", "-c", "safe.directory=*", "-C", ROOT]


def in_checkout():
    return (ROOT / ".git").exists()


pytestmark = pytest.mark.skipif(not in_checkout(), reason="this is no git checkout")


@pytest.fixture(scope="module")
def commit():
    return text(run([*GIT, "rev-parse", "HEAD"]).stdout).strip()


def make_tarball():
    run([ROOT / "conf/package/dist", VERSION])
    return hashlib.sha256(TARBALL.read_bytes()).hexdigest()


def test_the_tarball_is_the_commit(lab, commit):
    """The same bytes each time; every file of the commit and no other; the commit in proxy/deps/commit."""
    assert make_tarball() == make_tarball()
    with tarfile.open(TARBALL) as tarball:
        names = [member.name for member in tarball if not member.isdir()]
        tarball.extractall(lab.folder)
    top = f"ravelin-{VERSION}"
    listed = text(run([*GIT, "ls-tree", "-r", "-z", "--name-only", "HEAD"]).stdout).split("\0")[:-1]
    assert sorted(names) == sorted(f"{top}/{name}" for name in listed)
    assert (lab.folder / top / "proxy/deps/commit").read_text().strip() == commit


def test_a_build_from_the_tarball_has_the_version_of_the_commit(lab, commit):
    make_tarball()
    run(["tar", "-xf", TARBALL, "-C", lab.folder])
    tree = lab.folder / f"ravelin-{VERSION}"
    run(["make", "-C", tree, "build/version"], environment={"MAKEFLAGS": "", "MAKELEVEL": ""})
    assert (tree / "build/version").read_text() == f"{VERSION} ({commit[:12]})\n"


def test_without_git_there_is_nothing_to_make_it_from(lab):
    (lab.folder / "conf/package").mkdir(parents=True)
    (lab.folder / "conf/package/dist").write_bytes((ROOT / "conf/package/dist").read_bytes())
    result = run(["bash", lab.folder / "conf/package/dist", VERSION], check=False)
    assert result.returncode == 1
    assert "this is no git checkout" in text(result.stderr)


@pytest.mark.skipif(RAVELIN != ROOT / "build/ravelin", reason="the release build is reproducible")
def test_the_program_does_not_tell_where_it_was_built():
    for path in (RAVELIN, ROOT / "build/deps/wolfssl/lib/libwolfssl.a", ROOT / "build/deps/http-parser/lib/libhttp_parser.a"):
        assert str(ROOT).encode() not in path.read_bytes(), path
