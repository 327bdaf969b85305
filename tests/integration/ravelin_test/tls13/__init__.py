"""A TLS 1.3 client of our own that can say anything, and that checks every byte of the answer.

A conversation reads like a script. Every step is a call; nothing is sent or read behind the test's back:

    with talk_to(proxy) as talk:
        talk.send_hello(client_hello(groups=[Group.P256], shares=[]))
        assert talk.expect_retry().group == Group.P256
        talk.send_hello(talk.second_hello())
        talk.expect_flight()                 # ServerHello up to Finished
        talk.send_finished()
        talk.expect_answer()                 # a request is answered with 200
        talk.close_notify()
        talk.expect_close_notify()           # and FIN

talk.handshake() is all of it up to the Finished. What should be refused ends in

        talk.expect_alert("decode_error")    # this alert, sealed as it must be at this point, then FIN and nothing else

- hello.ClientHello is a ClientHello as data: put() sets fields, set(), add() and drop() change extensions, length()
  makes length fields lie, share() and offer() make key shares and PSKs. client_hello() is an ordinary one.
- send() sends a record, sealed once there are keys; send_plain() and seal() take that choice away; send_message() cuts
  a handshake message over records; pack(), seal() and plain() only make bytes, for send_bytes() to send several at once.
- read() is the next thing that came. The server's messages are checked when they come (checks.py, and the order in
  conversation.py); what RFC 8446 does not allow raises Violation. `records` has every record as it came, `server` what
  was negotiated, `tickets` the tickets.
- A failure's message ends with what was sent and received.

cases.py makes parametrized tables, wire.py encodes and decodes, schedule.py derives secrets, record.py seals and opens, groups.py
has key shares (also bad ones).
"""

from . import checks, wire
from .cases import cases, check_hello, name_of
from .conversation import FIN, RESET, Alert, Conversation, Data, End, Message, Violation, psk_of, talk_to
from .hello import ALL_GROUPS, ALL_SCHEMES, ALL_SUITES, ClientHello, Psk, client_hello, hello_record, legacy_hello
from .record import Keys
from .wire import Ext, Group, Kind, Scheme, Suite, Type

__all__ = [
    *["ALL_GROUPS", "ALL_SCHEMES", "ALL_SUITES", "FIN", "RESET", "Alert", "ClientHello", "Conversation", "Data", "End"],
    *["Ext", "Group", "Keys", "Kind", "Message", "Psk", "Scheme", "Suite", "Type", "Violation", "cases", "check_hello"],
    *["checks", "client_hello", "hello_record", "legacy_hello", "name_of", "psk_of", "talk_to", "wire"],
]
