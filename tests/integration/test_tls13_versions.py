"""Which versions are spoken, and what is said to those who offer others (RFC 8446 4.1.2, 4.2.1, 5.1, appendix D)."""

import pytest

from ravelin_test.tls13 import ALL_SUITES, Ext, cases, check_hello, client_hello, legacy_hello, talk_to, wire
from ravelin_test.tls13.wire import GREASE, SSL3, TLS10, TLS11, TLS12, TLS13, numbers

FALLBACK_SCSV, RENEGOTIATION_SCSV = 0x5600, 0x00FF
DRAFT_28 = 0x7F1C
LEGACY_SUITES = (0xC02F, 0xC02B, 0x009C, 0x002F)


def versions(*offered):
    return client_hello(versions=offered)


def versions_raw(contents):
    return client_hello().set(Ext.SUPPORTED_VERSIONS, contents)


SUPPORTED_VERSIONS = {
    "1.3": (versions(TLS13), "ok"),
    "1.3 and 1.2": (versions(TLS13, TLS12), "ok"),
    "1.2 and 1.3": (versions(TLS12, TLS13), "ok"),
    "all there were": (versions(TLS13, TLS12, TLS11, TLS10, SSL3), "ok"),
    "1.3 twice": (versions(TLS13, TLS13), "ok"),
    "a draft and 1.3": (versions(DRAFT_28, TLS13), "ok"),
    "1.4 and 1.3": (versions(0x0305, TLS13), "ok"),
    "GREASE and 1.3": (versions(GREASE[3], TLS13), "ok"),
    "1.3 and GREASE": (versions(TLS13, GREASE[15]), "ok"),
    "all of GREASE": (versions(*GREASE, TLS13), "ok"),
    "127 of them, 1.3 last": (versions(*range(0x7000, 0x707E), TLS13), "ok"),
    "1.2": (versions(TLS12), "protocol_version"),
    "1.2 to SSL 3": (versions(TLS12, TLS11, TLS10, SSL3), "protocol_version"),
    "SSL 3": (versions(SSL3), "protocol_version"),
    "1.4": (versions(0x0305), "protocol_version"),
    "1.8": (versions(0x0309), "protocol_version"),
    "1.8 and 1.2": (versions(0x0309, TLS12), "protocol_version"),
    "a draft": (versions(DRAFT_28), "protocol_version"),
    "GREASE": (versions(*GREASE), "protocol_version"),
    "0x0403": (versions(0x0403), "protocol_version"),
    "127 of them, none 1.3": (versions(*range(0x7000, 0x707F)), "protocol_version"),
    "no extension contents": (versions_raw(b""), "decode_error"),
    "an empty list": (versions_raw(b"\0"), "decode_error"),
    "one byte": (versions_raw(b"\1\3"), "decode_error"),
    "three bytes": (versions_raw(b"\3\3\4\3"), "decode_error"),
    "too long a list": (versions_raw(b"\4\3\4"), "decode_error"),
    "too short a list": (versions_raw(b"\2\3\4\3\3"), "decode_error"),
    "a byte behind the list": (versions_raw(b"\2\3\4\0"), "decode_error"),
    "no length": (versions_raw(b"\3\4"), "decode_error"),
    "two bytes of length": (versions_raw(numbers([TLS13], 2)), "decode_error"),
}


@pytest.mark.parametrize("hello, outcome", cases(SUPPORTED_VERSIONS))
def test_supported_versions(tls_proxy, hello, outcome):
    check_hello(tls_proxy, hello, outcome)


# With supported_versions it says nothing, except that 0x0300 or less is refused in any case (D.5).
LEGACY_VERSION_OUTCOMES = {
    **{f"{version:#06x}": (version, "ok") for version in (0x0301, 0x0302, 0x0303, 0x0304, 0x0305, 0x03FF)},
    **{
        f"{version:#06x}": (version, "protocol_version")
        for version in (0x0300, 0x0200, 0x0002, 0x0000, 0x0100, 0x0001, 0x0102, 0x0103)
    },
}


@pytest.mark.parametrize("version, outcome", cases(LEGACY_VERSION_OUTCOMES))
def test_legacy_version_beside_supported_versions(tls_proxy, version, outcome):
    check_hello(tls_proxy, client_hello().put(legacy_version=version), outcome)


