"""What the extensions of a ClientHello say: names, protocols, signatures, groups (RFC 8446 4.2, RFC 6066, RFC 7301)."""

import re

import pytest

from ravelin_test.http import response
from ravelin_test.proxy import site_block
from ravelin_test.tls13 import (
    ALL_SCHEMES,
    Ext,
    Group,
    Scheme,
    cases,
    check_hello,
    client_hello,
    name_of,
    talk_to,
    wire,
)
from ravelin_test.tls13.wire import GREASE, numbers, vector

# ---- server_name ----

NAMES = {
    "localhost": (("localhost",), "ok"),
    "upper case": (("LOCALHOST",), "ok"),
    "a name by pattern": (("some.localhost",), "ok"),
    "a name of no site": (("elsewhere.test",), "ok"),
    "a dot at the end": (("localhost.",), "ok"),
    "an underscore": (("_a.localhost",), "ok"),
    "punycode": (("xn--nxasmq6b.localhost",), "ok"),
    "253 characters": ((".".join(["a" * 61] * 3 + ["b" * 57, "localhost"])[-253:],), "ok"),
    "another type of name behind": (("localhost", (1, b"other")), "ok"),
    "another type of name before": (((7, bytes(range(24))), "localhost"), "ok"),
    "another type of name only": (((200, b"other"),), "ok"),
    "no name": ((), "decode_error"),
    "an empty name": (("",), "decode_error"),
    "an empty name behind": (("localhost", ""), "decode_error|illegal_parameter"),
    "two names": (("localhost", "www.localhost"), "illegal_parameter"),
    "the same name twice": (("localhost", "localhost"), "illegal_parameter"),
    "an odd name and another": ((b"a b", "localhost"), "illegal_parameter"),
}

# No host can have these. They are well-formed, and of no site.
ODD_NAMES = {
    "NUL": b"local\0host",
    "NUL at the end": b"localhost\0",
    "BEL": b"local\7host",
    "UTF-8": "l\u00f6calhost".encode(),
    "an escape sequence": b"localhost\x1b[31mBAD\x1b[0;37m",
    "a space": b"local host",
    "a space by pattern": b"a b.localhost",
    "a slash": b"localhost/x",
    "a line end": b"localhost\r\nHost: x",
    "a colon": b"localhost:443",
    "an address in brackets": b"[::1]",
    "an asterisk": b"*.localhost",
    "quotes": b'"localhost"\'\\',
    "all bytes": bytes(range(256)),
    "256 characters": b"a." * 128,
    "60000 characters": b"a" * 60000,
}


@pytest.mark.parametrize("names, outcome", cases(NAMES))
def test_server_name(tls_proxy, names, outcome):
    check_hello(tls_proxy, client_hello().set(Ext.SERVER_NAME, wire.server_name(*names)), outcome)


@pytest.mark.parametrize("name", cases(ODD_NAMES))
def test_a_name_that_no_host_can_have(tls_proxy, name):
    check_hello(tls_proxy, client_hello().set(Ext.SERVER_NAME, wire.server_name(name)), "ok")


@pytest.fixture(scope="module")
def refusing_proxy(module_lab):
    """One that refuses unknown names, and has no site for all."""
    sites = [site_block("localhost", [module_lab.authority.certificate("localhost")], ["*.localhost"])]
    return module_lab.proxy(module_lab.server(), sites=sites, tls={"unknown-server-name": "refuse"})


@pytest.mark.parametrize("name", cases(ODD_NAMES))
def test_a_name_that_no_host_can_have_where_unknown_ones_are_refused(refusing_proxy, name):
    check_hello(refusing_proxy, client_hello().set(Ext.SERVER_NAME, wire.server_name(name)), "unrecognized_name")


SHOWN = {
    # As JSON gives it back, and in the error log.
    b"localhost:443": ("localhost:443", "'localhost:443'"),
    b"a b.localhost": ("a b.localhost", "'a b.localhost'"),
    "l\u00f6calhost".encode(): ("l\u00f6calhost", r"'l\xc3\xb6calhost'"),
    b"a\0b\r\nc\x1b[31m\xff'\\": ("a\0b\r\nc\x1b[31m\xff'\\", r"'a\x00b\x0d\x0ac\x1b[31m\xff\x27\x5c'"),
    b"a" * 60000: ("a" * 255, "'" + "a" * 255 + "'"),
}


