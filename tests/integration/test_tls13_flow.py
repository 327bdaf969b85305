"""The plain course of a TLS 1.3 handshake, checked byte by byte by our own client."""

import pytest

from ravelin_test.tls13 import ALL_GROUPS, ALL_SUITES, client_hello, name_of, psk_of, talk_to


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
