"""The bench suite: that it reads its tools right, counts no error as speed, and judges as it says."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

import pytest

from ravelin_test.folders import new_folder, remove_folder
from ravelin_test.processes import run
from ravelin_test.settings import PATIENCE, RAVELIN, ROOT
from ravelin_test.waiting import wait_for

sys.path.insert(0, str(ROOT / "bench"))

from suite import plots, report  # noqa: E402  (after the path)
from suite.check import tls_problems  # noqa: E402
from suite.cli import FULL, QUICK  # noqa: E402
from suite.client import Client, ClientError, problems_of  # noqa: E402
from suite import http2  # noqa: E402
from suite.loads import Compared, Result, ServerDies, h2load_result, wrk_result  # noqa: E402
from suite.proxies import Job, may_be_ahead  # noqa: E402
from suite.scenarios import SCENARIOS  # noqa: E402
from suite.stats import best_peer, by_name, figures, judged, ratio  # noqa: E402
from suite.url import Place, place_of, somewhere_there  # noqa: E402

CLIENT = ROOT / "build/bench-client"
BODY = b"0123456789abcdef" * 64


# --- What tools print ---------------------------------------------------------------------------------------------------

WRK = """summary requests 1000
summary bytes 1200000
summary duration_us 2000000
summary errors_connect 0
summary errors_read 0
summary errors_write 0
summary errors_status 0
summary errors_timeout 0
"""
H2LOAD = """finished in 250.00ms, 1600.00 req/s, 1.60MB/s
requests: 400 total, 400 started, 400 done, 400 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 400 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 480.00KB (480000) total, 70.00KB (70000) headers (space savings 0.00%), 400.00KB (409600) data
"""
H2LOAD_STREAMS = """Application protocol: h2
finished in 1.00s, 1600.00 req/s, 1.60MB/s
requests: 400 total, 416 started, 400 done, 400 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 400 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 480.00KB (480000) total, 70.00KB (70000) headers (space savings 0.00%), 400.00KB (409700) data
"""
# By version: 3.0 (Debian 12), 3.5 (Debian 13).
OPENSSL = {
    "3.0": """Protocol version: TLSv1.3
Ciphersuite: TLS_AES_128_GCM_SHA256
Signature type: ECDSA
Server Temp Key: X25519, 253 bits
""",
    "3.5": """Protocol version: TLSv1.3