@pytest.mark.parametrize("unknown", ["refuse", "default-site"])
def test_logs_show_a_name_that_no_host_can_have(lab, unknown):
    sites = [site_block("localhost", [lab.authority.certificate("localhost")], ["*.localhost"])]
    proxy = lab.proxy(lab.server(), sites=sites, tls={"unknown-server-name": unknown})
    outcome = "unrecognized_name" if unknown == "refuse" else "ok"
    for count, (name, (in_json, in_errors)) in enumerate(SHOWN.items(), 1):
        check_hello(proxy, client_hello().set(Ext.SERVER_NAME, wire.server_name(name)), outcome)
        line = proxy.access_log(count)[-1]
        assert line["tls"]["sni"] == in_json
        if unknown == "refuse":
            assert line["ended"] == "unknown server name"
            proxy.wait_for_log("server name: " + re.escape(in_errors) + "$")
        else:
            assert line["status"] == 200


def test_a_name_that_no_host_can_have_and_a_site_for_all(lab):
    """It is that site's, as every unknown name is; without one, a request goes by its Host alone."""
    for aliases, answers in [(["*"], [421, 200]), ([], [200, 421])]:
        sites = [site_block(name, [lab.authority.certificate(name)], more) for name, more in (("localhost", []), ("b.test", aliases))]
        proxy = lab.proxy(lab.server(), sites=sites)
        for host, status in zip(["localhost", "c.test"], answers):
            with talk_to(proxy) as talk:
                talk.handshake(client_hello().set(Ext.SERVER_NAME, wire.server_name(b"a b")))
                assert talk.ask(host=host).status == status


NAME_BYTES = {
    "too long a list": b"\0\x0d\0\0\tlocalhost",
    "too short a list": b"\0\x0b\0\0\tlocalhost",
    "an empty list with more behind": b"\0\0\0\0\tlocalhost",
    "too long a name": b"\0\x0c\0\0\x0alocalhost",
    "too short a name": b"\0\x0c\0\0\x08localhost",
    "only a type": b"\0\1\0",
    "half a length": b"\0\2\0\0",
    "ones": b"\xff" * 4,
}


@pytest.mark.parametrize("contents", cases(NAME_BYTES))
def test_malformed_server_name(tls_proxy, contents):
    check_hello(tls_proxy, client_hello().set(Ext.SERVER_NAME, contents), "decode_error")


def test_no_server_name(tls_proxy):
    check_hello(tls_proxy, client_hello(name=None), "ok")


# ---- application_layer_protocol_negotiation ----

PROTOCOLS = {
    "http/1.1": (["http/1.1"], "http/1.1"),
    "http/1.0": (["http/1.0"], "http/1.0"),
    "h2 and http/1.1": (["h2", "http/1.1"], "http/1.1"),
    "a beginning of it and it": (["http/1.", "http/1.1"], "http/1.1"),
    "GREASE": (["\x0a\x0a", "http/1.1"], "http/1.1"),
    "the longest name": (["x" * 255, "http/1.1"], "http/1.1"),
    "many": ([f"p{number}" for number in range(2000)] + ["http/1.1"], "http/1.1"),
    "it twice": (["http/1.1", "http/1.1"], "http/1.1"),
}


@pytest.mark.parametrize("offered, chosen", cases(PROTOCOLS))
def test_alpn(tls_proxy, offered, chosen):
    assert check_hello(tls_proxy, client_hello(alpn=offered), "ok").server.alpn == chosen


def test_alpn_is_not_answered_when_it_was_not_offered(tls_proxy):
    assert check_hello(tls_proxy, client_hello(), "ok").server.alpn is None


@pytest.mark.parametrize("offered", [["h2"], ["http/1."], ["http/1.X"], ["HTTP/1.1"], ["http/1.1 "], ["spdy/3", "h3"]])
def test_no_common_protocol(tls_proxy, offered):
    check_hello(tls_proxy, client_hello(alpn=offered), "no_application_protocol")


ALPN_BYTES = {
    "an empty list": b"\0\0",
    "an empty name": b"\0\1\0",
    "an empty name before": b"\0\x0a\0\x08http/1.1",
    "an empty name behind": b"\0\x0a\x08http/1.1\0",
    "too short a list": b"\0\x09\x08http/1.1\2h2",
    "too long a list": b"\0\x0e\x08http/1.1\2h2",
    "too long a last name": b"\0\x0c\x08http/1.1\4h2",
    "too long a name": b"\0\x09\x09http/1.1",
    "only a length": b"\0\x09",
    "half a length": b"\0",
}


