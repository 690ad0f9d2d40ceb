"""Requests that no client would send: each is refused with the code it deserves, and leaves nothing behind.

The journey in s3.rs starts `skerry dev`, makes a token, and sets S3_ENDPOINT and S3_ALL (`id:secret`).
"""

import base64
import datetime
import hashlib
import hmac
import os
import re
import socket
import sys
import urllib.parse
import zlib

HOST = os.environ["S3_ENDPOINT"].removeprefix("http://")
ID, SECRET = os.environ["S3_ALL"].split(":")
EMPTY = hashlib.sha256(b"").hexdigest()
NOW = datetime.datetime.now(datetime.timezone.utc)


def sha256(text):
    return hashlib.sha256(text).hexdigest()


class Request:
    """Signed as the documents of SigV4 say, and then whatever a case makes of it."""

    def __init__(self, method, path, body=b"", hash=None, headers=(), query="", at=NOW, id=ID):
        self.method, self.path, self.body, self.query = method, path, body, query
        self.date = at.strftime("%Y%m%dT%H%M%SZ")
        self.scope = f"{self.date[:8]}/auto/s3/aws4_request"
        self.headers = {"host": HOST, "x-amz-date": self.date, "x-amz-content-sha256": hash or sha256(body), **dict(headers)}
        names = ";".join(sorted(self.headers))
        lines = "".join(f"{name}:{self.headers[name]}\n" for name in sorted(self.headers))
        canonical = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{self.headers['x-amz-content-sha256']}"
        key = f"AWS4{SECRET}".encode()
        for part in (self.date[:8], "auto", "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        self.key = key
        self.signature = self.sign(f"AWS4-HMAC-SHA256\n{self.date}\n{self.scope}\n{sha256(canonical.encode())}")
        self.headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={id}/{self.scope}, SignedHeaders={names}, Signature={self.signature}"
        )
        self.headers.setdefault("content-length", str(len(body)))

    def sign(self, text):
        return hmac.digest(self.key, text.encode(), "sha256").hex()

    def head(self):
        target = self.path + (f"?{self.query}" if self.query else "")
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        return f"{self.method} {target} HTTP/1.1\r\n{lines}connection: close\r\n\r\n".encode()

    def send(self):
        return send(self.head() + self.body)


def send(data):
    """The status and code of the answer; the server may have stopped reading before all was sent."""
    host, port = HOST.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        try:
            connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except ConnectionResetError:
            pass
    status = re.match(rb"HTTP/1.1 (\d+)", answer)
    code = re.search(rb"<Code>(\w+)</Code>", answer)
    return (int(status[1]) if status else None, code[1].decode() if code else None)


def expect(found, status, code=None, what=""):
    assert found == (status, code), f"{what}: {found} instead of {(status, code)}"


def get(key):
    return Request("GET", f"/hostile/{key}").send()


def absent(key):
    expect(get(key), 404, "NoSuchKey", key)


# === bodies in chunks ===


def chunked(path, chunks, trailer=None, trailer_signature=None, signed=True, length=None, breaks=None, announce=True):
    """A body of chunks with right signatures, but for what `breaks` does to one of them."""
    kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" if signed else "STREAMING-UNSIGNED-PAYLOAD"
    decoded = sum(len(chunk) for chunk in chunks) if length is None else length
    headers = {"x-amz-decoded-content-length": str(decoded), "content-encoding": "aws-chunked"}
    if trailer is not None:
        kind += "-TRAILER"
        if announce:
            headers["x-amz-trailer"] = trailer[0]
    request = Request("PUT", path, hash=kind, headers=headers)
    last, body = request.signature, b""
    for number, chunk in enumerate([*chunks, b""]):
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{request.date}\n{request.scope}\n{last}\n{EMPTY}\n{sha256(chunk)}"
        last = request.sign(text)
        shown = breaks(last) if breaks and number == len(chunks) - 1 else last
        extension = f";chunk-signature={shown}" if signed else ""
        body += f"{len(chunk):x}{extension}\r\n".encode() + chunk + (b"\r\n" if chunk else b"")
    if trailer is not None and trailer[1] is not None:
        line = f"{trailer[0]}:{trailer[1]}"
        body += f"{line}\r\n".encode()
        if signed:
            text = f"AWS4-HMAC-SHA256-TRAILER\n{request.date}\n{request.scope}\n{last}\n{sha256((line + chr(10)).encode())}"
            body += f"x-amz-trailer-signature:{trailer_signature or request.sign(text)}\r\n".encode()
    body += b"\r\n"
    request.body = body
    request.headers["content-length"] = str(len(body))
    return request


