"""Clients of HTTP/3 that mean harm: each has to be held, and to hold up nobody."""

import asyncio
import os
import socket

from client import PATIENCE, PORT, Broken, Ended, client, frame, run, say
from aioquic.buffer import encode_uint_var

HEADERS, SETTINGS = 1, 4
LONG = 1 << 40


async def refused(asking):
    """Waits for the refusal of a request: 431, or that its stream or connection ends."""
    try:
        answer = await asking
    except (Broken, Ended) as error:
        return str(error)
    assert answer.status == 431, answer.status
    return 431


async def large_headers():
    async with client() as c:
        large = lambda n: [("x", "v" * 4000)] * n
        assert (await c.ask("GET", "/cf", large(20))).status == 200
        for size in [35, 50, 250]:
            say(size, await refused(c.ask("GET", "/cf", large(size))))
        say("many", await refused(c.ask("GET", "/cf", [("x", "v")] * 6000)))
        # A frame of headers that never ends.
        stream = c.open()
        c.raw(stream, encode_uint_var(HEADERS) + encode_uint_var(LONG) + b"\0" * 1000)
        say("endless", await refused(c.answer(stream)))
        # A kind that nobody knows, without an end: dropped as it comes.
        stream = c.open()
        c.raw(stream, encode_uint_var(0x21) + encode_uint_var(LONG))
        for _ in range(64):
            c.raw(stream, bytes(1 << 18))
            await asyncio.sleep(0)
        assert (await c.ask("GET", "/cf")).status == 200
    # Settings without an end.
    async with client() as c:
        assert (await c.ask("GET", "/cf")).status == 200
        stream = c.http._local_control_stream_id
        c.raw(stream, encode_uint_var(0xD) + encode_uint_var(LONG) + bytes(1000))
        await c.until(lambda: c.ended)
        say("control", hex(c.ended.error_code))


async def flood(c, one):
    """Does something until the server has enough of it."""
    sent = 0
    async with asyncio.timeout(PATIENCE):
        while not c.ended:
            for _ in range(20):
                one()
                sent += 1
            await asyncio.sleep(0.005)
    assert c.ended.error_code == 0x107, c.ended
    return sent


async def rapid_reset():
    async with client() as c:
        assert (await c.ask("GET", "/cf")).status == 200
        say("sent", await flood(c, lambda: c.cancel(c.begin("GET", "/slow?x"))))


async def streams_without_headers():
    async with client() as c:

        def broken():
            stream = c.open()
            c.raw(stream, b"\x01")
            c._quic.reset_stream(stream, 0x10C)
            c.transmit()

        say("sent", await flood(c, broken))


async def kinds_of_streams():
    """Unidirectional streams of kinds that nobody knows, and two control streams."""
    async with client() as c:
        for _ in range(500):
            stream = c._quic.get_next_available_stream_id(is_unidirectional=True)
            c.raw(stream, encode_uint_var(0x21) + os.urandom(100))
            await asyncio.sleep(0)
        assert (await c.ask("GET", "/cf")).status == 200
    async with client() as c:
        assert (await c.ask("GET", "/cf")).status == 200
        stream = c._quic.get_next_available_stream_id(is_unidirectional=True)
        c.raw(stream, b"\0" + frame(SETTINGS, b""))
        await c.until(lambda: c.ended)
        assert c.ended.error_code == 0x103, c.ended


async def takes_nothing():
    """Asks for much on many streams and reads none: what is kept for it is bounded."""
    async with client() as c:
        c._quic._write_connection_limits = c._quic._write_stream_limits = lambda *_, **__: None
        for _ in range(100):
            c.begin("GET", "/large")
        await asyncio.sleep(2)
        assert not c.ended


async def junk():
    """Datagrams of no meaning, and first packets from many ports that are never followed up."""
    for n in range(300):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for size in [1, 20, 1200]:
                s.sendto(os.urandom(size), ("127.0.0.1", PORT))
            first = b"\xc0\x00\x00\x00\x01\x08" + os.urandom(8) + b"\x08" + os.urandom(8) + b"\x00\x44\x80" + os.urandom(1150)
            s.sendto(first, ("127.0.0.1", PORT))
        if n % 50 == 0:
            await asyncio.sleep(0)


async def handshakes_left_alone():
    """Real first packets, hundreds of them, whose clients say no more; and one in between that means it."""
    from aioquic.h3.connection import H3_ALPN
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.connection import QuicConnection

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for n in range(600):
            configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name="hello.localhost")
            connection = QuicConnection(configuration=configuration)
            connection.connect(("127.0.0.1", PORT), now=0.0)
            for data, address in connection.datagrams_to_send(now=0.0):
                s.sendto(data, address)
    # By now clients have to show where they are, which this one does.
    async with client() as c:
        assert (await c.ask("GET", "/cf")).status == 200
        say("retried", c._quic._retry_source_connection_id is not None)


async def everything():
    for scene in [large_headers, rapid_reset, streams_without_headers, kinds_of_streams, takes_nothing, junk, handshakes_left_alone]:
        say(scene.__name__)
        await scene()


run(everything)
