"""`ravelin doctor` before servers of HTTP/2: ones that do right, ones that do wrong, and ones that do what nobody expects."""

import shutil
import socket
import ssl
import threading

import pytest

from ravelin_test import doctor as d
from ravelin_test.http2 import frames, hpack
from ravelin_test.ports import Port
from ravelin_test.processes import Process
from ravelin_test.settings import PATIENCE
from ravelin_test.waiting import wait_for

CHECKS = [
    *["http2-ping", "http2-settings", "http2-empty", "http2-continuation", "http2-rapid-reset", "http2-made-resets"],
    *["http2-line-break", "http2-coding", "http2-length", "http2-path", "http2-other-host"],
]


def results(report):
    return {id: report.checks[id]["result"] for id in CHECKS}


def test_all_is_well_with_ravelin(lab):
    proxy = lab.proxy(lab.server(), listen={"http2": "yes"})
    report = d.Report(proxy.port, ca=lab.authority.ca)
    assert results(report) == dict.fromkeys(CHECKS, "pass")
    assert "ENHANCE_YOUR_CALM" in report.came("http2-rapid-reset")
    assert report.came("http2-other-host") == "refused: status 421"
    assert report.came("http2-line-break") == "refused: RST_STREAM with PROTOCOL_ERROR"


def test_what_speaks_no_http2_is_not_checked(lab):
    proxy = lab.proxy(lab.server(), listen={"http2": "no"})
    report = d.Report(proxy.port, ca=lab.authority.ca)
    assert results(report) == dict.fromkeys(CHECKS, "skip")
    assert {report.came(id) for id in CHECKS} == {"HTTP/2 is not spoken"}


def test_nginx(lab):
    port = lab.port()
    certificate = lab.authority.certificate("localhost")
    tls = f"ssl_certificate {certificate.path}; ssl_certificate_key {certificate.key}; ssl_protocols TLSv1.3;"
    lab.nginx(more=f"server {{ listen {port.address} ssl http2 reuseport; {tls} location / {{ return 200 ok; }} }}")
    found = results(d.Report(port.number, ca=lab.authority.ca))
    assert found["http2-ping"] == "warn"  # it sets no limit
    assert found["http2-other-host"] == "fail"  # its first server takes every name
    assert found["http2-line-break"] == found["http2-path"] == "pass"


def test_nghttpd(lab):
    port = Port()
    certificate = lab.authority.certificate("localhost")
    program = shutil.which("nghttpd") or "/usr/sbin/nghttpd"
    (lab.folder / "index.html").write_text("hello")
    command = [program, "-a", "127.0.0.1", "-d", lab.folder, port.number, certificate.key, certificate.path]
    port.close()
    process = Process(command, lab.folder / "nghttpd.log")
    try:
        wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port.number)) == 0, "nghttpd to listen")
        found = results(d.Report(port.number, ca=lab.authority.ca))
    finally:
        process.end()
    # Whether a flood is ended depends on how fast its socket takes the answers.
    assert {found[id] for id in CHECKS[:3]} <= {"pass", "warn"}
    assert found["http2-line-break"] == found["http2-coding"] == found["http2-path"] == "pass"


# ---- Servers that send anything ----


class Scripted:
    """Speaks TLS 1.3 with ALPN h2, sends these bytes on each connection when something comes, and reads on."""

    def __init__(self, lab, answer, ends=False):
        certificate = lab.authority.certificate("localhost")
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.path, certificate.key)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._context.set_alpn_protocols(["h2"])
        self._answer, self._ends = answer, ends
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        peer.settimeout(PATIENCE)
        try:
            with self._context.wrap_socket(peer, server_side=True) as tls:
                while tls.recv(65536):
                    tls.sendall(self._answer)
                    if self._ends:
                        return
        except OSError:
            pass

    def close(self):
        self._listener.close()


def response(status="200", **options):
    return frames.settings() + frames.headers(1, [(":status", status)], **options)


def look(lab, answer, **options):
    server = lab.keep_server(Scripted(lab, answer, **options))
    return d.Report(server.port, ca=lab.authority.ca, timeout=d.SHORT)


def test_a_server_that_takes_all(lab):
    found = results(look(lab, response() + frames.ping(b"ravelin?", ack=True)))
    assert {found[id] for id in CHECKS[:3]} == {"warn"}
    assert {found[id] for id in CHECKS[3:]} == {"fail"}


def test_a_server_that_refuses_all(lab):
    report = look(lab, response("400"))
    assert {report.checks[id]["result"] for id in CHECKS[6:]} == {"skip"}
    assert report.came("http2-path") == "an ordinary request is refused too, with status 400"


def test_a_head_in_several_frames(lab):
    block = hpack.block([(":status", "404"), ("x", "y" * 300)], coded=True)
    pieces = [frames.headers(1, block[:2], whole=False), frames.continuation(1, block[2:])]
    report = look(lab, frames.settings() + frame_of_unknown_type() + b"".join(pieces))
    assert report.came("http2-path") == "taken: status 404"


def frame_of_unknown_type():
    return frames.frame(0x55, 0xFF, 7, b"z" * 1000)


STRANGE = {
    "no frames": (b"HTTP/1.1 400 Bad Request\r\n\r\n", False),
    "a frame that is too large": (frames.settings() + frames.frame(0, 0, 1, b"x", length=2**24 - 1), False),
    "a bad header block": (frames.settings() + frames.headers(1, b"\xff\xff\xff\xff\xff\xff\xff"), False),
    "GOAWAY": (frames.settings() + frames.goaway(0), True),
    "half a frame": (response()[:-3], True),
    "a status of letters": (frames.settings() + frames.headers(1, [(":status", "abc")]), False),
    "padding": (frames.settings() + frames.headers(1, [(":status", "200")], padding=3), False),
}


@pytest.mark.parametrize("name", STRANGE)
def test_strange_servers(lab, name):
    answer, ends = STRANGE[name]
    report = look(lab, answer, ends=ends)
    assert set(results(report).values()) == {"skip"}, results(report)
    assert report.came("http2-ping") == "an ordinary request of HTTP/2 has no answer"
