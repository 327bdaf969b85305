"""Header compression (RFC 7541): a decoder that refuses what is not allowed, and pieces to encode anything.

What the encoder makes does not depend on earlier blocks, unless a test asks for an entry in the table. So a header
block is just bytes, and a case can hold it as data.
"""

from dataclasses import dataclass, field

# The code is canonical, so the lengths say all of it (Appendix B).
LENGTHS = [
    int(length)
    for length in """
        13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28 28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28 6 10
        10 12 13 6 8 11 10 10 8 11 8 6 6 6 5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10 13 6 7 7 7 7 7 7 7 7 7 7 7 7 7
        7 7 7 7 7 7 7 7 7 8 7 8 13 19 13 14 6 15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5 6 7 6 5 5 6 7 7 7 7 7 15 11
        14 13 28 20 22 20 20 22 22 22 23 22 23 23 23 23 23 24 23 24 24 22 23 24 23 23 23 23 21 22 23 22 23
        23 24 22 21 20 22 22 23 23 21 23 22 22 24 21 22 23 23 21 21 22 21 23 22 23 23 20 22 22 22 23 22 22
        23 26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25 19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27
        20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23 26 27 26 26 27 27 27 27 27 28 27 27 27 27 27 26 30
    """.split()
]
END_OF_STRING = 256

STATIC = [
    *[(":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html")],
    *[(":scheme", "http"), (":scheme", "https")],
    *[(":status", status) for status in ("200", "204", "206", "304", "400", "404", "500")],
    *[("accept-charset", ""), ("accept-encoding", "gzip, deflate")],
    *[
        (name, "")
        for name in """
            accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control
            content-disposition content-encoding content-language content-length content-location content-range
            content-type cookie date etag expect expires from host if-match if-modified-since if-none-match if-range
            if-unmodified-since last-modified link location max-forwards proxy-authenticate proxy-authorization range
            referer refresh retry-after server set-cookie strict-transport-security transfer-encoding user-agent vary
            via www-authenticate
        """.split()
    ],
]
assert len(STATIC) == 61 and len(LENGTHS) == 257


class Malformed(Exception):
    """A header block that RFC 7541 does not allow."""


def huffman_codes():
    codes, code, before = {}, 0, 0
    for symbol in sorted(range(257), key=lambda symbol: (LENGTHS[symbol], symbol)):
        code <<= LENGTHS[symbol] - before
        before = LENGTHS[symbol]
        codes[symbol] = code
        code += 1
    return codes


CODES = huffman_codes()
SYMBOLS = {(LENGTHS[symbol], code): symbol for symbol, code in CODES.items()}


# ---- Encoding ----


def octets(text):
    return text.encode("latin-1") if isinstance(text, str) else bytes(text)


def integer(value, bits, first=0, extra=0):
    """An integer in `bits` bits and more. `first`: the bits before it. `extra`: needless zero octets behind it."""
    limit = (1 << bits) - 1
    if value < limit and not extra:
        return bytes([first | value])
    out = bytearray([first | limit])
    value -= limit
    while value >= 128:
        out.append(value % 128 | 128)
        value //= 128
    out.append(value)
    for _ in range(extra):
        out[-1] |= 128
        out.append(0)
    return bytes(out)


