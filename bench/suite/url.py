"""bench/load: load on a URL that the user names, and what came of it."""

import argparse
import json
import os
import socket
import ssl
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from .client import Client, ClientError
from .processes import allow_many_descriptors

TOP = Path(__file__).resolve().parents[2]
GROUPS = ("X25519MLKEM768", "X25519", "P-256", "P-384", "SecP256r1MLKEM768")  # tried in this order
SUITES = {
    "TLS13-AES128-GCM-SHA256": "TLS_AES_128_GCM_SHA256",
    "TLS13-AES256-GCM-SHA384": "TLS_AES_256_GCM_SHA384",
    "TLS13-CHACHA20-POLY1305-SHA256": "TLS_CHACHA20_POLY1305_SHA256",
}
ORDER = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


@dataclass(frozen=True)
class Place:
    """Where a URL points to."""

    tls: bool
    name: str
    port: int
    host: str  # for the Host field
    path: str
    address: str  # the first one of the name, until somewhere_there() has tried them
    others: tuple = ()  # the name's further addresses


def a_number(least, most, kind=float):
    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise argparse.ArgumentTypeError(
                f"must be a number from {least:g} to {most:g}, not {text!r}"
            )
        return value

    return parse


def arguments(words):
    parser = argparse.ArgumentParser(
        prog="bench/load",
        description="Asks a URL again and again with GET over HTTP/1.1, with TLS 1.3 if it begins with https, for ten "
        "seconds unless told otherwise. A response with a status below 400 that arrives whole is a success.",
        epilog="With --rate, requests are sent when they are due whether or not others have been answered, and latency "
        "counts from then. Without, each connection asks as soon as it is answered. Exit status: 0 when all went well, "
        "1 when there were errors, 2 for bad arguments. Ask only what is yours.",
    )
    parser.add_argument("url", metavar="URL")

    def value(name, text, **more):
        parser.add_argument(name, help=text, **more)

    value(
        "--rate",
        "requests a second; default: as fast as they are answered",
        type=a_number(0.01, 1e6),
        default=0,
    )
    value("--seconds", "default: 10", type=a_number(0.1, 3600), default=10)
    value("--connections", "at a time; default: 10", type=a_number(1, 100000, int), default=10)
    parser.add_argument(
        "--new", action="store_true", help="a new connection, and handshake, for every request"
    )
    parser.add_argument(
        "--resume", action="store_true", help="the same, each resuming the session of one before"
    )
    value("--group", "default: the first of these that the server takes", choices=GROUPS)
    value("--suite", "default: the first of these that the server takes", choices=ORDER)
    value("--ca", "a PEM file of authorities to verify the certificate with", metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print JSON")
    value("--client", argparse.SUPPRESS, default=TOP / "build/bench-client")
    options = parser.parse_args(words)
    try:
        options.place = place_of(options.url)
    except ValueError as error:
        parser.error(str(error))
    if options.ca and not os.access(options.ca, os.R_OK):
        parser.error(f"cannot read {options.ca}")
    return options


def place_of(url):
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError(f"{url!r} is no URL that begins with https:// or http://")
    if parts.username is not None:
        raise ValueError("a URL with a user name is not taken")
    tls = parts.scheme == "https"
    usual = 443 if tls else 80
    port = parts.port or usual
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not all(0x21 <= ord(letter) <= 0x7E for letter in path) or len(path) > 4096:
        raise ValueError("the path must be percent-encoded, and of 4096 letters at most")
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ValueError(f"{parts.hostname}: {error}") from error
    host = name if port == usual else f"{name}:{port}"
    addresses = list(dict.fromkeys(entry[4][0] for entry in found))
    return Place(tls, parts.hostname, port, host, path, addresses[0], tuple(addresses[1:]))


def somewhere_there(place):
    """The place at its first address that accepts a connection: 'localhost' has two, and a server may listen at one of them."""
    for address in (place.address, *place.others):
        try:
            socket.create_connection((address, place.port), 10).close()
            return replace(place, address=address, others=())
        except OSError:
            continue
    return place


def certificate_facts(place, authorities):
    """What an ordinary client thinks of the certificate."""
    context = ssl.create_default_context(cafile=authorities)
    try:
        with socket.create_connection((place.address, place.port), 10) as plain:
            with context.wrap_socket(plain, server_hostname=place.name) as connection:
                return f"verified, valid until {connection.getpeercert()['notAfter']}"
    except ssl.SSLCertVerificationError as error:
        return f"not verified: {error.verify_message}"
    except OSError as error:
        return f"not seen: {error}"


def new_client(options, group, suite):
    place = options.place
    words = ["--path", place.path, "--name", place.name, "--host", place.host]
    words += ["--group", group, "--suite", suite] if place.tls else ["--plain"]
    words += ["--resume"] if options.resume else []
    return Client(options, place.port, *words, host=place.address)


def choose(options):
    """The group and the suite to go on with: the first that work. Raises ClientError."""
    groups = [options.group] if options.group else GROUPS
    suites = [options.suite] if options.suite else ORDER
    if not options.place.tls:
        return None, None
    for suite in suites:
        for group in groups:
            with new_client(options, group, suite) as client:
                answer = client.fresh(1, 1, 1)
                if answer["group"]:  # there was a handshake, whatever came then
                    return group, suite
            if not answer["first_error"].startswith("handshake"):
                raise ClientError(answer["first_error"])
    raise ClientError(f"no handshake with TLS 1.3: {answer['first_error']}")


def put_load(options):
    if options.place.others:
        options.place = somewhere_there(options.place)
    group, suite = choose(options)
    with new_client(options, group, suite) as client:
        if options.new or options.resume:
            if options.resume:
                client.fresh(options.connections, 0, 0.2)
            return client.fresh(options.connections, options.rate, options.seconds)
        opened = client.open(options.connections)
        if not opened["requests"]:
            raise ClientError(opened["first_error"])
        return client.run(options.rate, options.seconds)


def as_text(options, answer, certificate):
    place, latency = options.place, answer["latency_us"]
    lines = [f"{options.url} at {place.address} port {place.port}"]
    if place.tls:
        suite = SUITES.get(answer["suite"], answer["suite"])
        lines.append(f"TLS          {answer['version']}, {suite}, {answer['group']}")
        lines.append(f"certificate  {certificate}")
    kind = "new connections at a time" if options.new or options.resume else "connections"
    rate = f"{options.rate:g} requests a second" if options.rate else "as fast as answered"
    lines.append(f"load         {options.connections:,} {kind}, {rate}, {options.seconds:g} s")
    seconds = max(answer["seconds"], 1e-6)
    size = answer["bytes"] / seconds / (1 << 20)
    speed = f"{answer['requests'] / seconds:,.1f} a second, {size:,.2f} MiB/s of bodies"
    lines.append(f"answered     {answer['requests']:,}: {speed}")
    handshakes = f"{answer['connects']:,} connections made meanwhile, {answer['resumed']:,} resumed"
    lines.append(
        f"handshakes   {handshakes}"
        if place.tls
        else f"connections  {answer['connects']:,} made meanwhile"
    )
    parts = [
        f"{name} {latency[name] / 1000:,.3f}" for name in ("p50", "p90", "p99", "p99.9", "max")
    ]
    since = "since a request was due" if options.rate else "since it was sent"
    lines.append(f"latency      {', '.join(parts)} ms {since}")
    first = f", the first: {answer['first_error']}" if answer["errors"] else ""
    lines.append(f"errors       {answer['errors']:,}{first}")
    return "\n".join(lines)


def main(words=None):
    options = arguments(sys.argv[1:] if words is None else words)
    allow_many_descriptors()
    if not os.access(options.client, os.X_OK):
        print(
            f"bench/load: {options.client} is not there: make build/bench-client", file=sys.stderr
        )
        return 1
    try:
        answer = put_load(options)
    except ClientError as error:
        print(f"bench/load: {options.url}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    certificate = certificate_facts(options.place, options.ca) if options.place.tls else None
    if options.json:
        print(json.dumps({"url": options.url, "certificate": certificate, **answer}))
    else:
        print(as_text(options, answer, certificate))
    return 1 if answer["errors"] or not answer["requests"] else 0