@pytest.mark.parametrize("version", [0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0x0309, 0x03FF, 0x0200, 0x0002, 0x0000])
def test_legacy_version_without_supported_versions(tls_proxy, version):
    """Also 0x0304 there is no offer of TLS 1.3."""
    check_hello(tls_proxy, legacy_hello(version), "protocol_version")


@pytest.mark.parametrize("version", [SSL3, TLS10, TLS11, TLS12])
@pytest.mark.parametrize("scsv", [FALLBACK_SCSV, RENEGOTIATION_SCSV])
def test_signalling_suites_change_nothing_for_older_clients(tls_proxy, version, scsv):
    """RFC 7507 3: inappropriate_fallback, unless the version is not spoken at all."""
    check_hello(tls_proxy, legacy_hello(version, suites=(*LEGACY_SUITES, scsv)), "protocol_version")


@pytest.mark.parametrize("scsv", [FALLBACK_SCSV, RENEGOTIATION_SCSV])
@pytest.mark.parametrize("first", [True, False])
def test_signalling_suites_change_nothing_for_tls13(tls_proxy, scsv, first):
    suites = (scsv, *ALL_SUITES) if first else (*ALL_SUITES, scsv)
    check_hello(tls_proxy, client_hello(suites=suites), "ok")


def test_an_older_client_with_tls13_suites_is_told_the_version(tls_proxy):
    check_hello(tls_proxy, legacy_hello(TLS12, suites=ALL_SUITES), "protocol_version")


def test_a_hello_without_extensions_is_an_old_one(tls_proxy):
    """With an empty list of them, and without a list."""
    check_hello(tls_proxy, client_hello().put(extensions=[]), "protocol_version")
    check_hello(tls_proxy, client_hello().put(extensions=[], has_extensions=False), "protocol_version")


def test_a_client_of_both_is_served_with_tls13(tls_proxy):
    talk = check_hello(tls_proxy, client_hello(versions=(TLS12, TLS13), suites=(*LEGACY_SUITES, *ALL_SUITES)), "ok")
    assert talk.server.hello.suite in ALL_SUITES


@pytest.mark.parametrize("version", [0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0x0309, 0x03FF])
def test_the_version_of_the_record_is_ignored(tls_proxy, version):
    """5.1: legacy_record_version must be ignored for all purposes."""
    check_hello(tls_proxy, client_hello(), "ok", version=version)


@pytest.mark.parametrize("version", [0x0300, 0x0301, 0x0304, 0x03FF])
def test_the_version_of_the_record_of_a_second_hello_is_ignored(tls_proxy, version):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello(shares=[]))
        talk.expect_retry()
        talk.send_hello(talk.second_hello(), version=version)
        talk.expect_flight()
        talk.send_finished()
        talk.expect_answer()


def test_each_fragment_may_have_another_record_version(tls_proxy):
    with talk_to(tls_proxy) as talk:
        message = talk.encode_hello()
        talk.transcript.add(message)
        for piece, version in zip(wire.pieces(message, [20, 40, 80]), [0x0301, 0x0303, 0x0300, 0x0304], strict=True):
            talk.send_plain(wire.Kind.HANDSHAKE, piece, version=version)
        talk.expect_flight()
        talk.send_finished()
        talk.expect_answer()


def sslv2_hello(version, suites):
    """RFC 6101 E.1: a 2-byte header, and suites of 3 bytes."""
    specs = b"".join(b"\0" + suite.to_bytes(2, "big") for suite in suites) + b"\x01\x00\x80"
    body = b"\1" + version.to_bytes(2, "big") + len(specs).to_bytes(2, "big") + b"\0\0" + b"\0\x10" + specs + b"c" * 16
    return (0x8000 | len(body)).to_bytes(2, "big") + body


@pytest.mark.parametrize("version", [0x0002, 0x0200, SSL3, TLS10, TLS12, TLS13])
@pytest.mark.parametrize("suites", [LEGACY_SUITES, ALL_SUITES], ids=["old suites", "TLS 1.3 suites"])
def test_sslv2_hellos_are_refused(tls_proxy, version, suites):
    """D.5 says only that they are not accepted."""
    with talk_to(tls_proxy) as talk:
        talk.send_bytes(sslv2_hello(version, suites))
        talk.expect_alert("protocol_version", "unexpected_message")


def test_plain_http_is_told_so(tls_proxy):
    answer = wire.exchange(tls_proxy.port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
