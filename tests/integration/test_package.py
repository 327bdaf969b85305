"""The files of the Debian package. tests/package builds and uses it."""

import re

from ravelin_test.processes import run, text
from ravelin_test.settings import ROOT


def test_it_depends_on_what_make_installs():
    """Build-Depends has each library that proxy/deps/packages installs for a build."""
    script = (ROOT / "proxy/deps/packages").read_text()
    wanted = re.search(r"^build=\((.*?)\)", script, re.DOTALL | re.MULTILINE).group(1).split()
    libraries = {name for name in wanted if re.fullmatch(r"lib\w+-dev", name)} - {"libc6-dev"}
    assert len(libraries) >= 4
    control = (ROOT / "conf/package/debian/control").read_text()
    depends = re.search(r"^Build-Depends: (.*?)^\w", control, re.DOTALL | re.MULTILINE).group(1)
    assert libraries <= set(re.findall(r"[\w-]+", depends))
    # And so does the command for arm64.
    manual = (ROOT / "conf/package/README.md").read_text()
    assert libraries <= set(re.findall(r"([\w-]+):arm64", manual))


def test_there_is_a_copyright_for_each_library():
    copyright = (ROOT / "conf/package/debian/copyright").read_text()
    for name in ("wolfssl", "http-parser", "libipsec-mb"):
        assert name in copyright
    names = set(re.findall(r"^License: (\S+)$", copyright, re.MULTILINE))
    texts = set(re.findall(r"^License: (\S+)\n \S", copyright, re.MULTILINE))
    assert names == texts


def test_scripts_have_no_syntax_errors():
    for path in sorted((ROOT / "conf/package").rglob("*")):
        first = path.read_bytes().split(b"\n", 1)[0] if path.is_file() else b""
        if first.startswith(b"#!/bin/sh") or first.endswith(b"bash"):
            result = run(["bash" if b"bash" in first else "sh", "-n", path], check=False)
            assert result.returncode == 0, text(result.stderr)