Ciphersuite: TLS_AES_128_GCM_SHA256
Signature type: ecdsa_secp256r1_sha256
Peer Temp Key: X25519, 253 bits
""",
}


def test_wrk_is_read():
    result = wrk_result(WRK, 1024)
    assert (result.requests, result.bytes, result.seconds, result.problems) == (1000, 1200000, 2.0, [])


@pytest.mark.parametrize(
    "was, now, problem",
    [
        ("errors_status 0", "errors_status 3", "3 errors \\(status\\)"),
        ("errors_timeout 0", "errors_timeout 1", "1 errors \\(timeout\\)"),
        ("requests 1000", "requests 0", "no response"),
        ("bytes 1200000", "bytes 1000000", "1000 responses in only 1000000 bytes"),
        ("summary duration_us 2000000\n", "", "no summary"),
    ],
)
def test_what_wrk_reports_as_wrong_is_no_speed(was, now, problem):
    assert re.search(problem, wrk_result(WRK.replace(was, now), 1024).problems[0])


def test_h2load_is_read():
    result = h2load_result(H2LOAD, 400, 1024)
    assert (result.requests, result.bytes, result.seconds, result.problems) == (400, 409600, 0.25, [])


@pytest.mark.parametrize(
    "was, now, problem",
    [
        ("400 succeeded, 0 failed", "399 succeeded, 1 failed", "399 succeeded, 1 failed"),
        ("400 2xx, 0 3xx, 0 4xx, 0 5xx", "399 2xx, 0 3xx, 0 4xx, 1 5xx", "399 2xx"),
        ("(409600) data", "(409599) data", "409599 body bytes instead of 409600"),
        ("finished in", "stopped in", "no summary"),
    ],
)
def test_what_h2load_reports_as_wrong_is_no_speed(was, now, problem):
    assert problem in h2load_result(H2LOAD.replace(was, now), 400, 1024).problems[0]


def test_h2load_is_read_where_streams_are_under_way_at_the_end():
    result = http2.streams_result(H2LOAD_STREAMS, 1, 1024)
    assert (result.requests, result.bytes, result.seconds, result.problems) == (400, 409700, 1, [])


@pytest.mark.parametrize(
    "was, now, problem",
    [
        ("protocol: h2", "protocol: http/1.1", "not by HTTP/2"),
        ("400 succeeded, 0 failed", "399 succeeded, 1 failed", "399 succeeded, 1 failed"),
        ("400 succeeded, 0 failed, 0 errored, 0", "400 succeeded, 0 failed, 0 errored, 2", "2 timeout"),
        ("400 2xx, 0 3xx, 0 4xx, 0 5xx", "399 2xx, 0 3xx, 0 4xx, 1 5xx", "399 2xx"),
        ("(409700) data", "(409599) data", "400 responses in only 409599 bytes"),
        ("400 done, 400 succeeded", "0 done, 0 succeeded", "no response at all"),
        ("traffic", "", "no summary"),
    ],
)
def test_what_h2load_reports_as_wrong_of_streams_is_no_speed(was, now, problem):
    assert problem in http2.streams_result(H2LOAD_STREAMS.replace(was, now), 1, 1024).problems[0]


def test_a_connection_is_idle_when_its_response_is_whole():
    head, body = http2.frame(http2.HEADERS, 4, 1, b"\x88"), http2.frame(http2.DATA, 1, 1, b"body")
    assert http2.has_response(http2.frame(http2.SETTINGS, 0, 0) + head + body)
    assert not http2.has_response(head + body[:-1])
    assert not http2.has_response(head)
    with pytest.raises(ClientError):
        http2.has_response(http2.frame(3, 0, 1, bytes(4)))


@pytest.mark.parametrize("printed", OPENSSL.values(), ids=OPENSSL.keys())
def test_a_proxy_that_does_other_work_is_found_out(printed):
    assert tls_problems(printed, Job()) == []
    assert len(tls_problems(printed.replace("AES_128", "AES_256"), Job())) == 1
    assert len(tls_problems(printed.replace("TLSv1.3", "TLSv1.2"), Job())) == 1
    [problem] = tls_problems(printed.replace("X25519, 253", "ECDH, 253"), Job())
    assert problem == "the handshake has Temp Key ECDH instead of X25519"
    assert len(tls_problems(printed, Job(kind="rsa"))) == 1
    assert len(tls_problems("", Job())) == 4


def test_each_version_of_openssl_names_an_rsa_signature():
    for version, name in (("3.0", "RSA-PSS"), ("3.5", "rsa_pss_rsae_sha256")):
        printed = re.sub("Signature type: .*", f"Signature type: {name}", OPENSSL[version])
        assert tls_problems(printed, Job(kind="rsa")) == []
        assert len(tls_problems(printed, Job())) == 1


# --- From samples to judgements -----------------------------------------------------------------------------------------

PROXIES = {
    "Ravelin": ("Ravelin", True, True),
    "nginx 1": ("nginx", True, True),
    "HAProxy 1": ("HAProxy", True, True),
    "hitch 1": ("hitch", False, True),
    "stunnel 1": ("stunnel", False, False),
}


def row(proxy, totals, problems=()):
    samples = [
        {
            "round": number,
            "others": 0.01,
            "short": False,
            "user": total / 2,
            "system": total / 2,
            "total": total,
            "rate": 9,
        }
        for number, total in enumerate(totals)
    ]
    return {"proxy": proxy, "unfit": None, "samples": samples, "problems": list(problems)}


def a_scenario(rows, **changes):
    return {
        "name": "1k",
        "title": "Small responses",
        "kind": "work",
        "unit": {"name": "request", "rate": "requests/s", "time": "µs", "scale": 1e6, "bytes": 0},
        "http_peers_only": False,
        "beside": "",
        "first": "",
        "goals": [{"metric": "total", "limit": 0.5, "against": "best"}],
        "rows": rows,
        **changes,
    }


def a_run(*scenarios):
    return {
        "format": 3,
        "complete": True,
        "command": "bench/run",
        "minutes": 1,
        "settings": {"seconds": 1, "cpu_seconds": 1},
        "machine": {
            "date": "today",
            "processor": "a processor",
            "processor_flags": ["aes"],
            "processors": 2,
            "virtual": False,
            "memory_gib": 1,
            "kernel": "6",
            "congestion_control": "cubic",
            "system": "Debian",
            "load_at_start": 0,
        },
        "tools": {"wrk": "1"},
        "proxies": {
            name: {"version": "1", "family": family, "parses_http": parses, "compares": compares, "newer": False}
            for name, (family, parses, compares) in PROXIES.items()
        },
        "absent": [],
        "left_out": [],
        "scenarios": list(scenarios),
    }


ROWS = [
    row("Ravelin", [4, 40, 4]),
    row("nginx 1", [10, 100, 10]),
    row("HAProxy 1", [12, 12, 12]),
    row("hitch 1", [8, 8, 8]),
    row("stunnel 1", [1, 1, 1]),
]


def test_a_ratio_is_the_median_of_the_rounds_and_noise_of_a_round_falls_out():
    assert ratio(ROWS[0], ROWS[1], "total") == pytest.approx(0.4)
    assert figures(ROWS[0])["total"] == {"median": 4, "least": 4, "most": 40}


def test_the_best_peer_is_the_cheapest_that_does_the_same():
    proxies = a_run()["proxies"]
    assert best_peer(a_scenario(ROWS), proxies, "total")["proxy"] == "hitch 1"
    assert best_peer(a_scenario(ROWS, http_peers_only=True), proxies, "total")["proxy"] == "nginx 1"
    assert best_peer(a_scenario(ROWS), proxies, "total", "HAProxy")["proxy"] == "HAProxy 1"
    assert best_peer(a_scenario(ROWS[:1]), proxies, "total") is None
    assert best_peer(a_scenario(ROWS), proxies, "p99") is None


def test_what_failed_once_has_no_figures_and_is_nobodys_measure():
    rows = [ROWS[0], ROWS[1], row("hitch 1", [0.1, 0.1], ["wrk: 1 errors (status)"])]
    run_ = a_run(a_scenario(rows))
    assert best_peer(rows and a_scenario(rows), run_["proxies"], "total")["proxy"] == "nginx 1"
    report.add_figures(run_)
    assert "figures" not in rows[2]
    text = report.as_markdown(run_)
    assert "| hitch 1 | invalid |" in text
    assert "1k: hitch 1: wrk: 1 errors (status)" in text


def test_goals_are_judged():
    proxies = a_run()["proxies"]
    assert judged(a_scenario(ROWS[:2]), proxies)[0]["holds"] is True
    assert judged(a_scenario(ROWS[:4]), proxies)[0]["holds"] is True  # 4 of hitch's 8
    strict = a_scenario(ROWS[:4], goals=[{"metric": "total", "limit": 0.3, "against": "nginx"}])
    assert judged(strict, proxies)[0] | {"ratio": 0} == {
        **strict["goals"][0],
        "peer": "nginx 1",
        "ratio": 0,
        "holds": False,
    }
    assert judged(a_scenario(ROWS[:1]), proxies)[0]["holds"] is None
    text = report.as_markdown(a_run(strict))
    assert "| Small responses | total CPU | 0.40 | ÷ nginx 1 | ≤ 0.30 | **no** |" in text


def a_death(*pairs):
    """A row with these p99: with four live servers, and while one dies."""
    made = row("Ravelin", [1] * len(pairs))
    for sample, (live, dead) in zip(made["samples"], pairs):
        sample.update(p50=dead, p99=dead, p999=dead, first_p99=live)
        del sample["total"]
    goals = [{"metric": "p99", "limit": 1.2, "against": "first"}]
    return a_scenario([made], kind="death", title="One dies", goals=goals, first="four live servers")


def test_a_death_is_judged_by_what_was_before():
    proxies = a_run()["proxies"]
    assert judged(a_death((1e-3, 1.1e-3), (2e-3, 2.2e-3), (1e-3, 9e-3)), proxies)[0]["holds"] is True
    bad = a_death((1e-3, 1.3e-3), (2e-3, 2.6e-3), (9e-3, 9e-3))
    assert judged(bad, proxies)[0]["ratio"] == pytest.approx(1.3)
    text = report.as_markdown(a_run(bad))
    assert "| One dies | p99 latency | 1.30 | ÷ four live servers | ≤ 1.20 | **no** |" in text
    assert "| Ravelin | 2.60 | 2.60 | 1.30–9.00 | 2.60 | 1.30–9.00 | 9.00 | 2.00 |" in text
    bad["rows"][0]["problems"].append("client: 1 errors")
    assert judged(bad, proxies)[0]["holds"] is None


def test_a_change_is_judged_by_what_was_first():
    change = a_death((1e-3, 1.1e-3))
    change |= {"kind": "change", "title": "Urgent", "first": "no downloads"}
    text = report.as_markdown(a_run(change))
    assert "| Urgent | p99 latency | 1.10 | ÷ no downloads | ≤ 1.20 | yes |" in text
    assert "| requests/s | p99 with no downloads |" in text


def test_two_loads_are_compared():
    class Load:
        def __init__(self, p99, problems=()):
            self.made = Result(10, seconds=1, values={"p99": p99}, problems=list(problems))

        @contextlib.contextmanager
        def start(self, target):
            yield self

        def run(self, seconds):
            return self.made

    with Compared(Load(1), Load(2)).start(None) as session:
        result = session.run(1)
    assert (result.requests, result.values, result.problems) == (10, {"p99": 2, "first_p99": 1}, [])
    with Compared(Load(1, ["one"]), Load(2, ["two"])).start(None) as session:
        assert session.run(1).problems == ["one", "two"]


class Mourners:
    """A load and a backend that note what happens."""

    problem = "client: 1 errors"

    def __init__(self, failing=None):
        self.events, self.failing = [], failing
        self.killed = threading.Event()

    def revive(self):
        self.events.append("revived")

    def kill(self):
        self.events.append("killed")
        self.killed.set()

    @contextlib.contextmanager
    def start(self, target):
        yield self

    def run(self, seconds):
        count = self.events.count("run")
        self.events.append("run")
        assert count == 0 or self.killed.wait(PATIENCE)
        return Result(10, values={"p99": count + 1}, problems=[self.problem] if count == self.failing else [])


def test_the_server_dies_in_the_middle_of_the_second_part():
    mourners = Mourners()
    target = type("Target", (), {"backend": mourners})
    with ServerDies(mourners).start(target) as session:
        result = session.run(2)
    assert mourners.events == ["revived", "run", "run", "killed"]
    assert (result.values, result.problems) == ({"p99": 2, "first_p99": 1}, [])


@pytest.mark.parametrize("failing, told", [(0, "before the death: client: 1 errors"), (1, "client: 1 errors")])
def test_an_error_before_or_after_a_death_is_a_problem(failing, told):
    mourners = Mourners(failing)
    with ServerDies(mourners).start(type("Target", (), {"backend": mourners})) as session:
        assert session.run(0.01).problems == [told]


def test_memory_and_start_are_judged_from_the_curves():
    def curve(name, points):
        rows = [{"proxy": "Ravelin", "unfit": None, "problems": [], "points": points}]
        return {"name": name, "title": name, "kind": "growth", "axis": name, "steps": [10, 10000], "rows": rows}

    points = [
        {"x": 10, "values": {"memory": 1 << 20, "total": 1e-5}},
        {"x": 10000, "values": {"memory": 21 << 20, "total": 2e-5, "user_memory": 2048, "kernel_memory": 4096}},
    ]
    text = report.as_markdown(a_run(curve("connections", points)))
    assert "| 10,000 idle TLS connections | user memory of each | 2.00 KiB |  | ≤ 1.5 KiB | **no** |" in text
    assert "from 10 to 10,000 connections | total CPU | 2.00 |" in text
    assert "| Ravelin | 1.00 | 21.0 |" in text
    sites = [{"x": x, "values": {"start": x / 10000, "memory": 1, "handshake": 1, "request": 1}} for x in (1, 1000)]
    text = report.as_markdown(a_run({**curve("sites", sites), "steps": [1, 1000]}))
    assert "| 1,000 certificates | cold start | 0.10 s |  | ≤ 0.5 s | yes |" in text


def test_a_noisy_machine_is_named():
    loud = [{**ROWS[0], "samples": [{**sample, "others": 0.5} for sample in ROWS[0]["samples"]]}]
    assert "not quiet" in report.as_markdown(a_run(a_scenario(loud)))
    assert "not quiet" not in report.as_markdown(a_run(a_scenario(ROWS)))
    assert "not complete" in report.as_markdown({**a_run(a_scenario(ROWS)), "complete": False})


def test_plots_are_drawn(tmp_path):
    point = {"x": 10, "values": {"memory": 1 << 20, "total": 1e-5}}
    curve_rows = [{"proxy": "Ravelin", "unfit": None, "problems": [], "points": [point]}]
    curve = {"name": "connections", "title": "c", "kind": "growth", "axis": "c", "steps": [10], "rows": curve_rows}
    late = [{**sample, "p50": 1e-3, "p99": 2e-3, "p999": 3e-3} for sample in ROWS[0]["samples"]]
    latency = a_scenario([{**ROWS[0], "samples": late}], kind="latency")
    made = plots.draw(a_run(a_scenario(ROWS), latency, curve), tmp_path, "r-")
    assert [name for _, name in made] == ["r-cpu.svg", "r-latency.svg", "r-growth.svg"]
    for name in ("r-cpu", "r-latency", "r-growth"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert b"<svg" in (tmp_path / f"{name}.svg").read_bytes()


# --- The load client ----------------------------------------------------------------------------------------------------


class Answers:
    """A plain HTTP server: `answer` gets a request's number and returns what to send, or None to hang up."""

    def __init__(self, answer):
        self.answer = answer
        self.count = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                peer = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=[peer], daemon=True).start()

    def _serve(self, peer):
        with peer, contextlib.suppress(OSError):
            while peer.recv(65536):
                with self._lock:
                    self.count += 1
                    number = self.count
                data = self.answer(number)
                if data is None:
                    return
                peer.sendall(data)

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


