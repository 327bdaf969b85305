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

talk.handshake(hello) is all of it up to the Finished. What should be refused ends in

        talk.expect_alert("decode_error")    # that alert, sealed as it must be by then, and FIN: nothing else, no reset

and a test that only sends a ClientHello and looks what becomes of it is check_hello(proxy, hello, "decode_error") or
"ok".

ClientHello (hello.py) is a ClientHello as data, client_hello() an ordinary one:

    client_hello().set(Ext.ALPN, b"")                     set(), add(), drop() extensions; put() sets fields
    client_hello().length(suites=3)                       a length field that lies
    client_hello(groups=[0x3000]).share(Group.X25519)     share() makes key shares, of any groups
    client_hello().offer(psk_of(talk.expect_ticket()))    PSKs with the binders they need; edit_psks= changes them

What is sent after it:

    talk.send_finished(sizes=1)                           a message in records of 1 byte; sizes=[4] cuts it there
    talk.send_message(wire.message(Type.KEY_UPDATE))      any message; counted=False leaves the transcript as it is
    talk.send(Kind.ALERT, b"", padding=30)                any record, sealed once there are keys
    talk.send_plain(Kind.HANDSHAKE, b"x", length=9)       not sealed; length, version and so on may lie
    talk.send_bytes(talk.seal(...) + talk.plain(...))     several at once: seal(), plain() and pack() only make bytes
    talk.early_keys().seal(...), talk.send_certificate(...), talk.send_key_update(1), talk.half_close(), talk.reset()

What came: read() gives it one by one, as Message, Data, Alert or End. Each message of the server is held against RFC
8446 when it comes, with everything in it (checks.py, and the order of things in conversation.py); what the RFC does not
allow raises Violation. `records` has every record, `server` what was negotiated, `tickets` and `key_updates` what came
of those. A test that fails prints the last steps of its conversation.
"""

from . import checks, wire
from .cases import cases, check_hello, name_of
from .conversation import Conversation, psk_of, talk_to
from .events import FIN, RESET, Alert, Data, End, Message
from .hello import ALL_GROUPS, ALL_SCHEMES, ALL_SUITES, ClientHello, Psk, client_hello, hello_record, legacy_hello
from .record import Keys
from .wire import Ext, Group, Kind, Scheme, Suite, Type, Violation

__all__ = [
    *["ALL_GROUPS", "ALL_SCHEMES", "ALL_SUITES", "FIN", "RESET", "Alert", "ClientHello", "Conversation", "Data", "End"],
    *["Ext", "Group", "Keys", "Kind", "Message", "Psk", "Scheme", "Suite", "Type", "Violation", "cases", "check_hello"],
    *["checks", "client_hello", "hello_record", "legacy_hello", "name_of", "psk_of", "talk_to", "wire"],
]
