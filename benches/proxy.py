#!/usr/bin/env python3
"""A proxy on a loopback port that counts what passes, and delays it: a network of a given round-trip time.

usage: proxy.py HOST:PORT [--rtt MS] [--certificate FILE --key FILE] [--mysql]

Prints its port, then answers each line of its input with what it counted since the last one, as JSON. It is a
process of its own, so that its work does not disturb the clock of the bench. With a certificate it takes TLS from
clients; with --mysql it tells the protocol's packets until TLS begins, and TLS's records from there on.

A connection costs a round trip before its first byte, as TCP's handshake would.
"""

from __future__ import annotations

import argparse
import json
import queue
import re
import select
import socket
import ssl
import sys
import threading
import time
from collections import Counter
from typing import Any

OPERATION = re.compile(rb"x-amz-target: *secretsmanager\.(\w+)", re.IGNORECASE)
CLIENT_SSL = 0x08
COM_QUERY, COM_STMT_PREPARE, COM_STMT_EXECUTE = 3, 22, 23


class Counts:
    """What passed since the last reading."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.numbers: Counter[str] = Counter()
        self.operations: Counter[str] = Counter()
        self.statements: list[str] = []
        self.waited = 0.0
        self.open = 0

    def take(self) -> dict[str, Any]:
        with self.lock:
            taken = {
                **{name: self.numbers[name] for name in ("connections", "round_trips", "packets", "from_client", "bytes", "prepared")},
                "most_open": max(self.numbers["most_open"], self.open),
                "operations": dict(self.operations),
                "statements": self.statements,
                "waited_ms": self.waited * 1000,
            }
            self.numbers.clear()
            self.operations.clear()
            self.statements, self.waited = [], 0.0
            return taken


class Tls:
    """A TLS connection that one thread reads while another one writes, which OpenSSL alone does not allow."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self.connection = connection
        self.lock = threading.Lock()
        connection.setblocking(False)

    def recv(self, size: int) -> bytes:
        while True:
            with self.lock:
                try:
                    return self.connection.recv(size)
                except ssl.SSLWantReadError:
                    pass
            select.select([self.connection], [], [], 1)

    def sendall(self, data: bytes) -> None:
        while data:
            with self.lock:
                try:
                    data = data[self.connection.send(data) :]
                    continue
                except ssl.SSLWantWriteError:
                    pass
            select.select([], [self.connection], [], 1)

    def shutdown(self, how: int) -> None:
        self.connection.shutdown(how)

    def close(self) -> None:
        self.connection.close()


class Framing:
    """Counts the packets, later the records, of one direction of one connection."""

    def __init__(self, link: Link, from_client: bool) -> None:
        self.link, self.from_client, self.rest = link, from_client, b""

    def feed(self, data: bytes) -> None:
        self.rest += data
        while True:
            tls = self.link.tls
            head = 5 if tls else 4
            if len(self.rest) < head:
                return
            size = int.from_bytes(self.rest[3:5], "big") if tls else int.from_bytes(self.rest[:3], "little")
            if len(self.rest) < head + size:
                return
            payload, sequence = self.rest[head : head + size], self.rest[3]
            self.rest = self.rest[head + size :]
            self.link.counts.numbers["packets"] += 1
            self.link.counts.numbers["from_client"] += self.from_client
            if self.from_client and not tls:
                self.read(payload, sequence)

    def read(self, payload: bytes, sequence: int) -> None:
        numbers = self.link.counts.numbers
        if sequence and len(payload) == 32 and payload[1] & CLIENT_SSL:
            self.link.tls = True
        elif not sequence and payload[:1] == bytes([COM_QUERY]):
            self.link.counts.statements.append(payload[1:].decode(errors="replace"))
        elif not sequence and payload[:1] == bytes([COM_STMT_PREPARE]):
            numbers["prepared"] += 1
            self.link.counts.statements.append(payload[1:].decode(errors="replace"))
        elif not sequence and payload[:1] == bytes([COM_STMT_EXECUTE]):
            numbers["prepared"] += 1


