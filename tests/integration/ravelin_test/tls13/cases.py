"""Tables of cases for pytest.mark.parametrize, and what most of them do with a ClientHello."""

import pytest

from .conversation import talk_to


def cases(table):
    """One parameter set for each entry of a dict, whose keys are the names."""
    return [
        pytest.param(*(values if isinstance(values, tuple) else (values,)), id=name) for name, values in table.items()
    ]


def name_of(value):
    """ids=name_of: a member of an enumeration by its name."""
    return value.name


def check_hello(proxy, hello, outcome, **options):
    """Sends a ClientHello. `outcome`: "ok" (the handshake succeeds and a request is answered), or the alert that must come;
    "this|that" where RFC 8446 leaves the choice. options: of Conversation.send_hello(). Returns the conversation.
    """
    with talk_to(proxy) as talk:
        if outcome == "ok":
            talk.handshake(hello, **options)
            talk.expect_answer()
        else:
            talk.send_hello(hello, **options)
            talk.expect_alert(*outcome.split("|"))
    return talk