class Streams(Answers):
    """Answers each request of an HTTP/2 connection: the argument of `answer` is its stream and header block."""

    def _serve(self, peer):
        with peer, contextlib.suppress(OSError):
            peer.sendall(http2.frame(http2.SETTINGS, 0, 0))
            received, at = bytearray(), len(http2.PREFACE)
            while data := peer.recv(65536):
                received += data
                while at + 9 <= len(received) and at + 9 + (size := int.from_bytes(received[at : at + 3], "big")) <= len(
                    received
                ):
                    kind, stream = received[at + 3], int.from_bytes(received[at + 5 : at + 9], "big")
                    answer = self.answer(stream, bytes(received[at + 9 : at + 9 + size])) if kind == 1 else b""
                    if answer is None:
                        return
                    peer.sendall(answer)
                    at += 9 + size


def a_response(stream, body=BODY, status=b"\x88", flags=http2.END_HEADERS):
    head = http2.frame(http2.HEADERS, flags, stream, status)
    return head + http2.frame(http2.DATA, http2.END_STREAM, stream, body)


def ok(body=BODY):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@pytest.fixture
def ask(tmp_path):
    """Starts a client of a server that answers so."""
    with contextlib.ExitStack() as stack:

        def start(answer, *words):
            server = (Streams if "--http2" in words else Answers)(answer)
            stack.callback(server.close)
            (tmp_path / "body").write_bytes(BODY)
            workshop = type("Workshop", (), {"client": CLIENT})
            client = Client(workshop, server.port, "--plain", "--body", tmp_path / "body", *words)
            return stack.enter_context(client)

        yield start


