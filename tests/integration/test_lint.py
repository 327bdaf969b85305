"""proxy/lint: of each kind of fault one file that must be found and one that must pass."""

import os
import shutil

import pytest

from ravelin_test.processes import run
from ravelin_test.settings import ROOT

LINE = "int line;\n"


@pytest.fixture
def tree(lab):
    """A checkout with nothing but proxy/lint."""
    tree = lab.subfolder("tree")
    shutil.copytree(ROOT / "proxy/lint", tree / "proxy/lint")
    for folder in ("tests", "bench"):
        (tree / folder).mkdir()
    return tree


def put(tree, files):
    for name, content in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def check(tree, script):
    """The lines that a script prints. It must fail when there is one, and only then."""
    done = run([tree / "proxy/lint" / script], check=False)
    assert done.stderr == b""
    lines = done.stdout.decode().splitlines()
    assert done.returncode == (1 if lines else 0)
    return lines


# --- texts ------------------------------------------------------------------------------------------------------------


def function(lines):
    """A function of so many lines, its head in two of them."""
    return "static void f(int a,\n              int b) {\n" + "    a += b;\n" * (lines - 3) + "}\n"


def comment(columns):
    return "// " + "x" * (columns - 3) + "\n"


PRIVATE = {"proxy/http/inner.h": "// An inner part. Private to parse.c and response/.\n", "proxy/http/parse.c": ""}
INTERNAL = {"proxy/tls/a/hello_internal.h": "// An inner part.\n"}
INNER = '#include "http/inner.h"\n'
HELLO = '#include "tls/a/hello_internal.h"\n'

# Name, files that are right, files that are wrong, what is said of these.
TEXTS = [
    (
        "a comment of 100 columns",
        {"proxy/base/a.c": comment(100)},
        {"proxy/base/a.c": comment(101)},
        "a.c:1: width: 101 columns",
    ),
    (
        "a comment behind code",
        {"proxy/base/a.c": f'char *text = "{"x" * 100}//";\n'},
        {"proxy/base/a.c": "int a;" + " " * 80 + "// " + "x" * 20 + "\n"},
        "a.c:1: width: 109 columns",
    ),
    ("600 lines", {"tests/unit/a.c": LINE * 600}, {"tests/unit/a.c": LINE * 601}, "a.c:601: size: more than 600 lines"),
    (
        "70 lines of a function",
        {"bench/client/a.c": LINE + function(70)},
        {"bench/client/a.c": LINE + function(71)},
        "a.c:2: function: 71 lines, more than 70",
    ),
    (
        "a long function behind a short one",
        {"proxy/base/a.c": function(10) + "\n" + function(60) + "\n" + LINE * 80},
        {"proxy/base/a.c": function(10) + "\n" + function(80)},
        "a.c:12: function: 80 lines, more than 70",
    ),
    (
        "a section rule",
        {"proxy/base/a.c": f"{LINE}\n// --- Parts of it ---\n\n{LINE}"},
        {"proxy/base/a.c": f"{LINE}\n// --- Parts of it ------\n\n{LINE}"},
        "a.c:3: rule: write '// --- name ---', not '// --- Parts of it ------'",
    ),
    (
        "an empty line after a section rule",
        {"proxy/base/a.c": f"{LINE}\n// --- Parts ---\n\n{LINE}"},
        {"proxy/base/a.c": f"{LINE}\n// --- Parts ---\n{LINE}"},
        "a.c:3: rule: an empty line before and after it",
    ),
    (
        "an empty line before a section rule",
        {"proxy/base/a.c": f"{LINE}\n// --- Parts ---\n\n{LINE}"},
        {"proxy/base/a.c": f"{LINE}// --- Parts ---\n\n{LINE}"},
        "a.c:2: rule: an empty line before and after it",
    ),
    (
        "a header that is private to a file",
        {**PRIVATE, "proxy/http/parse.c": INNER, "proxy/http/inner.c": INNER, "tests/unit/a.c": INNER},
        {**PRIVATE, "proxy/http/other.c": INNER},
        'other.c:1: private: "http/inner.h" is private to parse.c, response/',
    ),
    (
        "a header that is private to a folder",
        {**PRIVATE, "proxy/http/response/a.c": INNER},
        {**PRIVATE, "proxy/http/response/a.c": "", "proxy/session/a.c": INNER},
        'a.c:1: private: "http/inner.h" is private to parse.c, response/',
    ),
    (
        "an internal header",
        {**INTERNAL, "proxy/tls/b/a.c": HELLO, "tests/unit/a.c": HELLO},
        {**INTERNAL, "proxy/session/a.c": HELLO},
        'a.c:1: private: "tls/a/hello_internal.h" is private to tls/',
    ),
    (
        "a path in a comment",
        {"proxy/base/a.c": "// See b.h, base/b.h, proxy/base/b.h and ../base/b.h.\n", "proxy/base/b.h": ""},
        {"proxy/base/a.c": "// See c.h.\n"},
        "a.c:1: path: c.h does not exist",
    ),
    (
        "a path with a folder in a comment",
        {"proxy/base/a.c": "int a; // http/b.h\n", "proxy/http/b.h": ""},
        {"proxy/base/a.c": "int a; // tls/b.h\n", "proxy/http/b.h": ""},
        "a.c:1: path: tls/b.h does not exist",
    ),
    (
        "a header from outside in a comment",
        {"proxy/base/a.c": "// See ev.h.\n#include <ev.h>\n"},
        {"proxy/base/a.c": "// See ev.h.\n"},
        "a.c:1: path: ev.h does not exist",
    ),
    (
        "a link in a page",
        {"proxy/README.md": "# Part\n[a](b/a.c), [b](https://a.test/b.c), [c](#part), [d](b/a.c#part)\n", "proxy/b/a.c": ""},
        {"proxy/README.md": "\n[a](base/c.c)\n"},
        "README.md:2: path: base/c.c does not exist",
    ),
    (
        "a link to a heading",
        {"proxy/README.md": "## `a`: the first, 1\n[a](#a-the-first-1), [b](b.md#b)\n", "proxy/b.md": "# B\n"},
        {"proxy/README.md": "[b](b.md#c)\n", "proxy/b.md": "# B\n"},
        "README.md:1: heading: b.md#c does not exist",
    ),
]


