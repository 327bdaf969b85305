"""An HTTP/2 client of our own that can say anything, and that checks every frame of the answer.

    with talk_to(proxy) as talk:                        # TLS, ALPN, the preface and SETTINGS
        assert talk.ask("/").status == 200              # a request and its response
        talk.send(frames.headers(3, request("/")))      # any bytes; frames.py makes them
        talk.response(talk.stream(3))

What the other side sends and RFC 9113 does not allow raises Violation: see talk.py. Conversations as data, with what
the client and the server behind must see, are in cases.py.
"""

from . import frames, hpack
from .frames import Code, Setting, Type
from .talk import Response, Talk, Violation, request, talk_to

__all__ = ["Code", "Response", "Setting", "Talk", "Type", "Violation", "frames", "hpack", "request", "talk_to"]