def crc32(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def chunks():
    data = [os.urandom(70_000), os.urandom(70_000), b"end"]
    sum = crc32(b"".join(data))
    name = "x-amz-checksum-crc32"
    expect(chunked("/hostile/right", data).send(), 200, what="signed chunks")
    expect(chunked("/hostile/right", data, trailer=(name, sum)).send(), 200, what="signed chunks with a trailer")
    expect(chunked("/hostile/right", data, trailer=(name, sum), signed=False).send(), 200, what="unsigned with a trailer")
    # One chunk of 24 MiB: it passes through, whatever its size.
    expect(chunked("/hostile/right", [os.urandom(24 << 20)]).send(), 200, what="a large chunk")

    flip = lambda signature: ("0" if signature[0] != "0" else "1") + signature[1:]
    wrong = "/hostile/wrong"
    expect(chunked(wrong, data, breaks=flip).send(), 403, "SignatureDoesNotMatch", "a wrong signature of a chunk")
    expect(chunked(wrong, data, breaks=lambda _: "").send(), 403, "SignatureDoesNotMatch", "no signature of a chunk")
    changed = chunked(wrong, data)
    changed.body = changed.body.replace(data[1][:50], bytes(50))
    expect(changed.send(), 403, "SignatureDoesNotMatch", "a changed chunk")
    swapped = chunked(wrong, [b"a" * 9000, b"b" * 9000])
    first, second, rest = re.split(rb"(?=2328;)", swapped.body)[1:3] + [b""]
    end = second.index(b"\r\n0;") + 2
    swapped.body = second[:end] + first + second[end:]
    expect(swapped.send(), 403, "SignatureDoesNotMatch", "chunks in another order")
    for signed in (True, False):
        bad = chunked(wrong, data, trailer=(name, crc32(b"other")), signed=signed)
        expect(bad.send(), 400, "BadDigest", "a wrong checksum behind the body")
        bad = chunked(wrong, data, trailer=(name, None), signed=signed)
        expect(bad.send(), 400, "InvalidRequest", "no checksum behind the body")
        bad = chunked(wrong, data, trailer=(name, "!!"), signed=signed)
        expect(bad.send(), 400, "InvalidRequest", "no base64 behind the body")
        bad = chunked(wrong, data, trailer=("x-amz-meta-late", "x"), signed=signed)
        expect(bad.send(), 400, "InvalidRequest", "another header behind the body")
        bad = chunked(wrong, data, trailer=(name, sum), signed=signed, announce=False)
        expect(bad.send(), 400, "InvalidArgument", "a trailer that is not announced")
    bad = chunked(wrong, data, trailer=(name, sum), trailer_signature="0" * 64)
    expect(bad.send(), 403, "SignatureDoesNotMatch", "a wrong signature of the trailer")
    expect(chunked(wrong, data, length=1000).send(), 400, "IncompleteBody", "more than was announced")
    expect(chunked(wrong, data, length=1_000_000).send(), 400, "IncompleteBody", "less than was announced")
    for line in (b"fffffffffffffff", b"zz", b"", b"-1", b"1" * 300, b"5;chunk-signature=" + b"0" * 500):
        bad = chunked(wrong, data, trailer=(name, sum), signed=False)
        bad.body = line + b"\r\n" + b"x" * 5 + b"\r\n0\r\n\r\n"
        bad.headers["content-length"] = str(len(bad.body))
        status, code = bad.send()
        assert (status, code) in ((400, "InvalidRequest"), (400, "IncompleteBody")), (line, status, code)
    bad = chunked(wrong, data, trailer=(name, sum), signed=False)
    bad.body += b"x-more: y\r\n" * 2000
    bad.headers["content-length"] = str(len(bad.body))
    expect(bad.send(), 400, "InvalidRequest", "trailers without end")
    bad = Request("PUT", wrong, hash="STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
    expect(bad.send(), 411, "MissingContentLength", "no decoded length")
    absent("wrong")


# === who asks ===


def signatures():
    ok = Request("PUT", "/hostile/right", b"x")
    expect(ok.send(), 200)
    wrong = "/hostile/wrong"
    for minutes in (-20, 20):
        late = Request("PUT", wrong, b"x", at=NOW + datetime.timedelta(minutes=minutes))
        expect(late.send(), 403, "RequestTimeTooSkewed", "another time")
    lies = Request("PUT", wrong, b"said", hash=sha256(b"meant"))
    expect(lies.send(), 400, "XAmzContentSHA256Mismatch", "another body")
    for header in ("x-amz-meta-added", "x-amz-copy-source", "x-amz-acl"):
        added = Request("PUT", wrong, b"x")
        added.headers[header] = "/hostile/right"
        expect(added.send(), 403, "AccessDenied", "a header that is not signed")
    missing = Request("PUT", wrong, b"x", headers={"x-amz-meta-a": "b"})
    del missing.headers["x-amz-meta-a"]
    expect(missing.send(), 403, "SignatureDoesNotMatch", "a signed header that is gone")
    twice = Request("PUT", wrong, b"x")
    head = twice.head().replace(b"\r\n\r\n", f"\r\nauthorization: {twice.headers['authorization']}\r\n\r\n".encode())
    expect(send(head + b"x"), 400, "InvalidArgument", "two authorizations")
    for text in ("", "AWS key:signature", "Bearer x", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=x, a=b"):
        bad = Request("PUT", wrong, b"x")
        bad.headers["authorization"] = text
        expect(bad.send(), 400, "InvalidArgument", f"authorization {text!r}")
    replay = Request("PUT", "/hostile/right", b"x")
    replay.path = wrong
    expect(replay.send(), 403, "SignatureDoesNotMatch", "another key than was signed")
    for query in ("X-Amz-Signature=0", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=" + "0" * 64):
        plain = f"GET /hostile/right?{query} HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n".encode()
        expect(send(plain), 400, "AuthorizationQueryParametersError", query)
    scope = urllib.parse.quote(f"{ID}/{NOW:%Y%m%d}/auto/s3/aws4_request", safe="")
    for expires, status in (("604801", 400), ("0", 400), ("-5", 400), ("x", 400)):
        query = (
            f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={scope}&X-Amz-Date={NOW:%Y%m%dT%H%M%SZ}"
            f"&X-Amz-Expires={expires}&X-Amz-SignedHeaders=host&X-Amz-Signature={'0' * 64}"
        )
        plain = f"GET /hostile/right?{query} HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n".encode()
        expect(send(plain), status, "AuthorizationQueryParametersError", expires)
    absent("wrong")


# === what is too much ===


def xml():
    bodies = [
        b"",
        b"<",
        b"not XML",
        b"<Delete><Object><Key>right</Key></Object>",
        b"<Delete><Object></Object></Delete>",
        b"<CompleteMultipartUpload></CompleteMultipartUpload>",
        b"<a>" * 100_000,
        b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e "right"><!ENTITY f "&e;&e;">]><Delete><Object><Key>&f;</Key></Object></Delete>',
        b"<Delete><Object><Key>\xff\xfe</Key></Object></Delete>",
        b"<Delete>" + b"<Object><Key>a</Key></Object>" * 20_000 + b"</Delete>",
    ]
    for body in bodies:
        status, code = Request("POST", "/hostile", body, query="delete=").send()
        assert status == 400, (body[:80], status, code)
        status, code = Request("PUT", "/hostile", body, query="cors=").send()
        assert status == 400, (body[:80], status, code)
        status, code = Request("POST", "/hostile/right", body, query="uploadId=nothing").send()
        assert status in (400, 404), (body[:80], status, code)
    large = Request("POST", "/hostile", query="delete=", hash=sha256(b"x"), headers={"content-length": str(9 << 20)})
    expect(large.send(), 400, "MaxMessageLengthExceeded", "9 MiB of XML")
    expect(get("right"), 200)


def sizes():
    for lines in ("a: " + "b" * 100_000 + "\r\n", "".join(f"a{n}: b\r\n" for n in range(300))):
        head = Request("GET", "/hostile/right").head().replace(b"\r\n\r\n", b"\r\n" + lines.encode() + b"\r\n")
        status, _ = send(head)
        assert status == 431, status
    status, _ = send(f"GET /{'a' * 70_000} HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode())
    assert status in (400, 414, 431), status
    expect(Request("GET", "/hostile/" + "k" * 1025).send(), 400, "InvalidObjectName", "a long key")
    expect(Request("GET", "/hostile/%FF").send(), 400, "InvalidURI", "no UTF-8")
    huge = Request("PUT", "/hostile/wrong", hash="UNSIGNED-PAYLOAD", headers={"content-length": str(6 << 30)})
    expect(huge.send(), 400, "EntityTooLarge", "6 GiB in one piece")
    form = Request("POST", "/hostile", b"--x\r\n", headers={"content-type": "multipart/form-data; boundary=x"})
    expect(form.send(), 501, "NotImplemented", "a form")
    unknown = Request("PUT", "/hostile/wrong", b"x", headers={"x-amz-write-offset-bytes": "5"})
    expect(unknown.send(), 501, "NotImplemented", "a header that is not known")
    for method in ("PUT", "DELETE", "POST"):
        expect(Request(method, "/hostile/right", query="invented=").send(), 501, "NotImplemented", f"{method} of what is unknown")
    expect(Request("DELETE", "/hostile/right", query="tagging=").send(), 501, "NotImplemented", "tags")
    expect(get("right"), 200)
    for query in ("partNumber=0&uploadId=x", "partNumber=10001&uploadId=x", "partNumber=1&uploadId=x"):
        status, code = Request("PUT", "/hostile/wrong", b"x", query=query).send()
        assert status in (400, 404), (query, status, code)
    absent("wrong")


def broken():
    """A client that goes away in the middle."""
    cut = Request("PUT", "/hostile/wrong", hash="UNSIGNED-PAYLOAD", headers={"content-length": str(5_000_000)})
    host, port = HOST.rsplit(":", 1)
    for sent in (0, 100, 3_000_000):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(cut.head() + b"x" * sent)
    absent("wrong")


expect(Request("PUT", "/hostile").send(), 200)
for step in (signatures, chunks, xml, sizes, broken):
    print(step.__name__, file=sys.stderr, flush=True)
    step()
print("alive", get("right"))