@pytest.mark.parametrize("contents", cases(ALPN_BYTES))
def test_malformed_alpn(tls_proxy, contents):
    check_hello(tls_proxy, client_hello().set(Ext.ALPN, contents), "decode_error")


# ---- signature_algorithms ----


@pytest.mark.parametrize("scheme", ALL_SCHEMES, ids=name_of)
def test_the_certificate_is_one_that_the_client_can_verify(tls_proxy, scheme):
    talk = check_hello(tls_proxy, client_hello(schemes=[scheme]), "ok")
    assert talk.server.scheme == scheme


@pytest.mark.parametrize("scheme", ALL_SCHEMES, ids=name_of)
def test_what_the_client_can_verify_may_stand_anywhere(tls_proxy, scheme):
    useless = [Scheme.RSA_PKCS1_SHA256, Scheme.RSA_PKCS1_SHA1, Scheme.ECDSA_SHA1, Scheme.ED448, 0x0202, GREASE[7]]
    for schemes in ([scheme, *useless], [*useless, scheme], [*useless[:3], scheme, *useless[3:]]):
        talk = check_hello(tls_proxy, client_hello(schemes=schemes), "ok")
        assert talk.server.scheme == scheme


NO_COMMON_SCHEME = {
    "PKCS #1": [Scheme.RSA_PKCS1_SHA256, Scheme.RSA_PKCS1_SHA384, Scheme.RSA_PKCS1_SHA512],
    "SHA-1": [Scheme.RSA_PKCS1_SHA1, Scheme.ECDSA_SHA1],
    "DSA": [0x0202, 0x0402],
    "MD5": [0x0101, 0x0103],
    "RSASSA-PSS keys": [Scheme.RSA_PSS_PSS_SHA256, Scheme.RSA_PSS_PSS_SHA384, Scheme.RSA_PSS_PSS_SHA512],
    "P-521": [Scheme.ECDSA_P521],
    "Ed448": [Scheme.ED448],
    "GREASE": GREASE,
    "undefined": [0x0418, 0x1801, 0x0A0B, 0x0918, 0xFFFF],
}


@pytest.mark.parametrize("schemes", cases({name: (value,) for name, value in NO_COMMON_SCHEME.items()}))
def test_no_common_signature_scheme(tls_proxy, schemes):
    check_hello(tls_proxy, client_hello(schemes=schemes), "handshake_failure")


def unknown_schemes(count):
    return [0x2000 + number for number in range(count)]


LONG_SCHEMES = {
    "the same unknown one": lambda count: [0x0202] * count,
    "different unknown ones": unknown_schemes,
    "the same legacy one": lambda count: [Scheme.RSA_PKCS1_SHA1] * count,
}


@pytest.mark.parametrize("count", [16, 32, 64, 215, 2355, 8132, 23754, 32700])
@pytest.mark.parametrize("make", cases(LONG_SCHEMES))
def test_long_lists_of_signature_schemes(tls_proxy, make, count):
    """The only useful one stands last."""
    talk = check_hello(tls_proxy, client_hello(schemes=[*make(count - 1), Scheme.RSA_PSS_RSAE_SHA256]), "ok")
    assert talk.server.scheme == Scheme.RSA_PSS_RSAE_SHA256


SCHEME_BYTES = {
    "an empty list": b"\0\0",
    "one byte": b"\0\1\4",
    "three bytes": b"\0\3\4\3\4",
    "five bytes": b"\0\5\4\3\x08\4\2",
    "more behind the list": b"\0\2\4\3\x08\4",
    "a list that is too long": b"\0\6\4\3\x08\4",
    "half a length": b"\0",
}


@pytest.mark.parametrize("contents", cases(SCHEME_BYTES))
def test_malformed_signature_algorithms(tls_proxy, contents):
    check_hello(tls_proxy, client_hello().set(Ext.SIGNATURE_ALGORITHMS, contents), "decode_error")


def test_every_wrong_length_of_signature_algorithms(tls_proxy):
    for length in range(256):
        contents = bytes([0, length]) + numbers(ALL_SCHEMES)[2:]
        outcome = "ok" if length == 2 * len(ALL_SCHEMES) else "decode_error"
        try:
            check_hello(tls_proxy, client_hello().set(Ext.SIGNATURE_ALGORITHMS, contents), outcome)
        except AssertionError as error:
            raise AssertionError(f"length {length}: {error}") from error


