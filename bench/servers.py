"""Starts Skerry and workerd with the same Workers, on given cores, and always stops them."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
START_SECONDS = 60
COMPATIBILITY_DATE = "2026-11-17"


class BenchError(Exception):
    """A run that can't be trusted: the message says what to do."""


@dataclass(frozen=True)
class Worker:
    """One Worker's name and the source of its only module."""

    name: str
    source: str

    @staticmethod
    def from_folder(folder):
        return Worker(folder, (HERE / "workers" / folder / "index.js").read_text())


def hello_workers(count):
    """`count` Workers that differ in their source, so that none can share another's code."""
    source = """export default {
  async fetch(request, env, ctx) {
    return new Response("Hello from %s");
  },
};
"""
    return [Worker(f"w{i}", source % f"w{i}") for i in range(count)]


@dataclass(frozen=True)
class Target:
    """Where one Worker answers."""

    port: int
    host: str

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"


class Server:
    """A running server process; use as a context manager."""

    name = ""

    def __init__(self, workers, cpus, **options):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="skerry-bench-"))
        self.log_path = self.folder / "log"
        self.log = self.log_path.open("wb")
        self.process = None
        self.targets = {}
        try:
            self.start(workers, cpus, **options)
        except BaseException:
            self.stop()
            raise

    def start(self, workers, cpus, **options):
        raise NotImplementedError

    def target(self, name):
        return self.targets[name]

    def spawn(self, command, cpus, **popen):
        command = ["taskset", "-c", ",".join(map(str, cpus)), *map(str, command)]
        self.process = subprocess.Popen(command, cwd=self.folder, start_new_session=True, **popen)

    def lines_until(self, stream, done):
        """Feeds lines of `stream` to `done` until it says True; a thread drains what comes later."""
        ready = threading.Event()

        def read():
            for line in stream:
                self.log.write(line)
                if not ready.is_set() and done(line.decode(errors="replace")):
                    ready.set()

        threading.Thread(target=read, daemon=True).start()
        deadline = time.monotonic() + START_SECONDS
        while not ready.wait(0.05):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.log.flush()
                tail = self.log_path.read_text(errors="replace")[-2000:]
                raise BenchError(f"{self.name} did not start:\n{tail}")

    def pss_bytes(self):
        """Resident memory of the process and its children, shared pages counted by share (proportional set size)."""
        total = 0
        for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                group = int(status.read_text().rsplit(")", 1)[1].split()[2])
                if group != self.process.pid:
                    continue
                rollup = (status.parent / "smaps_rollup").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we looked
            total += int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.M).group(1)) * 1024
        return total

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(10)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()


class Skerry(Server):
    """`skerry dev`: bundles every Worker when it starts; an isolate is made on the first request."""

    name = "skerry"
    binary = pathlib.Path(os.environ.get("SKERRY_BIN", ROOT / "target/release/skerry"))

    def start(self, workers, cpus, enforce_limits=False):
        folders = []
        for worker in workers:
            folder = self.folder / worker.name
            folder.mkdir()
            (folder / "index.js").write_text(worker.source)
            (folder / "wrangler.toml").write_text(
                f'name = "{worker.name}"\nmain = "index.js"\ncompatibility_date = "{COMPATIBILITY_DATE}"\n'
                '[[kv_namespaces]]\nbinding = "KV"\n'
                + ('[[durable_objects.bindings]]\nname = "COUNTERS"\nclass_name = "Counter"\n'
                   '[[migrations]]\ntag = "v1"\nnew_sqlite_classes = ["Counter"]\n' if worker.name == "durable" else "")
                + ('[[r2_buckets]]\nbinding = "R2"\nbucket_name = "bench"\n' if worker.name == "r2" else "")
            )
            folders.append(folder)
        flags = ["--ip", "127.0.0.1", "--port", "0", "--log-level", "error"]
        if enforce_limits:
            flags.append("--enforce-limits")
        self.spawn(
            [self.binary, "dev", *flags, *folders], cpus, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

        def ready(line):
            found = re.search(r"http://[\w.-]+:(\d+)", line)
            if found:
                port = int(found.group(1))
                for worker in workers:
                    host = f"{worker.name}.localhost:{port}" if len(workers) > 1 else f"127.0.0.1:{port}"
                    self.targets[worker.name] = Target(port, host)
            return bool(found)

        self.lines_until(self.process.stdout, ready)


class Workerd(Server):
    """`workerd serve` with one service and one socket per Worker."""

    name = "workerd"
    binary = HERE / "node_modules/@cloudflare/workerd-linux-64/bin/workerd"

    def start(self, workers, cpus):
        services, sockets = [], []
        for worker in workers:
            (self.folder / f"{worker.name}.js").write_text(worker.source)
            binding = 'bindings = [(name = "LOADER", workerLoader = ())], ' if worker.name == "loader" else ""
            services.append(
                f'(name = "{worker.name}", worker = (compatibilityDate = "{COMPATIBILITY_DATE}", {binding}'
                f'modules = [(name = "index.js", esModule = embed "{worker.name}.js")]))'
            )
            sockets.append(f'(name = "{worker.name}", address = "127.0.0.1:0", http = (), service = "{worker.name}")')
        join = ",\n    ".join
        (self.folder / "config.capnp").write_text(
            'using Workerd = import "/workerd/workerd.capnp";\n'
            f"const config :Workerd.Config = (\n  services = [\n    {join(services)}\n  ],\n"
            f"  sockets = [\n    {join(sockets)}\n  ],\n);\n"
        )
        control_read, control_write = os.pipe()
        try:
            self.spawn(
                [self.binary, "serve", "--experimental", f"--control-fd={control_write}", "config.capnp"],
                cpus, pass_fds=[control_write], stdout=self.log, stderr=self.log,
            )
        finally:
            os.close(control_write)

        def ready(line):
            event = json.loads(line)
            if event["event"] == "listen":
                port = event["port"]
                self.targets[event["socket"]] = Target(port, f"127.0.0.1:{port}")
            return len(self.targets) == len(workers)

        self.lines_until(os.fdopen(control_read, "rb"), ready)


class Miniflare(Server):
    """miniflare, which wrangler's `dev` runs: its own workerd with its storage services, for one Worker."""

    # In workerd's column: it is the same program with services around it.
    name = "workerd"
    binary = HERE / "node_modules/miniflare/package.json"

    def start(self, workers, cpus):
        (worker,) = workers
        script = self.folder / f"{worker.name}.mjs"
        script.write_text(worker.source)
        command = ["node", HERE / "miniflare.mjs", script, self.folder / "state"]
        self.spawn(command, cpus, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

        def ready(line):
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            if found:
                port = int(found.group(1))
                self.targets[worker.name] = Target(port, f"127.0.0.1:{port}")
            return bool(found)

        self.lines_until(self.process.stdout, ready)