def huffman(data, padding=None):
    """`padding`: (bits, value) behind the last symbol instead of the ones that belong there."""
    bits = "".join(format(CODES[symbol], f"0{LENGTHS[symbol]}b") for symbol in data)
    bits += padding if padding is not None else "1" * (-len(bits) % 8)
    assert len(bits) % 8 == 0
    return int("1" + bits, 2).to_bytes(len(bits) // 8 + 1, "big")[1:] if bits else b""


def string(text, coded=False):
    data = octets(text)
    if coded:
        data = huffman(data)
    return integer(len(data), 7, 0x80 if coded else 0) + data


def literal(name, value, coded=False, kind=0x00):
    """`kind`: 0x00 is without indexing, 0x10 never indexed, 0x40 enters the table. `name` may be an index."""
    bits = 6 if kind == 0x40 else 4
    if isinstance(name, int):
        return integer(name, bits, kind) + string(value, coded)
    return bytes([kind]) + string(name, coded) + string(value, coded)


def remembered(name, value):
    """A literal that enters the table."""
    return literal(name, value, kind=0x40)


def indexed(index):
    return integer(index, 7, 0x80)


def table_size(size):
    return integer(size, 5, 0x20)


def block(fields, coded=False):
    """A whole header block: pairs of name and value, and bytes that stand for themselves."""
    return b"".join(item if isinstance(item, bytes) else literal(*item, coded=coded) for item in fields)


# ---- Decoding ----


@dataclass
class Decoder:
    """What one side of a connection remembers. Strings are decoded as Latin-1."""

    limit: int = 4096  # what we have said in SETTINGS_HEADER_TABLE_SIZE
    size_max: int = 4096
    entries: list = field(default_factory=list)  # newest first
    literals: list = field(default_factory=list)  # (name, kind) of the last block's literals
    must_resize: bool = False  # the limit became smaller than the table

    def set_limit(self, limit):
        self.limit = limit
        self.must_resize = self.must_resize or limit < self.size_max

    def decode(self, data):
        fields, at = [], 0
        self.literals = []
        self.updates = 0
        while at < len(data):
            first = data[at]
            if first & 0xE0 == 0x20:
                if fields or self.updates == 2:
                    raise Malformed("a table size update behind a field, or a third one")
                at = self._resize(data, at)
                continue
            if self.must_resize:
                raise Malformed("no table size update after a smaller SETTINGS_HEADER_TABLE_SIZE")
            if first & 0x80:
                index, at = read_integer(data, at, 7)
                fields.append(self._entry(index))
                continue
            bits, kind = (6, 0x40) if first & 0x40 else (4, first & 0x10)
            index, at = read_integer(data, at, bits)
            if index:
                name = self._entry(index)[0]
            else:
                name, at = read_string(data, at)
            value, at = read_string(data, at)
            fields.append((name, value))
            self.literals.append((name, kind))
            if kind == 0x40:
                self.entries.insert(0, (name, value))
                self._evict()
        return fields

    def _resize(self, data, at):
        size, at = read_integer(data, at, 5)
        if size > self.limit:
            raise Malformed(f"a table of {size}, where {self.limit} is the limit")
        self.size_max = size
        self.updates += 1
        self.must_resize = False
        self._evict()
        return at

    def _entry(self, index):
        if not 0 < index <= len(STATIC) + len(self.entries):
            raise Malformed(f"no entry {index}")
        return STATIC[index - 1] if index <= len(STATIC) else self.entries[index - len(STATIC) - 1]

    def _evict(self):
        while sum(len(name) + len(value) + 32 for name, value in self.entries) > self.size_max:
            self.entries.pop()


def read_integer(data, at, bits):
    limit = (1 << bits) - 1
    value, shift = byte_at(data, at) & limit, 0
    at += 1
    if value < limit:
        return value, at
    while True:
        byte = byte_at(data, at)
        at += 1
        value += (byte & 127) << shift
        shift += 7
        if shift > 35:
            raise Malformed("an integer too long")
        if not byte & 128:
            return value, at


def byte_at(data, at):
    if at >= len(data):
        raise Malformed("the block ends too early")
    return data[at]


def read_string(data, at):
    coded = byte_at(data, at) & 0x80
    size, at = read_integer(data, at, 7)
    raw = data[at : at + size]
    if len(raw) < size:
        raise Malformed("the block ends in a string")
    return (unhuffman(raw) if coded else bytes(raw)).decode("latin-1"), at + size


def unhuffman(data):
    out, code, length = bytearray(), 0, 0
    for byte in data:
        for shift in range(7, -1, -1):
            code = code << 1 | byte >> shift & 1
            length += 1
            symbol = SYMBOLS.get((length, code))
            if symbol == END_OF_STRING:
                raise Malformed("EOS in a string")
            if symbol is not None:
                out.append(symbol)
                code = length = 0
    if length > 7 or code != (1 << length) - 1:
        raise Malformed("wrong padding of a string")
    return bytes(out)
