"""The status page and the status as JSON, also in a real browser."""

import base64
import hashlib
import json
import os
import re
import signal
import threading
import time

import pytest

from ravelin_test.admin import get
from ravelin_test.chromium import chromium
from ravelin_test.http import response
from ravelin_test.proxy import backend_block, site_block
from ravelin_test.settings import PATIENCE, ROOT
from ravelin_test.waiting import wait_for

PAGE = ROOT / "proxy/monitor/page.html"


@pytest.fixture
def address(lab):
    return lab.port().address


def status(address):
    code, fields, text = get(address, "/status.json")
    assert (code, fields["Content-Type"]) == (200, "application/json")
    return json.loads(text)


# ---- JSON ----


def test_what_the_status_says(lab, address):
    server = lab.server(reply=lambda request: response("no", "503 Service Unavailable" if "bad" in request.target else "200 OK"))
    proxy = lab.proxy(server, admin=[address], workers=2)
    client = lab.client(proxy)
    for target in ("/", "/", "/bad"):
        client.ask(target)
    client.close()
    wait_for(lambda: status(address)["sites"][0]["responses"]["2xx"] == 2, "2 requests to be counted")
    now = status(address)
    plain = proxy.status()
    for name in ("version", "generation", "config", "state"):
        assert now[name] == plain[name]
    assert abs(now["now"] - time.time()) < 10 and now["now"] - now["started"] < 100
    [site] = now["sites"]
    assert (site["name"], site["aliases"], site["responses"]["5xx"]) == ("localhost", 1, 1)
    [certificate] = site["certificates"]
    assert certificate["begins"] <= now["now"] < certificate["expires"] == plain["certificates"]["first_expires"]
    [backend] = now["backends"]
    [member] = backend["servers"]
    assert (backend["name"], backend["waiting"], member["address"], member["state"]) == ("web", 0, server.address, "up")
    assert (member["responses"]["2xx"], member["responses"]["5xx"], member["failures"]) == (2, 1, 0)
    assert {process["kind"] for process in now["processes"]} == {"master", "signer", "worker", "monitor"}
    assert all(process["memory_kib"] > 0 and process["pid"] > 0 for process in now["processes"])
    assert now["metrics"]["requests"] == 3
    assert any("ravelin: ready" in event["text"] for event in now["events"])


def test_states_of_servers_and_why(lab, address):
    refused, good = lab.refused_address(), lab.server()
    proxy = lab.proxy(refused, good, admin=[address], allow=[".*"])
    client = lab.client(proxy)
    for _ in range(6):
        assert client.ask().status == 200
    proxy.command("server", f"web/{good.address}", "drain")
    members = {member["address"]: member for member in status(address)["backends"][0]["servers"]}
    assert members[refused]["state"] == "out" and "refused" in members[refused]["why"]
    assert members[refused]["failures"] >= 1
    assert members[good.address]["state"] == "draining" and "operator" in members[good.address]["why"]


def test_servers_that_checks_find_bad(lab, address):
    is_bad = threading.Event()
    server = lab.server(reply=lambda request: response("x", "500 Bad" if is_bad.is_set() else "200 OK"))
    text = backend_block("web", [server]).removesuffix("}") + "  health /healthz { interval = 100ms  fall = 1  rise = 1 }\n}"
    proxy = lab.proxy(backends=[text], admin=[address], allow=[".*"])

    def member():
        return status(address)["backends"][0]["servers"][0]

    wait_for(lambda: member()["state"] == "up", "the server to be up")
    is_bad.set()
    wait_for(lambda: member()["state"] == "out", "the check to fail")
    assert "500" in member()["why"]
    assert 'server_up{backend="web",server="' + server.address + '"} 0\n' in get(address, "/metrics")[2]
    wait_for(lambda: any(server.address in event["text"] for event in status(address)["events"]), "the event")
    is_bad.clear()
    wait_for(lambda: member()["state"] == "up", "the server to return")
    assert proxy.status()["state"] == "running"


def test_the_history_survives_a_reload(lab, address):
    proxy = lab.proxy(lab.server(), admin=[address])
    client = lab.client(proxy)
    for _ in range(7):
        assert client.ask().status == 200
    wait_for(lambda: sum(status(address)["history"]["requests"]) == 7, "a step of the history", 3 * PATIENCE)
    proxy.reload()
    history = status(address)["history"]
    assert sum(history["requests"]) == 7 and history["step"] == 5
    assert sum(history["X25519MLKEM768"]) + sum(history["X25519"]) + sum(history["P-256"]) == 1
    assert max(history["p99_us"]) >= max(history["p50_us"]) > 0
    assert len({len(values) for values in history.values() if isinstance(values, list)}) == 1