@pytest.mark.parametrize("schemes", [[Scheme.RSA_PKCS1_SHA256], [Scheme.ECDSA_P256], GREASE], ids=["a", "b", "c"])
def test_signature_algorithms_cert_is_a_wish(tls_proxy, schemes):
    """4.4.2.2: the server sends the chain that it has."""
    check_hello(tls_proxy, client_hello().add(Ext.SIGNATURE_ALGORITHMS_CERT, numbers(schemes)), "ok")


# ---- supported_groups ----

GROUPS = {
    "X25519": ([Group.X25519], "ok"),
    "P-384 and X25519": ([Group.P384, Group.X25519], "ok"),
    "X25519 many times": ([Group.X25519] * 100, "ok"),
    "unknown ones before": ([*range(0x3000, 0x3100), Group.X25519], "ok"),
    "very many before": ([*range(0x3000, 0x8000), Group.X25519], "ok"),
    "GREASE before": ([*GREASE, Group.X25519], "ok"),
    "obsolete ones before": ([*range(1, 0x17), Group.X25519], "ok"),
    "FFDHE before": ([*range(0x100, 0x105), Group.X25519], "ok"),
}


@pytest.mark.parametrize("groups, outcome", cases(GROUPS))
def test_supported_groups(tls_proxy, groups, outcome):
    check_hello(tls_proxy, client_hello(groups=groups), outcome)


NO_COMMON_GROUP = {
    "P-521 and X448": [Group.P521, Group.X448],
    "FFDHE": [0x0100, 0x0101, 0x0102, 0x0103, 0x0104],
    "obsolete curves": [*range(1, 0x17)],
    "Brainpool": [0x1A, 0x1B, 0x1C],
    "explicit curves": [0xFF01, 0xFF02],
    "GREASE": GREASE,
    "unknown": [*range(0x3000, 0x3100)],
    "a draft of a hybrid": [0x6399],
    "an empty list": None,
}


@pytest.mark.parametrize("groups", cases({name: (value,) for name, value in NO_COMMON_GROUP.items()}))
@pytest.mark.parametrize("share", ["no share", "a share of it"])
def test_no_common_group(tls_proxy, groups, share):
    hello = client_hello(groups=groups or [], shares=[])
    if share != "no share":
        hello.set(Ext.KEY_SHARE, wire.key_shares(((groups or [0x3000])[0], b"\xab" * 32)))
    check_hello(tls_proxy, hello, "handshake_failure" if groups else "decode_error")


GROUP_BYTES = {
    "one byte": b"\0\1\0",
    "three bytes": b"\0\3\0\x1d\0",
    "more behind the list": b"\0\2\0\x1d\0\x17",
    "a list that is too long": b"\0\4\0\x1d",
    "half a length": b"\0",
}


@pytest.mark.parametrize("contents", cases(GROUP_BYTES))
def test_malformed_supported_groups(tls_proxy, contents):
    check_hello(tls_proxy, client_hello().set(Ext.SUPPORTED_GROUPS, contents), "decode_error")


# ---- Others ----

POINT_FORMATS = {
    "uncompressed": b"\1\0",
    "compressed": b"\1\1",
    "all": b"\3\0\1\2",
    "none": b"\0",
    "malformed": b"\5\0",
}


@pytest.mark.parametrize("contents", cases(POINT_FORMATS))
@pytest.mark.parametrize("group", [Group.X25519, Group.P256, Group.P384], ids=name_of)
def test_point_formats_mean_nothing(tls_proxy, contents, group):
    check_hello(tls_proxy, client_hello(shares=[group]).add(Ext.EC_POINT_FORMATS, contents), "ok")


MODES = {
    "psk_dhe_ke": (b"\1\1", "ok"),
    "psk_ke": (b"\1\0", "ok"),
    "both": (b"\2\0\1", "ok"),
    "unknown ones": (b"\4\x0b\x2a\x49\xff", "ok"),
    "all": (b"\xff" + bytes(range(255)), "ok"),
    "an empty list": (b"\0", "decode_error"),
    "more behind the list": (b"\1\1\0", "decode_error"),
    "a list that is too long": (b"\2\1", "decode_error"),
    "nothing": (b"", "decode_error"),
}