def test_good_answers_are_counted(ask):
    client = ask(lambda number: ok())
    assert client.open(3)["open"] == 3
    answer = client.run(100, 0.5)
    assert (answer["requests"], answer["errors"], answer["bytes"]) == (50, 0, 50 * len(BODY))
    assert answer["connects"] == 0
    assert problems_of(answer) == []
    assert client.fresh(2, 0, 0.1)["connects"] > 0


@pytest.mark.parametrize(
    "bad",
    [
        ok(BODY[:-1] + b"!"),
        ok(BODY[:-1]),
        ok(BODY + b"!"),
        ok().replace(b"200 OK", b"500 No"),
        ok().replace(b"HTTP/1.1", b"HTTQ/1.1"),
        ok() + b"more",
        None,
    ],
    ids=["another byte", "short", "long", "status", "no HTTP", "more after it", "closed"],
)
def test_a_wrong_answer_is_an_error_and_no_speed(ask, bad):
    client = ask(lambda number: bad if number == 5 else ok())
    client.open(2)
    answer = client.run(50, 0.4)
    assert answer["errors"] >= 1
    assert answer["requests"] <= 20
    assert problems_of(answer)


def test_a_stall_is_felt_by_all_that_was_due_meanwhile(ask):
    """If latency counted from when they were sent, one of fifty would be late."""

    def stall(number):
        if number == 5:
            time.sleep(0.5)
        return ok()

    client = ask(stall)
    client.open(1)
    answer = client.run(50, 1.0)
    assert answer["requests"] == 50
    assert answer["latency_us"]["max"] >= 480_000
    assert answer["latency_us"]["p90"] >= 200_000  # 25 were due meanwhile: 0.5 s late, 0.48 s, and so on


