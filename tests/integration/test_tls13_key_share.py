"""Key shares, good and bad (RFC 8446 4.2.8, RFC 7748 6 and 7, RFC 8422 5.4)."""

import pytest

from ravelin_test.tls13 import ALL_GROUPS, Ext, Group, cases, check_hello, client_hello, name_of, talk_to, wire
from ravelin_test.tls13.groups import COORDINATE_SIZES, P25519, SMALL_ORDER_X25519, X25519Key, new_key
from ravelin_test.tls13.wire import GREASE, key_shares

CURVES = (Group.P256, Group.P384)
PRIMES = {
    Group.P256: 2**256 - 2**224 + 2**192 + 2**96 - 1,
    Group.P384: 2**384 - 2**128 - 2**96 + 2**32 - 1,
}


def offer(*shares, groups=ALL_GROUPS):
    """A ClientHello with these (group, public value) as its shares."""
    return client_hello(groups=groups, shares=[]).set(Ext.KEY_SHARE, key_shares(*shares))


def share_of(group):
    return group, new_key(group).public


# ---- The list ----


def test_an_empty_list_asks_for_a_retry(tls_proxy):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello(groups=[Group.P384], shares=[]))
        assert talk.expect_retry().group == Group.P384


LISTS = {
    "no contents": b"",
    "half a length": b"\0",
    "too long a list": b"\0\x25\0\x1d\0\x20" + bytes(range(1, 33)),
    "too short a list": b"\0\x23\0\x1d\0\x20" + bytes(range(1, 33)),
    "more behind the list": b"\0\x24\0\x1d\0\x20" + bytes(range(1, 33)) + b"\0",
    "too long an entry": b"\0\x24\0\x1d\0\x21" + bytes(range(1, 33)),
    "only a group": b"\0\2\0\x1d",
    "half a group": b"\0\1\0",
    "half a length of an entry": b"\0\3\0\x1d\0",
    "an empty unknown entry and half a one": b"\0\6\x3a\x3a\0\0\0\x1d",
}


@pytest.mark.parametrize("contents", cases(LISTS))
def test_malformed_lists(tls_proxy, contents):
    check_hello(tls_proxy, client_hello().set(Ext.KEY_SHARE, contents), "decode_error")


@pytest.mark.parametrize("group", ALL_GROUPS, ids=name_of)
def test_no_group_may_have_two_shares(tls_proxy, group):
    check_hello(tls_proxy, offer(share_of(group), share_of(group)), "illegal_parameter")
    same = share_of(group)
    check_hello(tls_proxy, offer(same, same), "illegal_parameter")


def test_no_unknown_group_may_have_two_shares(tls_proxy):
    shares = [(GREASE[0], b"\0"), share_of(Group.X25519), (GREASE[0], b"\1")]
    hello = offer(*shares, groups=[GREASE[0], Group.X25519])
    check_hello(tls_proxy, hello, "illegal_parameter")


@pytest.mark.parametrize("listed, share", [(Group.X25519, Group.P256), (Group.P256, Group.X25519)])
def test_no_share_may_be_of_an_unlisted_group(tls_proxy, listed, share):
    check_hello(tls_proxy, offer(share_of(share), groups=[listed]), "illegal_parameter")
    check_hello(tls_proxy, offer(share_of(listed), share_of(share), groups=[listed]), "illegal_parameter")


def test_no_share_may_be_of_an_unlisted_unknown_group(tls_proxy):
    check_hello(tls_proxy, offer(share_of(Group.X25519), (0x3000, b"\xab" * 32)), "illegal_parameter")


@pytest.mark.parametrize("size", [1, 32, 65, 4096])
@pytest.mark.parametrize("group", [GREASE[4], 0x0100, 0x001E, 0x3000], ids=["GREASE", "FFDHE", "X448", "unknown"])
def test_shares_of_unknown_groups_are_passed_over(tls_proxy, group, size):
    unknown = (group, b"\xab" * size)
    for before in (True, False):
        hello = client_hello(groups=[group, *ALL_GROUPS])
        shares = [unknown, *((g, key.public) for g, key in hello.keys.items())]
        check_hello(
            tls_proxy,
            hello.set(Ext.KEY_SHARE, key_shares(*(shares if before else shares[::-1]))),
            "ok|illegal_parameter",
        )