@pytest.mark.parametrize("right,wrong,said", [case[1:] for case in TEXTS], ids=[case[0] for case in TEXTS])
def test_texts(tree, right, wrong, said):
    put(tree, right)
    assert check(tree, "texts") == []
    put(tree, wrong)
    lines = check(tree, "texts")
    assert len(lines) == 1
    assert ("/" + lines[0]).endswith("/" + said)


# --- includes ---------------------------------------------------------------------------------------------------------

LAYERS = ["base", "observe", "config", "tls", "http", "backend", "exchange", "session", "process"]


def included(header):
    return f'#include "{header}"\n' if not header.startswith("<") else f"#include {header}\n"


# The file, what it may include, what it must not include, what is said of that.
INCLUDES = [
    ("main.c", "doctor/a.h", "main.h", '"main.h" is not written relative to proxy/'),
    ("tls/handshake/a.c", "tls/record/a.h", "tls/probe/a.h", 'tls/handshake must not include "tls/probe/a.h"'),
    ("tls/probe/a.c", "tls/certificate/a.h", "tls/handshake/a.h", 'tls/probe must not include "tls/handshake/a.h"'),
    ("tls/record/a.c", "tls/alert.h", "tls/prove/a.h", 'tls/record must not include "tls/prove/a.h"'),
    ("tls/prove/a.c", "tls/probe/a.h", "http/a.h", 'tls/ lies below http/ and must not include "http/a.h"'),
    ("doctor/a.c", "http/a.h", "backend/a.h", 'doctor/ must not include "backend/a.h"'),
    ("process/a.c", "session/a.h", "doctor/a.h", '"doctor/a.h" may be included only in doctor/ and main.c'),
    ("acme/a.c", "tls/a.h", "session/a.h", 'acme/ must not include "session/a.h"'),
    ("session/a.c", "tls/a.h", "acme/a.h", '"acme/a.h" may be included only in acme/ and process/'),
    ("session/a.c", "<ev.h>", "<confuse.h>", "confuse.h may be included only in config/"),
    ("http/parse.c", "<http_parser.h>", "<ev.h>", "ev.h may be included only in session/ backend/ monitor/ process/"),
    ("http/a.c", "<string.h>", "<http_parser.h>", "http_parser.h may be included only in http/parse.c"),
    ("process/signer.c", "<wolfssl/ssl.h>", "a.h", '"a.h" is not written relative to proxy/'),
    ("process/a.c", "<ev.h>", "<wolfssl/ssl.h>", "wolfssl/ssl.h may be included only in tls/ process/signer.c"),
    (
        "tls/record/aead_ipsec_mb.c",
        "<intel-ipsec-mb.h>",
        "exchange/a.h",
        'tls/ lies below exchange/ and must not include "exchange/a.h"',
    ),
]