@pytest.mark.parametrize("contents, outcome", cases(MODES))
def test_psk_key_exchange_modes_without_a_psk(tls_proxy, contents, outcome):
    check_hello(tls_proxy, client_hello().set(Ext.PSK_KEY_EXCHANGE_MODES, contents), outcome)


def test_psk_key_exchange_modes_may_be_missing(tls_proxy):
    """Then no ticket should come: there would be no use for it (4.2.9)."""
    talk = check_hello(tls_proxy, client_hello().drop(Ext.PSK_KEY_EXCHANGE_MODES), "ok")
    assert talk.tickets == []


def test_a_client_of_psk_ke_only_gets_no_ticket(tls_proxy):
    """4.2.9: the server should not send tickets that the client could not use."""
    talk = check_hello(tls_proxy, client_hello().set(Ext.PSK_KEY_EXCHANGE_MODES, b"\1\0"), "ok")
    assert talk.tickets == []


HARMLESS = {
    "status_request": (Ext.STATUS_REQUEST, b"\1\0\0\0\0"),
    "signed_certificate_timestamp": (Ext.SCT, b""),
    "heartbeat": (Ext.HEARTBEAT, b"\1"),
    "use_srtp": (Ext.USE_SRTP, b"\0\2\0\1\0"),
    "post_handshake_auth": (Ext.POST_HANDSHAKE_AUTH, b""),
    "certificate_authorities": (Ext.CERTIFICATE_AUTHORITIES, vector(vector(b"\x30\0", 2), 2)),
    "client_certificate_type": (Ext.CLIENT_CERTIFICATE_TYPE, b"\2\0\2"),
    "server_certificate_type": (Ext.SERVER_CERTIFICATE_TYPE, b"\2\0\2"),
    "compress_certificate": (Ext.COMPRESS_CERTIFICATE, b"\6\0\1\0\2\0\3"),
    "renegotiation_info": (Ext.RENEGOTIATION_INFO, b"\0"),
    "delegated_credential": (34, numbers([0x0403])),
    "ech": (0xFE0D, bytes(100)),
    "token_binding": (24, b"\1\0\1\2"),
    "quic_transport_parameters": (57, b"\1\2\3"),
    "next_protocol_negotiation": (13172, b""),
    "channel_id": (30032, b""),
}


@pytest.mark.parametrize("number, contents", cases(HARMLESS))
def test_what_is_offered_besides_is_put_up_with(tls_proxy, number, contents):
    """The client checks that it is not answered wrongly."""
    check_hello(tls_proxy, client_hello().add(number, contents), "ok")


# Who does not know an extension ignores it, who knows it refuses this.
MALFORMED = {
    "status_request, empty": (Ext.STATUS_REQUEST, b"", "decode_error"),
    "status_request of an unknown type": (Ext.STATUS_REQUEST, b"\x09\0\0\0\0", "decode_error"),
    "status_request, cut": (Ext.STATUS_REQUEST, b"\1\0\0\0", "decode_error"),
    "status_request, a byte more": (Ext.STATUS_REQUEST, b"\1\0\0\0\0\0", "decode_error"),
    "status_request, too long a list": (Ext.STATUS_REQUEST, b"\1\0\5\0\0", "decode_error"),
    "signed_certificate_timestamp, not empty": (Ext.SCT, b"\0", "decode_error"),
    "max_fragment_length 0": (Ext.MAX_FRAGMENT_LENGTH, b"\0", "illegal_parameter"),
    "max_fragment_length 5": (Ext.MAX_FRAGMENT_LENGTH, b"\5", "illegal_parameter"),
    "max_fragment_length 255": (Ext.MAX_FRAGMENT_LENGTH, b"\xff", "illegal_parameter"),
    "max_fragment_length, empty": (Ext.MAX_FRAGMENT_LENGTH, b"", "decode_error"),
    "max_fragment_length, a byte more": (Ext.MAX_FRAGMENT_LENGTH, b"\1\1", "decode_error"),
    "record_size_limit 0": (Ext.RECORD_SIZE_LIMIT, b"\0\0", "illegal_parameter"),
    "record_size_limit 63": (Ext.RECORD_SIZE_LIMIT, b"\0\x3f", "illegal_parameter"),
    "record_size_limit, empty": (Ext.RECORD_SIZE_LIMIT, b"", "decode_error"),
    "record_size_limit, a byte more": (Ext.RECORD_SIZE_LIMIT, b"\0\x40\0", "decode_error"),
    "heartbeat 3": (Ext.HEARTBEAT, b"\3", "illegal_parameter"),
    "heartbeat, empty": (Ext.HEARTBEAT, b"", "decode_error"),
    "post_handshake_auth, not empty": (Ext.POST_HANDSHAKE_AUTH, b"\0", "decode_error"),
    "certificate_authorities, empty": (Ext.CERTIFICATE_AUTHORITIES, b"", "decode_error"),
    "certificate_authorities, none": (Ext.CERTIFICATE_AUTHORITIES, b"\0\0", "decode_error"),
    "signature_algorithms_cert, empty": (Ext.SIGNATURE_ALGORITHMS_CERT, b"", "decode_error"),
    "signature_algorithms_cert, none": (Ext.SIGNATURE_ALGORITHMS_CERT, b"\0\0", "decode_error"),
    "signature_algorithms_cert, odd": (Ext.SIGNATURE_ALGORITHMS_CERT, b"\0\3\4\3\4", "decode_error"),
    "client_certificate_type, none": (Ext.CLIENT_CERTIFICATE_TYPE, b"\0", "decode_error"),
    "compress_certificate, none": (Ext.COMPRESS_CERTIFICATE, b"\0", "decode_error"),
    "compress_certificate, odd": (Ext.COMPRESS_CERTIFICATE, b"\1\0", "decode_error"),
    "oid_filters, which is not for this message": (Ext.OID_FILTERS, b"\0\0", "illegal_parameter"),
    "a cookie nobody gave": (Ext.COOKIE, vector(b"cookie", 2), "illegal_parameter"),
    "early_data without a PSK": (Ext.EARLY_DATA, b"", "illegal_parameter"),
    "padding that is not zero": (Ext.PADDING, b"padding", "illegal_parameter"),
}