def test_very_many_shares_are_read(tls_proxy):
    unknown = range(0x3000, 0x3200)
    hello = client_hello(groups=[*unknown, Group.X25519])
    shares = [(group, b"\xab" * 32) for group in unknown]
    shares.append((Group.X25519, hello.keys[Group.X25519].public))
    talk = check_hello(tls_proxy, hello.set(Ext.KEY_SHARE, key_shares(*shares)), "ok")
    assert talk.server.retry is None


@pytest.mark.parametrize("group", ALL_GROUPS, ids=name_of)
def test_a_share_of_an_unknown_group_only_asks_for_a_retry(tls_proxy, group):
    unknown = 0x1300
    hello = offer((unknown, b"\xab" * 32), groups=[unknown, group])
    talk = check_hello(tls_proxy, hello, "ok")
    assert talk.server.retry.group == group


@pytest.mark.parametrize("groups", [ALL_GROUPS, ALL_GROUPS[::-1]], ids=["in order", "in reverse"])
def test_all_groups_may_have_a_share(tls_proxy, groups):
    """The server chooses by its own order; no retry."""
    talk = check_hello(tls_proxy, client_hello(groups=groups, shares=groups), "ok")
    assert talk.server.hello.group == Group.X25519
    assert talk.server.retry is None


@pytest.mark.parametrize("group", ALL_GROUPS, ids=name_of)
def test_a_share_that_is_there_is_used(tls_proxy, group):
    """Rather than to ask for one of a group that is as good."""
    talk = check_hello(tls_proxy, client_hello(shares=[group]), "ok")
    assert talk.server.hello.group == group
    assert talk.server.retry is None


# ---- X25519 ----


@pytest.mark.parametrize("public", cases({name: (value,) for name, value in SMALL_ORDER_X25519.items()}))
@pytest.mark.parametrize("retried", [False, True], ids=["first hello", "second hello"])
def test_x25519_points_of_small_order(tls_proxy, public, retried):
    """7.4.2: the shared secret would be all zero."""
    with talk_to(tls_proxy) as talk:
        if retried:
            talk.send_hello(client_hello(groups=[Group.X25519], shares=[]))
            talk.expect_retry()
            talk.send_hello(talk.second_hello().set(Ext.KEY_SHARE, key_shares((Group.X25519, public))))
        else:
            talk.send_hello(offer((Group.X25519, public)))
        talk.expect_alert("illegal_parameter")


class BasePoint:
    """The share is the base point, so that the shared secret is the server's share."""

    def __init__(self, public):
        self.public = public

    def shared(self, peer):
        return peer


class TopBit(X25519Key):
    """RFC 7748 5: the top bit of what is received is masked away."""

    def __init__(self):
        super().__init__()
        self.public = self.public[:31] + bytes([self.public[31] | 0x80])


UNUSUAL_X25519 = {
    "the top bit set": TopBit,
    "the base point": lambda: BasePoint((9).to_bytes(32, "little")),
    "the base point with the top bit set": lambda: BasePoint((9 + 2**255).to_bytes(32, "little")),
    "the base point, not reduced": lambda: BasePoint((9 + P25519).to_bytes(32, "little")),
}


@pytest.mark.parametrize("make", cases(UNUSUAL_X25519))
def test_unusual_x25519_shares_are_accepted(tls_proxy, make):
    """RFC 7748 5: masked and reduced, not refused."""
    key = make()
    hello = offer((Group.X25519, key.public)).put(keys={Group.X25519: key})
    check_hello(tls_proxy, hello, "ok")


@pytest.mark.parametrize("size", [0, 1, 31, 33, 64, 65, 1000])
def test_x25519_shares_of_a_wrong_size(tls_proxy, size):
    check_hello(tls_proxy, offer((Group.X25519, b"\x37" * size)), "illegal_parameter")


# ---- P-256 and P-384 ----


def off_curve(group):
    public = new_key(group).public
    return public[:-1] + bytes([public[-1] ^ 0xFF])


def of_another_curve(group):
    return new_key(Group.P384 if group == Group.P256 else Group.P256).public


def not_reduced(group):
    """x = p, which is 0; y = p."""
    return b"\4" + 2 * PRIMES[group].to_bytes(COORDINATE_SIZES[group], "big")


def in_hybrid_form(group):
    public = new_key(group).public
    return bytes([6 | public[-1] & 1]) + public[1:]