@pytest.mark.parametrize("path,right,wrong,said", INCLUDES, ids=[f"{case[0]}, {case[2]}" for case in INCLUDES])
def test_includes(tree, path, right, wrong, said):
    put(tree, {f"proxy/{path}": included(right)})
    assert check(tree, "includes") == []
    put(tree, {f"proxy/{path}": included(right) + included(wrong)})
    assert check(tree, "includes") == [f"proxy/{path}:2: {said}"]


def test_each_layer_includes_itself_and_those_below(tree):
    for layer in LAYERS:
        put(tree, {f"proxy/{layer}/a.c": "".join(included(f"{other}/a.h") for other in LAYERS)})
    wrong = []
    for number, layer in enumerate(LAYERS):
        for line, other in enumerate(LAYERS[number + 1 :], number + 2):
            wrong.append(f'proxy/{layer}/a.c:{line}: {layer}/ lies below {other}/ and must not include "{other}/a.h"')
    assert sorted(check(tree, "includes")) == sorted(wrong)


@pytest.mark.parametrize("folder", ["base", "observe", "process", "doctor"])
def test_circles(tree, folder):
    """A header and its .c are one: a.c may include b.h, and b.c c.h, but c.h not a.h."""
    files = {"a.c": "b.h", "a.h": "a.h", "b.c": "c.h", "c.h": "d.h"}
    put(tree, {f"proxy/{folder}/{name}": included(f"{folder}/{other}") for name, other in files.items()})
    assert check(tree, "includes") == []
    put(tree, {f"proxy/{folder}/c.h": included(f"{folder}/a.h")})
    [line] = check(tree, "includes")
    start, circle = line.split(": these include each other: ")
    assert start == f"proxy/{folder}"
    assert sorted(circle.split()) == [f"{folder}/{name}" for name in "abc"]


# --- all --------------------------------------------------------------------------------------------------------------

TOOLS = {"clang-format": "format", "cppcheck": "cppcheck", "clang-tidy": "clang-tidy", "shellcheck": "shellcheck"}
# Stands for each of the tools: fails when one of its arguments is the file that the test names.
TOOL = """#!/bin/sh
[ "$1" != --version ] || { echo "a tool version 14.0.6"; exit 0; }
for word in "$@"; do
    [ "${0##*/} $word" != "$WRONG" ] || { echo "$word is wrong"; exit 1; }
done
"""


def lint(tree, wrong=""):
    """The exit status of the whole, and the lines of its output."""
    environment = {"PATH": f"{tree}/tools:{os.environ['PATH']}", "WRONG": wrong}
    done = run([tree / "proxy/lint/all"], check=False, environment=environment)
    return done.returncode, done.stdout.decode().splitlines()


@pytest.fixture
def whole(tree):
    """A checkout with a few files, and tools that find what they are told to find."""
    put(tree, {f"proxy/base/{name}.c": included("base/a.h") for name in "abc"})
    put(tree, {f"tools/{tool}": TOOL for tool in TOOLS})
    for tool in TOOLS:
        (tree / "tools" / tool).chmod(0o755)
    return tree


def test_all_passes(whole):
    status, lines = lint(whole)
    assert (status, lines[-1]) == (0, "6 passed, 0 failed")


@pytest.mark.parametrize("tool", TOOLS)
def test_all_fails_with_one_tool(whole, tool):
    wrong = {"cppcheck": "proxy", "shellcheck": "./proxy/lint/includes"}.get(tool, "proxy/base/b.c")
    status, lines = lint(whole, f"{tool} {wrong}")
    assert (status, lines[-1]) == (1, "5 passed, 1 failed")
    assert f"--- {TOOLS[tool]}: failed" in lines
    assert f"{wrong} is wrong" in lines


def test_all_fails_with_a_script(whole):
    put(whole, {"proxy/base/a.c": included("tls/a.h") + comment(101)})
    status, lines = lint(whole)
    assert (status, lines[-1]) == (1, "4 passed, 2 failed")
    assert {"--- includes: failed", "--- texts: failed"} <= set(lines)
