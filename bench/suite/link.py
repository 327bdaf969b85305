"""A link of a chosen rate and delay between this process's network namespace and another one.

Both ends are TUN devices. Packets go through a process of ours, which gives them their time. The
kernel hands them over in segments of up to 64 KiB, as it does to a network card, so a Python program
can carry a gigabit.
"""

import collections
import ctypes
import fcntl
import os
import select
import socket
import struct
import subprocess
import time
from pathlib import Path

from .errors import BenchError

CLONE_NEWNET = 0x40000000
TUNSETIFF, TUNSETVNETHDRSZ, TUNSETOFFLOAD = 0x400454CA, 0x400454D8, 0x400454D0
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
TUN_F_CSUM, TUN_F_TSO4 = 0x01, 0x02
PACKET_MAX = 65536 + 64
MTU = 1500
HEADERS = 40 + 14  # of each packet, beside its payload

HERE, THERE = "10.77.0.1", "10.77.0.2"


def unshare_network():
    """This process is in a new network namespace from now on, with a loopback."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        problem = os.strerror(ctypes.get_errno())
        raise BenchError(f"no network namespace: {problem} (this measurement is for root)")
    _ip("link", "set", "lo", "up")
    for name in ("tcp_rmem", "tcp_wmem"):  # so that one connection can use all of a long link
        Path(f"/proc/sys/net/ipv4/{name}").write_text("4096 131072 33554432")


def _ip(*words):
    subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL)


def _tun(name, address, peer):
    try:
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise BenchError(f"no TUN device: {error}") from error
    flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    fcntl.ioctl(device, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4)
    _ip("addr", "add", address, "peer", peer, "dev", name)
    _ip("link", "set", name, "mtu", str(MTU), "txqueuelen", "10000", "up")
    return device


class _Way:
    """One direction: a queue before the wire, the wire, and what is on its way."""

    def __init__(self, source, target, rate, delay, queue):
        self.source, self.target = source, target
        self.rate, self.delay, self.queue = rate, delay, queue
        self.free_at = 0.0  # when the wire has sent all that waits for it
        self.flying = collections.deque()

    def take(self, now):
        for _ in range(64):
            try:
                packet = os.read(self.source, PACKET_MAX)
            except BlockingIOError:
                return
            wait = max(0.0, self.free_at - now)
            if wait * self.rate > self.queue:
                continue  # the queue is full
            segments = 1 + max(0, len(packet) - HEADERS - 1) // (MTU - 40)
            self.free_at = now + wait + (len(packet) + segments * HEADERS) / self.rate
            self.flying.append((self.free_at + self.delay, packet))

    def deliver(self, now):
        while self.flying and self.flying[0][0] <= now:
            try:
                os.write(self.target, self.flying[0][1])
            except OSError:
                pass  # a packet is lost
            self.flying.popleft()


def _carry(ways):
    poll = select.epoll()
    for way in ways:
        poll.register(way.source, select.EPOLLIN)
    parent = os.getppid()
    while os.getppid() == parent:
        due = min((way.flying[0][0] for way in ways if way.flying), default=None)
        wait = 0.5 if due is None else max(0.0, due - time.monotonic())
        poll.poll(min(wait, 0.5))
        now = time.monotonic()
        for way in ways:
            way.take(now)
            way.deliver(now)


class Link:
    """Use it in a `with` statement, after unshare_network()."""

    def __init__(self, bits_per_second, round_trip, queue_bytes):
        ours, theirs = socket.socketpair()
        self.holder = os.fork()
        if self.holder == 0:
            self._hold(ours, theirs)
        theirs.close()
        self._holding = ours
        _, far, _, _ = socket.recv_fds(ours, 1, 1)
        if not far:
            raise BenchError("no TUN device at the other end")
        (far,) = far
        near = _tun("near", HERE, THERE)
        rate = bits_per_second / 8
        ways = [
            _Way(near, far, rate, round_trip / 2, queue_bytes),
            _Way(far, near, rate, round_trip / 2, queue_bytes),
        ]
        self.carrier = os.fork()
        if self.carrier == 0:
            _carry(ways)
            os._exit(0)
        os.close(near)
        os.close(far)

    @staticmethod
    def _hold(ours, theirs):
        """Keeps the other namespace alive until the socket is closed."""
        ours.close()
        try:
            unshare_network()
            socket.send_fds(theirs, [b"."], [_tun("far", THERE, HERE)])
            theirs.recv(1)
        finally:
            os._exit(0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._holding.close()
        os.kill(self.carrier, 9)
        for pid in (self.carrier, self.holder):
            os.waitpid(pid, 0)

    def there(self, command):
        """The command, as it is run at the other end."""
        return ["nsenter", f"--net=/proc/{self.holder}/ns/net", *command]