LARGE = 40000


def large_or_small(stream, block, large=LARGE):
    if b"/large" not in block:
        return a_response(stream)
    parts = [http2.frame(http2.DATA, 0, stream, bytes(large // 4)) for _ in range(4)]
    return http2.frame(http2.HEADERS, 4, stream, b"\x20\x88") + b"".join(parts) + http2.frame(0, 1, stream)


def test_streams_are_counted(ask):
    client = ask(large_or_small, "--http2", "--priority", "u=0", "--beside", f"2,{LARGE},/large")
    assert client.open(3)["open"] == 3
    answer = client.run(100, 0.5)
    assert (answer["requests"], answer["errors"], answer["bytes"]) == (50, 0, 50 * len(BODY))
    assert answer["connects"] == 0 and answer["beside"] > LARGE
    assert problems_of(answer) == []


@pytest.mark.parametrize(
    "bad",
    [
        lambda stream: a_response(stream, BODY[:-1] + b"!"),
        lambda stream: a_response(stream, BODY[:-1]),
        lambda stream: a_response(stream, BODY + b"!"),
        lambda stream: a_response(stream, status=b"\x8d"),
        lambda stream: a_response(stream, flags=0),
        lambda stream: http2.frame(3, 0, stream, bytes(4)),
        lambda stream: http2.frame(7, 0, 0, bytes(8)),
        lambda stream: ok(),
        lambda stream: None,
    ],
    ids=["another byte", "short", "long", "status", "in parts", "reset", "GOAWAY", "no HTTP/2", "closed"],
)
def test_a_wrong_stream_is_an_error_and_no_speed(ask, bad):
    client = ask(lambda stream, block: bad(stream) if stream == 5 else a_response(stream), "--http2")
    client.open(2)
    answer = client.run(50, 0.4)
    assert answer["errors"] >= 1
    assert answer["requests"] <= 20
    assert problems_of(answer)


def test_a_wrong_download_is_an_error(ask):
    def short(stream, block):
        return large_or_small(stream, block, LARGE - 4)

    client = ask(short, "--http2", "--beside", f"1,{LARGE},/large")
    assert problems_of(client.open(1)) or problems_of(client.run(50, 0.4))


@pytest.mark.parametrize("ends", [True, False])
def test_a_flood_lasts_until_its_end(ask, ends):
    def answer(stream, block):
        return None if ends and stream > 20 else b""

    client = ask(answer, "--http2", "--flood", "rapid-reset")

    def flood():
        result = client.fresh(1, 20, 0.3)
        assert (result["requests"], result["errors"]) == (6, 0)
        assert result["bytes"] <= 6 << 19
        return result["bytes"]

    if ends:  # a server that is slow may end a flood only when all of it was sent
        wait_for(lambda: flood() <= 6 << 18, "floods that end before all was sent")
    else:
        assert flood() >= 6 << 18


def test_nobody_there_is_an_error(ask):
    client = ask(lambda number: None)
    answer = client.fresh(2, 0, 0.3)
    assert answer["requests"] == 0
    assert answer["errors"] >= 2
    assert problems_of(answer)


# --- The whole of it ----------------------------------------------------------------------------------------------------


def bench(name, *words, status=0, **environment):
    command = [ROOT / "bench" / name, *words]
    environment = {**os.environ, **environment}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=8 * PATIENCE)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def processes_of(word):
    listed = run(["ps", "-eo", "pid,args"]).stdout.decode().splitlines()
    return [line for line in listed if word in line]


@pytest.fixture
def temporary():
    folder = new_folder("bench")
    yield folder
    remove_folder(folder)


def test_latencies_are_taken_in_more_and_shorter_samples():
    work, latency, beside = (
        next(scenario for scenario in SCENARIOS if scenario.kind == kind) for kind in ("work", "latency", "beside")
    )
    assert FULL.suited_to(work) == FULL
    assert FULL.suited_to(next(scenario for scenario in SCENARIOS if scenario.kind == "death")) == FULL
    change = FULL.suited_to(next(scenario for scenario in SCENARIOS if scenario.kind == "change"))
    assert (change.rounds, change.seconds) == (FULL.rounds, FULL.seconds / 3)
    for scenario in (latency, beside):
        suited = FULL.suited_to(scenario)
        assert (suited.rounds, suited.seconds) == (3 * FULL.rounds, FULL.seconds / 3)
        assert QUICK.suited_to(scenario) == QUICK


def test_a_small_run_of_ravelin_alone(tmp_path, temporary):
    words = ["--quick", "--peer", "none", "--rounds", "1", "--seconds", "0.2", "--output", tmp_path]
    words += ["--ravelin", RAVELIN, "--peers", "debian"]
    ahead = ["h2-urgent-ahead", "h2-flood-ahead"] if may_be_ahead() else []
    chosen = ["hybrid", "resumed", "h2-urgent", "h2-flood", *ahead, "latency", "websocket", "dead-server"]
    chosen_words = [["--scenario", name] for name in chosen]
    text = bench("run", *words, *sum(chosen_words[:1], []), TMPDIR=str(temporary))
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["complete"] and report.problems(results) == []
    bench("run", *words, "--continue", *sum(chosen_words, []), TMPDIR=str(temporary))
    former, results = results, json.loads((tmp_path / "results.json").read_text())
    assert results["scenarios"][:1] == former["scenarios"]  # not measured again
    assert {scenario["name"] for scenario in results["scenarios"]} == set(chosen)
    for scenario in results["scenarios"]:
        ravelin = by_name(scenario["rows"], "Ravelin")
        assert len(ravelin["samples"]) == 1
        measured = "first_p99" if scenario["first"] else "total"
        assert ravelin["figures"][measured]["median"] > 0
    assert "Full handshake, ECDSA P-256 and X25519MLKEM768" in text
    assert (tmp_path / "results-cpu.png").exists()
    assert processes_of(str(temporary)) == []
    assert list(temporary.iterdir()) == []


def test_a_program_that_does_not_start_does_not_end_the_run(tmp_path):
    words = [
        "--quick",
        "--peer",
        "none",
        "--rounds",
        "1",
        "--seconds",
        "0.2",
        "--output",
        tmp_path,
        "--peers",
        "debian",
    ]
    text = bench("run", *words, "--ravelin", "/bin/false", "--scenario", "resumed", "--scenario", "latency", status=1)
    assert "resumed: Ravelin: Ravelin ended with status 1" in text
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["complete"] and len(report.problems(results)) == 2


def test_every_address_of_a_name_is_tried():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        here = Place(False, "localhost", port, "localhost", "/", "127.0.0.1")
        assert somewhere_there(Place(False, "localhost", port, "localhost", "/", "::1", ("127.0.0.1",))) == here
        assert somewhere_there(here) == here
        nowhere = Place(False, "localhost", port, "localhost", "/", "127.0.0.2", ("127.0.0.3",))
        assert somewhere_there(nowhere) == nowhere


def test_a_url_is_put_under_load(lab):
    server = lab.nginx()
    (server.html / "page").write_bytes(b"p" * 1000)
    proxy = lab.proxy(server)
    url = f"https://localhost:{proxy.port}/page"
    text = bench("load", url, "--seconds", "0.3", "--rate", "100", "--connections", "2", "--ca", lab.authority.ca)
    assert "TLSv1.3, TLS_AES_128_GCM_SHA256, X25519MLKEM768" in text
    assert "verified, valid until" in text
    assert "answered     30:" in text
    assert re.search(r"^errors       0$", text, re.MULTILINE)
    # Few enough that none is told to begin anew, as after 200 resumptions.
    few = ("--seconds", "0.3", "--rate", "100")
    answer = json.loads(bench("load", url, *few, "--resume", "--json", "--group", "X25519"))
    assert answer["group"] == "X25519"
    assert answer["resumed"] == answer["connects"] > 0
    bad = bench("load", url + "-that-is-not-there", "--seconds", "0.2", status=1)
    assert "status 404" in bad


@pytest.mark.parametrize(
    "words, problem",
    [
        ([], "required: URL"),
        (["ftp://localhost/"], "no URL that begins with"),
        (["https://u@localhost/"], "user name"),
        (["https://localhost:99999/"], "Port out of range"),
        (["https://localhost/", "--rate", "0"], "must be a number"),
        (["https://localhost/", "--connections", "x"], "must be a number"),
        (["https://localhost/", "--ca", "/nowhere"], "cannot read"),
    ],
)
def test_bad_arguments_are_refused(words, problem):
    assert problem in bench("load", *words, status=2)


def test_what_is_asked_for_is_what_the_url_says():
    place = place_of("https://[::1]:8443/a?b=c")
    assert (place.tls, place.name, place.port, place.host, place.path) == (True, "::1", 8443, "[::1]:8443", "/a?b=c")
    assert place_of("http://127.0.0.1").host == "127.0.0.1"


def test_every_scenario_has_a_name_of_its_own():
    names = [scenario.name for scenario in SCENARIOS]
    assert len(names) == len(set(names))


# --- bench/link -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="it makes network namespaces")
def test_a_long_link_is_measured():
    words = ["--ravelin", RAVELIN, "--mebibytes", "1", "--megabits", "100", "--round-trip", "2", "--rounds", "1"]
    done = run([ROOT / "bench/link", *words], check=False)
    if b"no network namespace" in done.stderr or b"no TUN device" in done.stderr:
        pytest.skip(done.stderr.decode())
    lines = done.stdout.decode().splitlines()
    assert [line.split(": ")[0] for line in lines] == ["upload of 1 MiB", "download of 1 MiB"], done.stderr.decode()
    for line in lines:
        rates = [float(rate) for rate in re.findall(r"([0-9.]+) MB/s", line)]
        assert len(rates) == 2 and 0 < max(rates) <= 12.5
