"""Every case of tests/corpus: what the client gets, and byte for byte what the server sees."""

import re
import zlib

import pytest

from ravelin_test import corpus
from ravelin_test.client import client_context
from ravelin_test.lab import Lab
from ravelin_test.proxy import backend_block, site_block

CASES = corpus.load()


@pytest.fixture(scope="module")
def player(authority):
    """One proxy before one recorder, for all cases of a test process."""
    lab = Lab(authority)
    recorder = corpus.Recorder("web", "admin", "deep", "other")
    sites = [
        site_block(
            "localhost",
            [authority.certificate("localhost", "127.0.0.1")],
            ["127.0.0.1", "::1", "under_score.test"],
            {"/": "web", "/admin/": "admin", "/admin/deep/er/": "deep"},
            {"hsts": "0"},
        ),
        site_block("other.test", [authority.certificate("other.test")], (), {"/": "other"}),
    ]
    backends = [
        backend_block(name, [recorder.address(name)], {"retries": 0}) for name in ("web", "admin", "deep", "other")
    ]
    proxy = lab.proxy(sites=sites, backends=backends, allow=[".*"])
    yield corpus.Player(proxy, recorder, client_context(authority.ca))
    lab.close(test_failed=False)
    recorder.close()


def play(player, case, **options):
    """A server that sent unasked bytes is not trusted for a minute: a reload makes the proxy forget that."""
    player.play(case, **options)
    if any(step.words == ["dropped"] for step in case.all("connection")):
        player.proxy.reload()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_case_of_the_corpus(player, case):
    play(player, case)


def in_two(data):
    """Cut somewhere, but always at the same place."""
    at = zlib.crc32(data) % len(data)
    return [data[:at], data[at:]]


def in_bytes(data):
    return [data[i : i + 1] for i in range(len(data))]


CUT = [case for case in CASES if not case.all("whole")]


@pytest.mark.parametrize("case", CUT, ids=[case.name for case in CUT])
def test_a_case_that_comes_in_pieces(player, case):
    """However the messages are cut, what becomes of them is the same."""
    long = sum(len(step.data) for step in case.all("send", "reply")) > 300
    play(player, case, cut=in_two if long or zlib.crc32(case.name.encode()) % 2 else in_bytes)


def test_the_example_of_the_readme(player, lab):
    """Without the explanations behind the steps."""
    [block] = re.findall(r"^```\n(=== .*?)^```$", (corpus.FOLDER / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    path = lab.folder / "example.txt"
    path.write_text(re.sub(r"^(--- .*?) {2,}.*", r"\1", block.rstrip("\n"), flags=re.MULTILINE))
    [case] = corpus.read_cases(path)
    assert [step.verb for step in case.steps] == ["send", "backend", "client"]
    play(player, case)


def test_the_corpus_is_large():
    """As many as were promised, of both directions."""
    assert len(CASES) >= 250
    assert sum(1 for case in CASES if case.all("reply")) >= 80
