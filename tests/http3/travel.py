"""A client of HTTP/3 that means well: what it asks for, and what it has to be answered."""

import asyncio
import gzip
import hashlib
import http.client
import json
import os
import ssl

from client import HOST, PORT, Broken, client, frame, run, say


async def travels():
    async with client() as c:
        # Who is asked, over what.
        answer = await c.ask("GET", "/cf?a=b", [("cookie", "a=1"), ("cookie", "b=2"), ("cf-connecting-ip", "1.2.3.4")])
        told = json.loads(answer.text)
        assert answer.status == 200, answer.headers
        assert told["url"] == f"https://{HOST}:{PORT}/cf?a=b", told
        assert (told["cf"]["httpProtocol"], told["cf"]["tlsVersion"]) == ("HTTP/3", "TLSv1.3"), told
        assert told["cf"]["tlsCipher"] == "AEAD-AES128-GCM-SHA256", told
        headers = told["headers"]
        assert headers["cf-connecting-ip"] == "127.0.0.1" and headers["cf-visitor"] == '{"scheme":"https"}', headers
        assert headers["cookie"] == "a=1; b=2" and headers["host"] == f"{HOST}:{PORT}", headers
        assert answer.headers["cf-ray"].startswith(headers["cf-ray"].split("-")[0]) and "date" in answer.headers, answer.headers
        assert answer.headers["alt-svc"] == f'h3=":{PORT}"; ma=86400', answer.headers
        assert told["body"] is None, told
        assert int(answer.headers["content-length"]) == len(answer.body), answer.headers

        # Large both ways: with a length, without one, and in empty frames between.
        sent = os.urandom(8 << 20)
        answer = await c.ask("POST", "/echo", [("content-length", str(len(sent)))], sent)
        assert hashlib.sha256(answer.body).digest() == hashlib.sha256(sent).digest(), len(answer.body)
        answer = await c.ask("POST", "/echo", [], sent[: 1 << 20])
        assert answer.body == sent[: 1 << 20], len(answer.body)
        stream = c.begin("POST", "/echo", end=False)
        for piece in [b"one", b"", b"two", b"", b""]:
            c.raw(stream, frame(0, piece))
        # A frame of a kind that nobody knows, and trailers.
        c.raw(stream, frame(0x21 + 0x1F * 7, b"x" * 5000) + frame(0, b"three"))
        c.http.send_headers(stream, [(b"x-trailer", b"1")], end_stream=True)
        c.transmit()
        answer = await c.answer(stream)
        assert answer.text == "onetwothree", answer.text

        # A Worker answers while the request still comes.
        stream = c.begin("POST", "/echo", end=False)
        for piece in [b"ping", b"pong"]:
            c.send(stream, piece)
            await c.until(lambda: c.answers[stream].body.endswith(piece))
        c.send(stream, b"", end=True)
        assert (await c.answer(stream)).text == "pingpong"

        # Answers of other kinds.
        # aioquic takes the length of an answer to HEAD for one of a body.
        check, c.http._check_content_length = c.http._check_content_length, lambda stream: None
        answer = await c.ask("HEAD", "/cf")
        assert answer.status == 200 and not answer.body and int(answer.headers["content-length"]) > 0, answer.headers
        c.http._check_content_length = check
        answer = await c.ask("GET", "/empty")
        assert answer.status == 204 and not answer.body and "content-length" not in answer.headers, answer.headers
        answer = await c.ask("GET", "/text", [("accept-encoding", "gzip")])
        assert answer.headers["content-encoding"] == "gzip" and gzip.decompress(answer.body) == b"text " * 10000, answer.headers
        answer = await c.ask("GET", "/text")
        assert "content-encoding" not in answer.headers and answer.body == b"text " * 10000, answer.headers
        answer = await c.ask("GET", "/throw")
        assert (answer.status, answer.text) == (500, "error code: 1101"), answer.text
        answer = await c.ask("GET", "/own")
        assert answer.headers["alt-svc"] == "clear", answer.headers
        stream = c.begin("GET", "/breaks")
        try:
            raise AssertionError((await c.answer(stream)).text)
        except Broken:
            pass

        # What is not there is refused, and the connection goes on.
        stream = c.begin("CONNECT", "/socket", end=False, pseudo=[(":protocol", "websocket")])
        try:
            assert (await c.answer(stream)).status >= 400
        except Broken:
            pass
        for header in [("connection", "close"), ("transfer-encoding", "chunked"), ("upgrade", "websocket"), ("content-length", "1, 1")]:
            stream = c.begin("POST", "/cf", [header], end=False)
            try:
                raise AssertionError((await c.answer(stream)).text)
            except Broken as error:
                assert str(error) == "0x10e", (header, error)
        answer = await c.ask("GET", "/" + "x" * 20000)
        assert answer.status == 414, answer.status
        answer = await c.ask("POST", "/echo", [("content-length", str(200 << 20))], b"")
        assert answer.status == 413, answer.status

        # More at once than the server takes at a time.
        streams = [c.begin("GET", f"/slow?{n}") for n in range(300)]
        for n, stream in enumerate(streams):
            answer = await c.answer(stream)
            assert answer.text == f"?{n}", answer.text

        # A client that gives up is gone for the Worker.
        stream = c.begin("GET", "/waits")
        while int((await c.ask("GET", "/waiting")).text) == 0:
            pass
        c.cancel(stream)
        while int((await c.ask("GET", "/aborted")).text) == 0:
            pass
        assert (await c.ask("GET", "/own")).status == 200
    tcp()


def tcp():
    """Over TCP the same server says where HTTP/3 is."""
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", PORT, context=tls)
    for path, wanted in [("/cf", f'h3=":{PORT}"; ma=86400'), ("/own", "clear")]:
        connection.request("GET", path, headers={"host": f"{HOST}:{PORT}"})
        answer = connection.getresponse()
        answer.read()
        assert answer.headers.get_all("alt-svc") == [wanted], answer.headers.items()


async def certificate():
    async with client() as c:
        say("certificate", c.certificate())


async def drains():
    """Is told to stop in the middle of two answers."""
    async with client() as c:
        late, echo = c.begin("POST", "/late", end=False), c.begin("POST", "/echo", end=False)
        c.send(late, b"one")
        c.send(echo, b"one")
        await c.until(lambda: c.answers[echo].body == b"one")
        while int((await c.ask("GET", "/waiting")).text) == 0:
            pass
        say("underway")
        await c.until(lambda: c.goaway() is not None)
        last = max(c.answers)
        assert c.goaway() > last, (c.goaway(), last)
        # What comes now is not taken, and may be asked again elsewhere.
        refused = c.begin("GET", "/cf")
        try:
            raise AssertionError((await c.answer(refused)).text)
        except Broken as error:
            assert str(error) == "0x10b", error
        # What is underway goes on to its end.
        c.send(late, b"two", end=True)
        c.send(echo, b"two", end=True)
        assert (await c.answer(late)).text == "late onetwo"
        assert (await c.answer(echo)).text == "onetwo"
        await c.until(lambda: c.ended)
        assert c.ended.error_code == 0x100, c.ended


run(travels, certificate, drains)
