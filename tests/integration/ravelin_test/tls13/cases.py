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
    """Sends a ClientHello; `outcome`: see Conversation.expect_outcome(). options: of Conversation.send_hello().

    Returns the conversation, which has ended.
    """
    with talk_to(proxy) as talk:
        talk.send_hello(hello, **options)
        talk.expect_outcome(outcome)
    return talk
