"""A connection of HTTP/3 by aioquic, for the journeys beside this file."""

import asyncio
import contextlib
import os
import ssl
import sys

from aioquic.asyncio import QuicConnectionProtocol, connect
from aioquic.buffer import encode_uint_var
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StopSendingReceived, StreamDataReceived, StreamReset
from cryptography.hazmat.primitives.serialization import Encoding

HOST = "hello.localhost"
PORT = int(os.environ["PORT"])
PATIENCE = 60
# The first unidirectional stream of a server.
CONTROL = 3


class Broken(Exception):
    """A stream was reset by the server."""


class Ended(Exception):
    """The server ended the connection."""


class Answer:
    def __init__(self):
        self.headers, self.body, self.whole = {}, bytearray(), asyncio.get_running_loop().create_future()

    @property
    def status(self):
        return int(self.headers[":status"])

    @property
    def text(self):
        return self.body.decode()

    def fail(self, error):
        if not self.whole.done():
            self.whole.set_exception(error)
            self.whole.exception()


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.answers, self.control, self.ended, self.changed = {}, bytearray(), None, asyncio.Event()

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            self.ended = event
            for answer in self.answers.values():
                answer.fail(Ended(hex(event.error_code), event.reason_phrase))
        if isinstance(event, (StreamReset, StopSendingReceived)) and event.stream_id in self.answers:
            if isinstance(event, StreamReset):
                self.answers[event.stream_id].fail(Broken(hex(event.error_code)))
        if isinstance(event, StreamDataReceived) and event.stream_id == CONTROL:
            self.control += event.data
        for event in self.http.handle_event(event):
            answer = self.answers.get(getattr(event, "stream_id", None))
            if answer is None:
                continue
            if isinstance(event, HeadersReceived):
                answer.headers = {name.decode(): value.decode() for name, value in event.headers}
            elif isinstance(event, DataReceived):
                answer.body += event.data
            if event.stream_ended and not answer.whole.done():
                answer.whole.set_result(None)
        self.changed.set()

    def begin(self, method, path, headers=(), end=True, pseudo=()):
        """Sends the headers of a request: its stream."""
        stream = self._quic.get_next_available_stream_id()
        self.answers[stream] = Answer()
        head = [(":method", method), (":scheme", "https"), (":authority", f"{HOST}:{PORT}"), (":path", path), *pseudo, *headers]
        self.http.send_headers(stream, [(name.encode(), value.encode()) for name, value in head], end_stream=end)
        self.transmit()
        return stream

    def send(self, stream, data, end=False):
        self.http.send_data(stream, data, end)
        self.transmit()

    def raw(self, stream, data, end=False):
        """Sends bytes of any kind."""
        self._quic.send_stream_data(stream, data, end)
        self.transmit()

    def open(self, unidirectional=False):
        """A stream for bytes of any kind."""
        stream = self._quic.get_next_available_stream_id(is_unidirectional=unidirectional)
        self.answers[stream] = Answer()
        return stream

    def cancel(self, stream):
        """Gives a request up, as browsers do."""
        self._quic.reset_stream(stream, 0x10C)
        with contextlib.suppress(Exception):
            self._quic.stop_stream(stream, 0x10C)
        self.transmit()

    async def answer(self, stream):
        answer = self.answers[stream]
        await asyncio.wait_for(asyncio.shield(answer.whole), PATIENCE)
        return answer

    async def ask(self, method, path, headers=(), body=None):
        stream = self.begin(method, path, headers, end=body is None)
        if body is not None:
            self.send(stream, body, end=True)
        return await self.answer(stream)

    async def until(self, holds):
        async def wait():
            while not holds():
                self.changed.clear()
                await self.changed.wait()

        await asyncio.wait_for(wait(), PATIENCE)

    def goaway(self):
        """The id in the server's GOAWAY, once there is one."""
        data, at = bytes(self.control), 1
        while at + 2 <= len(data):
            kind, at = number(data, at)
            length, at = number(data, at)
            if kind == 7:
                return number(data, at)[0]
            at += length
        return None

    def certificate(self):
        return self._quic.tls._peer_certificate.public_bytes(Encoding.DER).hex()


def number(data, at):
    """A variable-length integer, and where it ends."""
    length = 1 << (data[at] >> 6)
    value = int.from_bytes(data[at : at + length]) & ((1 << (8 * length - 2)) - 1)
    return value, at + length


def frame(kind, payload):
    return encode_uint_var(kind) + encode_uint_var(len(payload)) + payload


@contextlib.asynccontextmanager
async def client():
    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name=HOST, verify_mode=ssl.CERT_NONE)
    async with connect("127.0.0.1", PORT, configuration=configuration, create_protocol=Client) as connected:
        yield connected


def say(*words):
    print(*words, flush=True)


def run(*scenes):
    """Runs the scene that the command line names."""
    [scene] = [scene for scene in scenes if scene.__name__ == sys.argv[1]]
    asyncio.run(asyncio.wait_for(scene(), 240))
