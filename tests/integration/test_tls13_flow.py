"""The plain course of a TLS 1.3 handshake, checked byte by byte by our own client."""

import pytest

from ravelin_test.tls13 import ALL_GROUPS, ALL_SUITES, Group, client_hello, name_of, psk_of, talk_to


@pytest.mark.parametrize("suite", ALL_SUITES, ids=name_of)
@pytest.mark.parametrize("group", ALL_GROUPS, ids=name_of)
def test_full_and_resumed_handshakes(tls_proxy, suite, group):
    with talk_to(tls_proxy) as talk:
        talk.handshake(client_hello(suites=[suite], shares=[group]))
        assert (talk.server.hello.suite, talk.server.hello.group) == (suite, group)
        ticket = talk.expect_ticket()
        talk.expect_answer()
        talk.close_notify()
        talk.expect_close_notify()
    with talk_to(tls_proxy) as talk:
        talk.handshake(client_hello(suites=[suite], shares=[group]).offer(psk_of(ticket)))
        assert talk.server.resumed
        talk.expect_answer()


@pytest.mark.parametrize("suite", ALL_SUITES, ids=name_of)
@pytest.mark.parametrize("group", ALL_GROUPS, ids=name_of)
def test_full_and_resumed_handshakes_with_a_retry(tls_proxy, suite, group):
    with talk_to(tls_proxy) as talk:
        talk.handshake(client_hello(suites=[suite], groups=[group], shares=[]))
        assert talk.server.retry.group == group
        ticket = talk.expect_ticket()
        talk.expect_answer()
    with talk_to(tls_proxy) as talk:
        talk.handshake(client_hello(suites=[suite], groups=[group], shares=[]).offer(psk_of(ticket)))
        assert talk.server.retry and talk.server.resumed
        talk.expect_answer()


def test_every_server_hello_is_another(tls_proxy):
    randoms = set()
    for _ in range(20):
        with talk_to(tls_proxy) as talk:
            talk.send_hello()
            talk.expect_server_hello()
            randoms.add(talk.server.hello.random)
    assert len(randoms) == 20
    assert not {random[:4] for random in randoms} & {bytes(4), b"\xff" * 4}


def test_a_shared_secret_may_begin_with_zeros(tls_proxy):
    """7.4.2: they belong to it. Until one has come, which takes some hundred handshakes."""
    with talk_to(tls_proxy) as talk:
        talk.handshake()
        psk = psk_of(talk.expect_ticket())
    for _ in range(6000):
        with talk_to(tls_proxy) as talk:
            hello = client_hello(shares=[Group.P256]).offer(psk)
            talk.send_hello(hello)
            talk.expect_flight()  # its Finished is under keys that come of the secret
            if hello.keys[Group.P256].shared(talk.server.hello.share)[0] == 0:
                return
    raise AssertionError("no such secret came")