def test_events(lab, address):
    proxy = lab.proxy(lab.server(), admin=[address], workers_may_die=True, allow=[".*"])
    text = proxy.config.read_text()
    proxy.write_config("nonsense = 1")
    assert proxy.command("reload", check=False).returncode == 2
    proxy.write_config(text)
    [worker] = proxy.worker_pids().values()
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: any("started worker 0 again" in event["text"] for event in status(address)["events"]), "the event", 2 * PATIENCE)
    now = status(address)
    assert now["reloads"]["last_failed"] and "nonsense" in now["reloads"]["text"]
    found = [event for event in now["events"] if "nonsense" in event["text"]]
    assert found and found[0]["level"] == "error"
    times = [event["time"] for event in now["events"]]
    assert times == sorted(times) and len(times) <= 128


def test_many_sites_and_servers(lab, address):
    """The lists are bounded, and tell how many there are."""
    certificate = lab.authority.certificate("localhost", "127.0.0.1")
    sites = [site_block("localhost", [certificate], ["127.0.0.1"])]
    sites += [site_block(f"host-{number}.test", [certificate], routes={"/": "web"}) for number in range(600)]
    backends = [backend_block("web", [f"127.0.0.1:{9000 + number}" for number in range(1000)])]
    backends += [backend_block(f"more-{k}", [f"127.0.0.2:{9000 + number}" for number in range(1000)]) for k in range(2)]
    proxy = lab.proxy(sites=sites, backends=backends, admin=[address], allow=[".*"])
    now = status(address)
    assert (len(now["sites"]), now["site_count"]) == (500, 601)
    assert (sum(len(backend["servers"]) for backend in now["backends"]), now["server_count"]) == (2000, 3000)
    code, _, text = get(address, "/metrics")
    assert code == 200 and text.count("\nravelin_server_responses_total{") == 3000 * 5
    assert proxy.status()["state"] == "running"


# ---- The page ----


def test_the_page_is_self_contained(lab, address):
    lab.proxy(lab.server(), admin=[address])
    code, fields, text = get(address, "/")
    assert (code, fields["Content-Type"], text) == (200, "text/html; charset=utf-8", PAGE.read_text())
    assert "Set-Cookie" not in fields
    policy = dict(part.strip().split(" ", 1) for part in fields["Content-Security-Policy"].split(";"))
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        [content] = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[directive] == f"'sha256-{digest}'"
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert policy["connect-src"] == "'self'"
    # Only the name of the SVG name space; nothing is loaded from anywhere.
    assert set(re.findall(r"https?://[^'\" ]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(| on\w+=|cookie|localStorage", text)


def dom(lab, address):
    """What a browser makes of the page, once it has drawn a status."""

    def look():
        text = chromium(lab, None, "--dump-dom", "--window-size=1200,900", url=f"http://{address}/")
        return text if 'data-shown="yes"' in text else None

    return wait_for(look, "the page to be drawn", 4 * PATIENCE)


def test_the_page_in_a_browser(lab, address):
    server = lab.server()
    proxy = lab.proxy(server, admin=[address])
    client = lab.client(proxy)
    for _ in range(12):
        assert client.ask().status == 200
    client.close()
    wait_for(lambda: status(address)["sites"][0]["responses"]["2xx"] == 12, "12 requests to be counted")
    text = re.sub(r"<wbr>", "", dom(lab, address))
    assert re.search(r'id="state"[^>]*>running<', text)
    assert server.address in text and "12 requests since the start" in text
    assert "All servers are in use" in text
    assert re.search(r"\d+ (days|hours) left", text)
    for heading in ("Requests", "TLS handshakes", "Backends", "Sites and certificates", "Events", "Processes"):
        assert heading in text


def test_hostile_texts_stay_texts(lab, address):
    """In names of servers, and in an event with what somebody wrote into the configuration."""
    evil = "<img src=x onerror=alert(1)>"
    server = lab.server(path=lab.folder / "<b>bold<b>")
    proxy = lab.proxy(server, admin=[address], allow=[".*"])
    good = proxy.config.read_text()
    proxy.write_config(good.replace("workers = 1", f'workers = "{evil}"'))
    assert proxy.command("reload", check=False).returncode == 2
    text = re.sub(r"<wbr>", "", dom(lab, address))
    assert "&lt;img src=x onerror=alert(1)&gt;" in text and "&lt;b&gt;bold&lt;b&gt;" in text
    assert "<img" not in text and "<b>bold" not in text
    assert "The last reload failed" in text


def test_the_page_of_an_empty_system(lab, address):
    """Without a site, a backend and a client."""
    proxy = lab.prepare(admin=[address])
    proxy.write_config(f'workers = 1\nadmin {address} {{}}\nlisten 127.0.0.1:{proxy.port} {{ protocol = redirect }}\n')
    proxy.start()
    text = dom(lab, address)
    assert "No backend is configured." in text and "No site is configured." in text and "No handshake was refused." in text


def test_a_degraded_system_in_a_browser(lab, address):
    certificate = lab.authority.certificate("localhost", "127.0.0.1")
    proxy = lab.proxy(lab.refused_address(), sites=[site_block("localhost", [certificate], ["127.0.0.1"])], admin=[address], allow=[".*"])
    client = lab.client(proxy)
    for _ in range(4):
        assert client.ask().status == 502
    text = dom(lab, address)
    assert "Backend web: no server is in use" in text
    assert "Out of use" in text and "running, with failures" in text