@pytest.mark.parametrize("number, contents, alert", cases(MALFORMED))
def test_what_is_malformed_is_refused_or_not_known(tls_proxy, number, contents, alert):
    check_hello(tls_proxy, client_hello().add(number, contents), f"ok|{alert}")


COOKIES = {"empty": b"", "an empty cookie": b"\0\0", "too long": b"\0\5c", "a byte more": b"\0\1c\0"}


@pytest.mark.parametrize("contents", cases(COOKIES))
def test_malformed_cookies(tls_proxy, contents):
    """4.2.2. It is an extension of TLS 1.3 itself, but one only needs to know it who gives cookies."""
    check_hello(tls_proxy, client_hello().add(Ext.COOKIE, contents), "ok|decode_error|illegal_parameter")


@pytest.mark.parametrize("number", [Ext.CLIENT_CERTIFICATE_TYPE, Ext.SERVER_CERTIFICATE_TYPE], ids=name_of)
def test_raw_public_keys_are_not_spoken(tls_proxy, number):
    """RFC 7250 4.2. Of the client's, nothing is said when none is asked for."""
    check_hello(tls_proxy, client_hello().add(number, b"\1\2"), "ok|unsupported_certificate")


LIMITS = {
    **{f"max_fragment_length {code}": (Ext.MAX_FRAGMENT_LENGTH, bytes([code]), 256 << code) for code in range(1, 5)},
    **{
        f"record_size_limit {size}": (Ext.RECORD_SIZE_LIMIT, size.to_bytes(2, "big"), size) for size in (64, 500, 16385)
    },
}


@pytest.mark.parametrize("number, contents, limit", cases(LIMITS))
def test_a_record_limit_that_is_answered_is_kept(lab, number, contents, limit):
    """RFC 6066 4, RFC 8449 4. It need not be answered."""
    body = bytes(range(256)) * 200
    proxy = lab.proxy(lab.server(reply=lambda request: response(body)))
    with talk_to(proxy) as talk:
        talk.handshake(client_hello().add(number, contents))
        assert talk.ask().body == body
        if number in talk.server.extensions:
            sealed = [record for record in talk.records if record.epoch != "plain"]
            assert all(len(record.payload) <= limit for record in sealed)


def test_a_response_comes_in_records_that_are_not_too_large(lab):
    """Without any limit asked for; the client checks 2^14."""
    body = bytes(range(256)) * 1000
    proxy = lab.proxy(lab.server(reply=lambda request: response(body)))
    with talk_to(proxy) as talk:
        talk.handshake()
        assert talk.ask().body == body
        assert max(len(record.payload) for record in talk.records) > 8192
        talk.close_notify()
        talk.expect_close_notify()