class Link:
    """One connection."""

    def __init__(self, client: socket.socket | Tls, server: socket.socket, counts: Counts, half: float, mysql: bool) -> None:
        self.counts, self.half, self.mysql = counts, half, mysql
        self.tls = False
        self.client_spoke_last = False
        self.sent_at = 0.0
        self.sockets = (client, server)
        for source, target, from_client in ((client, server, True), (server, client, False)):
            pipe: queue.Queue[tuple[float, bytes]] = queue.Queue()
            threading.Thread(target=self.read, args=[source, pipe, from_client], daemon=True).start()
            threading.Thread(target=self.write, args=[target, pipe, from_client], daemon=True).start()

    def read(self, source: socket.socket | Tls, pipe: queue.Queue[tuple[float, bytes]], from_client: bool) -> None:
        framing = Framing(self, from_client)
        while True:
            try:
                data = source.recv(1 << 18)
            except OSError:
                data = b""
            now = time.monotonic()
            with self.counts.lock:
                self.count(data, from_client, now)
                if self.mysql:
                    framing.feed(data)
            pipe.put((now + self.half, data))
            if not data:
                return

    def count(self, data: bytes, from_client: bool, now: float) -> None:
        numbers = self.counts.numbers
        numbers["bytes"] += len(data)
        if from_client and data:
            numbers["round_trips"] += not self.client_spoke_last
            self.client_spoke_last = True
            if not self.mysql:
                self.counts.operations.update(name.decode() for name in OPERATION.findall(data))
        elif data:
            if self.client_spoke_last:
                self.counts.waited += max(0.0, now - self.sent_at)
            self.client_spoke_last = False

    def write(self, target: socket.socket | Tls, pipe: queue.Queue[tuple[float, bytes]], from_client: bool) -> None:
        while True:
            due, data = pipe.get()
            pause = due - time.monotonic()
            if pause > 0 and self.half:
                time.sleep(pause)
            try:
                if not data:
                    target.shutdown(socket.SHUT_RDWR)
                    break
                if from_client:
                    self.sent_at = time.monotonic()
                target.sendall(data)
            except OSError:
                break
        if from_client:
            with self.counts.lock:
                self.counts.open -= 1
            for one in self.sockets:
                one.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("upstream")
    parser.add_argument("--rtt", type=float, default=0)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--mysql", action="store_true")
    arguments = parser.parse_args()
    tls = None
    if arguments.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(arguments.certificate, arguments.key)
    counts = Counts()
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    threading.Thread(target=listen, args=[listener, arguments, tls, counts], daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    for _ in sys.stdin:
        print(json.dumps(counts.take()), flush=True)


def listen(listener: socket.socket, arguments: argparse.Namespace, tls: ssl.SSLContext | None, counts: Counts) -> None:
    while True:
        client, _ = listener.accept()
        threading.Thread(target=connect, args=[client, arguments, tls, counts], daemon=True).start()


def connect(client: socket.socket, arguments: argparse.Namespace, tls: ssl.SSLContext | None, counts: Counts) -> None:
    half = arguments.rtt / 2000
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection: socket.socket | Tls = client
    try:
        if tls:
            connection = Tls(tls.wrap_socket(client, server_side=True))
        if half:
            time.sleep(3 * half)  # SYN, its answer, and the way of what follows
        host, port = arguments.upstream.rsplit(":", 1)
        server = socket.create_connection((host, int(port)))
    except OSError:
        client.close()
        return
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with counts.lock:
        counts.numbers["connections"] += 1
        counts.open += 1
        counts.numbers["most_open"] = max(counts.numbers["most_open"], counts.open)
    Link(connection, server, counts, half, arguments.mysql)


if __name__ == "__main__":
    main()