BAD_POINTS = {
    "off the curve": off_curve,
    "of another curve": of_another_curve,
    "compressed": lambda group: new_key(group).compressed,
    "in hybrid form": in_hybrid_form,
    "infinity": lambda group: b"\0",
    "infinity, padded": lambda group: bytes(1 + 2 * COORDINATE_SIZES[group]),
    "x = 0, y = 0": lambda group: b"\4" + bytes(2 * COORDINATE_SIZES[group]),
    "not reduced": not_reduced,
    "ones": lambda group: b"\4" + b"\xff" * (2 * COORDINATE_SIZES[group]),
    "a byte less": lambda group: new_key(group).public[:-1],
    "a byte more": lambda group: new_key(group).public + b"\0",
    "without its first byte": lambda group: new_key(group).public[1:],
    "only x": lambda group: new_key(group).public[1 : 1 + COORDINATE_SIZES[group]],
    "another first byte": lambda group: b"\5" + new_key(group).public[1:],
    "a first byte alone": lambda group: b"\4",
    "nothing": lambda group: b"",
    "an X25519 share": lambda group: new_key(Group.X25519).public,
}


@pytest.mark.parametrize("group", CURVES, ids=name_of)
@pytest.mark.parametrize("make", cases(BAD_POINTS))
def test_bad_points(tls_proxy, make, group):
    check_hello(tls_proxy, offer((group, make(group))), "illegal_parameter")


@pytest.mark.parametrize("group", CURVES, ids=name_of)
@pytest.mark.parametrize("make", cases(BAD_POINTS))
def test_bad_points_after_a_retry(tls_proxy, make, group):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello(groups=[group], shares=[]))
        talk.expect_retry()
        talk.send_hello(talk.second_hello().set(Ext.KEY_SHARE, key_shares((group, make(group)))))
        talk.expect_alert("illegal_parameter")


@pytest.mark.parametrize("group", ALL_GROUPS, ids=name_of)
def test_every_connection_has_another_share(tls_proxy, group):
    """7.4: forward secrecy needs a key that is used once."""
    seen = set()
    for _ in range(5):
        with talk_to(tls_proxy) as talk:
            talk.send_hello(client_hello(shares=[group]))
            talk.expect_server_hello()
            seen.add(talk.server.hello.share)
    assert len(seen) == 5


# ---- Hybrids: only their form, as there is no ML-KEM in the client ----

HYBRIDS = {Group.X25519MLKEM768: 1184 + 32, Group.SECP256R1MLKEM768: 65 + 1184}


@pytest.mark.parametrize("group", HYBRIDS, ids=name_of)
def test_hybrid_shares_are_asked_for(tls_proxy, group):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello(groups=[group], shares=[]))
        assert talk.expect_retry().group == group


@pytest.mark.parametrize("group", HYBRIDS, ids=name_of)
@pytest.mark.parametrize("difference", [None, -1, 1, 32])
def test_hybrid_shares_of_a_wrong_size(tls_proxy, group, difference):
    size = 0 if difference is None else HYBRIDS[group] + difference
    check_hello(tls_proxy, offer((group, b"\1" * size), groups=[group]), "illegal_parameter")


@pytest.mark.parametrize("group", HYBRIDS, ids=name_of)
def test_hybrid_shares_with_a_key_that_is_not_reduced(tls_proxy, group):
    """FIPS 203 7.2: the encapsulation key is checked; its coefficients are 12 bits below 3329."""
    share = b"\xff" * HYBRIDS[group]
    if group == Group.SECP256R1MLKEM768:
        share = new_key(Group.P256).public + share[65:]
    check_hello(tls_proxy, offer((group, share), groups=[group]), "illegal_parameter")


def test_a_bad_classical_half_of_a_hybrid_share(tls_proxy):
    """The ML-KEM half is one of zeros, which is well-formed."""
    x25519 = bytes(1184) + SMALL_ORDER_X25519["zero"]
    check_hello(tls_proxy, offer((Group.X25519MLKEM768, x25519), groups=[Group.X25519MLKEM768]), "illegal_parameter")
    p256 = off_curve(Group.P256) + bytes(1184)
    hello = offer((Group.SECP256R1MLKEM768, p256), groups=[Group.SECP256R1MLKEM768])
    check_hello(tls_proxy, hello, "illegal_parameter")


def test_a_bad_share_of_an_unused_group_is_the_clients_loss(tls_proxy):
    """Only the share that is chosen is looked at, or all are: both are right."""
    hello = client_hello()
    x25519 = (Group.X25519, hello.keys[Group.X25519].public)
    hello.set(Ext.KEY_SHARE, key_shares(x25519, (Group.P256, b"\4" + bytes(64))))
    check_hello(tls_proxy, hello, "ok|illegal_parameter")
    assert wire.Group.P256 in hello.listed(Ext.SUPPORTED_GROUPS)
