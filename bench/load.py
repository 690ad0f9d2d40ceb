"""The load: wrk for rates and latencies, curl for bodies, a bare socket for the first response."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from servers import HERE, BenchError

MIB = 1024 * 1024
BODY_BYTES = 256 * MIB


def require(tool, package):
    if shutil.which(tool) is None:
        raise BenchError(f"{tool} is missing: apt-get install {package}")


def wrk(target, path, cpus, connections, seconds, expect_errors=False):
    """One wrk run; returns rps, p50_ms, p99_ms, requests, errors."""
    command = [
        "taskset", "-c", ",".join(map(str, cpus)), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
        "-H", f"Host: {target.host}", "-s", HERE / "wrk.lua", target.url(path),
    ]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30)
    for line in run.stdout.splitlines():
        if line.startswith("RESULT "):
            result = json.loads(line.removeprefix("RESULT "))
            if result["errors"] and not expect_errors:
                raise BenchError(f"{result['errors']} failed requests at {target.url(path)}: the figures mean nothing")
            return result
    raise BenchError(f"wrk failed: {run.stdout}{run.stderr}")


def get(connection, target, path):
    """One GET on an open connection; returns (milliseconds to the whole response, body)."""
    request = f"GET {path} HTTP/1.1\r\nHost: {target.host}\r\n\r\n".encode()
    start = time.perf_counter_ns()
    connection.sendall(request)
    received = b""
    while True:
        chunk = connection.recv(65536)
        if not chunk:
            raise BenchError(f"{target.url(path)} closed the connection")
        received += chunk
        head, separator, body = received.partition(b"\r\n\r\n")
        if separator and len(body) >= content_length(head):
            break
    elapsed = (time.perf_counter_ns() - start) / 1e6
    if not head.startswith(b"HTTP/1.1 200 "):
        raise BenchError(f"{target.url(path)} for {target.host} answered {received[:300]!r}")
    return elapsed, body


def content_length(head):
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise BenchError(f"a response without Content-Length: {head!r}")


def get_once(target, path="/", expected=None):
    """Milliseconds from sending a request until its response is whole; the connection is open before."""
    with socket.create_connection(("127.0.0.1", target.port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        elapsed, body = get(connection, target, path)
    if expected is not None and body != expected:
        raise BenchError(f"{target.host} answered {body!r} instead of {expected!r}")
    return elapsed


def paced(target, path, rate, seconds):
    """Asks on one connection at most `rate` times a second; returns each answer's milliseconds."""
    times = []
    with socket.create_connection(("127.0.0.1", target.port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            elapsed, _ = get(connection, target, path)
            times.append(elapsed)
            time.sleep(max(0, 1 / rate - elapsed / 1e3))
    return times


class Body:
    """A large body in memory-backed storage, where there is some."""

    def __init__(self, size=BODY_BYTES):
        self.size = size
        shm = pathlib.Path("/dev/shm")
        self.file = tempfile.NamedTemporaryFile(dir=shm if shm.is_dir() else None, prefix="skerry-bench-")
        block = os.urandom(MIB)
        for i in range(size // len(block)):
            self.file.write(i.to_bytes(8, "big") + block[8:])
        self.file.flush()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.file.close()

    def _curl(self, target, path, cpus, *more):
        return [
            "taskset", "-c", ",".join(map(str, cpus)), "curl", "-sS", "--max-time", "120",
            "-H", f"Host: {target.host}", "-H", "Expect:", *more, target.url(path),
        ]  # fmt: skip

    def _timed(self, target, path, cpus, back, *more):
        """MiB/s of a transfer that is answered with `back` bytes."""
        command = self._curl(target, path, cpus, "-o", "/dev/null", "-w", "%{http_code} %{size_download} %{time_total}", *more)
        run = subprocess.run(command, capture_output=True, text=True, timeout=150)
        if run.returncode:
            raise BenchError(f"curl failed: {run.stderr}")
        status, size, seconds = run.stdout.split()
        if status != "200" or int(size) != back:
            raise BenchError(f"{target.url(path)} answered {status} with {size} bytes")
        return self.size / MIB / float(seconds)

    def echo(self, target, path, cpus):
        """Uploads the body while reading the response; returns MiB/s."""
        return self._timed(target, path, cpus, self.size, "-T", self.file.name)

    def upload(self, target, path, cpus):
        """Until the answer `written` is there; returns MiB/s."""
        return self._timed(target, path, cpus, len("written"), "-T", self.file.name)

    def download(self, target, path, cpus):
        return self._timed(target, path, cpus, self.size)

    def check_echo(self, target, path, cpus):
        """The bytes that come back are the bytes that went."""
        self._check(target, path, cpus, "-T", self.file.name)

    def check_download(self, target, path, cpus):
        """The bytes that are there are the bytes that were put."""
        self._check(target, path, cpus)

    def _check(self, target, path, cpus, *more):
        curl = subprocess.Popen(self._curl(target, path, cpus, *more), stdout=subprocess.PIPE)
        same = subprocess.run(["cmp", "-", self.file.name], stdin=curl.stdout, capture_output=True, timeout=150)
        curl.stdout.close()
        curl.wait(10)
        if same.returncode:
            raise BenchError(f"{target.url(path)} changed the body: {same.stdout.decode()}")


class Hammer:
    """One connection that asks again as soon as the answer is there, whatever the answer; use as a context manager."""

    def __init__(self, target, path):
        self.target, self.path = target, path
        self.stopping = threading.Event()
        self.answers = 0
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        request = f"GET {self.path} HTTP/1.1\r\nHost: {self.target.host}\r\nConnection: close\r\n\r\n".encode()
        while not self.stopping.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.target.port), timeout=10) as connection:
                    connection.sendall(request)
                    while connection.recv(65536):
                        pass
                self.answers += 1
            except OSError:
                self.stopping.wait(0.05)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.stopping.set()
        self.thread.join(15)
