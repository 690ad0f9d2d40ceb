"""The cases: each returns rows of samples, one sample a round, Skerry and workerd taking turns."""

import contextlib
import os
import time
from dataclasses import dataclass, field

import load
from servers import BenchError, Miniflare, Skerry, Target, Worker, Workerd, hello_workers

CONNECTIONS = 64
# miniflare writes so slowly that more would time out.
KV_CONNECTIONS = 16
R2_CONNECTIONS = 32
COLD_WORKERS = 200
IDLE_WORKERS = 500
# Requests a second in (e): enough for a 99th percentile, too few to keep a core busy.
RATE = 250
BOTH = (Skerry, Workerd)


@dataclass
class Row:
    """One figure of one case: its samples by server, and the goal it is held against."""

    case: str
    figure: str
    unit: str
    goal: str = ""
    # (median of Skerry's samples, median of workerd's or None, median ratio or None) -> reached?
    reached: object = None
    samples: dict = field(default_factory=lambda: {"skerry": [], "workerd": []})

    def add(self, server, value):
        self.samples[server.name].append(value)


@dataclass(frozen=True)
class Plan:
    rounds: int
    seconds: int


def cpus(servers):
    """(cores of the server, cores of the load): apart when there are enough, shared otherwise."""
    every = sorted(os.sched_getaffinity(0))
    if len(every) < servers:
        raise BenchError(f"{servers} cores are needed, {len(every)} are there")
    return every[:servers], every[servers:] or every


def turns(plan, servers=BOTH):
    """Each round runs both; who goes first alternates, so that a drift of the machine favours neither."""
    for round_number in range(plan.rounds):
        yield from (servers if round_number % 2 == 0 else servers[::-1])


def hello(plan):
    for count in (1, 2):
        server_cpus, load_cpus = cpus(count)
        case = f"(a) hello world, {count} core{'s' if count > 1 else ''}"
        rate = Row(case, "requests/s", "", "≥ 4× workerd", lambda ours, theirs, ratio: ratio >= 4)
        middle = Row(case, "p50", "ms")
        tail = Row(case, "p99", "ms", "below workerd's", lambda ours, theirs, ratio: ours < theirs)
        for server in turns(plan):
            with server([Worker.from_folder("hello")], server_cpus) as running:
                target = running.target("hello")
                load.wrk(target, "/", load_cpus, CONNECTIONS, 1)
                result = load.wrk(target, "/", load_cpus, CONNECTIONS, plan.seconds)
            rate.add(server, result["rps"])
            middle.add(server, result["p50_ms"])
            tail.add(server, result["p99_ms"])
        yield from (rate, middle, tail)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@contextlib.contextmanager
def start_cold(server, workers, server_cpus):
    """A server where none of `workers` has run: (target of another Worker, target of each)."""
    if server is Skerry:
        with server([*workers, Worker.from_folder("hello")], server_cpus) as running:
            yield running.target("hello"), running.targets
    else:
        with server([Worker.from_folder("loader")], server_cpus) as running:
            port = running.target("loader").port
            targets = {name: Target(port, f"{name}.localhost:{port}") for name in ["warm", *(w.name for w in workers)]}
            yield targets["warm"], targets


def cold_start(plan):
    server_cpus, load_cpus = cpus(1)
    case = f"(b) first response, {COLD_WORKERS} Workers"
    middle = Row(case, "p50", "ms", "≤ 2 ms", lambda ours, theirs, ratio: ours <= 2)
    tail = Row(case, "p99", "ms", "≤ 5 ms", lambda ours, theirs, ratio: ours <= 5)
    os.sched_setaffinity(0, load_cpus)
    try:
        for server in turns(plan):
            workers = hello_workers(COLD_WORKERS)
            with start_cold(server, workers, server_cpus) as (warm, targets):
                # The process itself is warm, as it is in service: another Worker has answered before.
                load.get_once(warm)
                times = []
                for worker in workers:
                    expected = f"Hello from {worker.name}".encode()
                    times.append(load.get_once(targets[worker.name], expected=expected))
                    time.sleep(0.005)
            middle.add(server, percentile(times, 0.50))
            tail.add(server, percentile(times, 0.99))
    finally:
        os.sched_setaffinity(0, sorted({*server_cpus, *load_cpus}))
    yield from (middle, tail)


def memory(plan):
    server_cpus, _ = cpus(1)
    row = Row(
        f"(c) memory, {IDLE_WORKERS} idle Workers", "per Worker", "MiB", "≤ 3 MiB",
        lambda ours, theirs, ratio: ours <= 3,
    )  # fmt: skip

    def resident(server, count):
        workers = hello_workers(count)
        with server(workers, server_cpus) as running:
            for worker in workers:
                load.get_once(running.target(worker.name), expected=f"Hello from {worker.name}".encode())
            time.sleep(2)
            return running.pss_bytes()

    for server in turns(Plan(min(plan.rounds, 3), plan.seconds)):
        one, many = resident(server, 1), resident(server, IDLE_WORKERS)
        row.add(server, (many - one) / (IDLE_WORKERS - 1) / 1024 / 1024)
    yield row


def streaming(plan):
    server_cpus, load_cpus = cpus(1)
    with load.Body() as body:
        for path, figure in (("/", "passed through"), ("/transform", "TransformStream")):
            row = Row("(d) 256 MiB echo", figure, "MiB/s", "≥ 1.5× workerd", lambda ours, theirs, ratio: ratio >= 1.5)
            checked = set()
            for server in turns(plan):
                with server([Worker.from_folder("echo")], server_cpus) as running:
                    target = running.target("echo")
                    if server not in checked:
                        body.check_echo(target, path, load_cpus)
                        checked.add(server)
                    row.add(server, body.echo(target, path, load_cpus))
            yield row


def neighbour(plan):
    """Skerry's hog loops for ever and is stopped at its CPU limit; workerd has no limit, so its hog stops itself after as long."""
    server_cpus, load_cpus = cpus(min(2, len(os.sched_getaffinity(0))))
    case = "(e) p99 beside a hog"
    quiet_row = Row(case, "quiet", "ms")
    loud_row = Row(case, "beside the hog", "ms")
    times_row = Row(case, "times its quiet p99", "×", "≤ 3×", lambda ours, theirs, ratio: ours <= 3)
    workers = [Worker.from_folder("hello"), Worker.from_folder("hog")]
    for server in turns(plan):
        options = {"enforce_limits": True} if server is Skerry else {}
        with server(workers, server_cpus, **options) as running:
            target, hog = running.target("hello"), running.target("hog")
            path = "/forever" if server is Skerry else f"/spin?n={turns_for_30_ms(hog)}"
            load.wrk(target, "/", load_cpus, 2, 1)
            quiet = percentile(load.paced(target, "/", RATE, plan.seconds), 0.99)
            with load.Hammer(hog, path) as hammer:
                loud = percentile(load.paced(target, "/", RATE, plan.seconds), 0.99)
            if hammer.answers < plan.seconds:
                raise BenchError(f"the hog answered only {hammer.answers} times in {plan.seconds} s")
        quiet_row.add(server, quiet)
        loud_row.add(server, loud)
        times_row.add(server, loud / quiet)
    yield from (quiet_row, loud_row, times_row)


def turns_for_30_ms(hog):
    """How many turns of the hog's loop take 30 ms here."""
    turns_tried = 1_000_000
    for _ in range(3):
        load.get_once(hog, f"/spin?n={turns_tried}")
    best = min(load.get_once(hog, f"/spin?n={turns_tried}") for _ in range(5))
    return int(turns_tried * 30 / best)


def kv(plan):
    server_cpus, load_cpus = cpus(1)
    case = "(f) KV, beside miniflare"
    rows = {
        path: Row(case, f"{path[1:]}s/s", "", "≥ 3× miniflare", lambda ours, theirs, ratio: ratio >= 3)
        for path in ("/get", "/put")
    }
    for server in turns(plan, (Skerry, Miniflare)):
        with server([Worker.from_folder("kv")], server_cpus) as running:
            target = running.target("kv")
            load.get_once(target, "/fill", expected=b"written")
            load.get_once(target, "/get", expected=b"0123456789" * 10)
            for path, row in rows.items():
                load.wrk(target, path, load_cpus, KV_CONNECTIONS, 1)
                row.add(server, load.wrk(target, path, load_cpus, KV_CONNECTIONS, plan.seconds)["rps"])
    yield from rows.values()


def durable(plan):
    """One object; objects that nobody has met; 1000 that exist, all met since the start."""
    server_cpus, load_cpus = cpus(1)
    case = "(g) Durable Objects, beside miniflare"
    rows = {
        path: Row(case, f"additions/s, {figure}", "", "≥ 3× miniflare", lambda ours, theirs, ratio: ratio >= 3)
        for path, figure in (("/one", "1 object"), ("/new", "new objects"), ("/many", "1000 existing"))
    }
    for server in turns(plan, (Skerry, Miniflare)):
        with server([Worker.from_folder("durable")], server_cpus) as running:
            target = running.target("durable")
            load.get_once(target, "/one", expected=b"1")
            for path, row in rows.items():
                if path == "/many":
                    for start in range(0, 1000, 10):
                        load.get_once(target, f"/fill?from={start}", expected=b"filled")
                load.wrk(target, path, load_cpus, KV_CONNECTIONS, 1)
                row.add(server, load.wrk(target, path, load_cpus, KV_CONNECTIONS, plan.seconds)["rps"])
    yield from rows.values()


def r2(plan):
    server_cpus, load_cpus = cpus(1)
    case = "(h) R2, beside miniflare"
    three_times = lambda ours, theirs, ratio: ratio >= 3
    small = {
        path: Row(case, f"{path[1:]}s/s of 1 KiB", "", "≥ 3× miniflare", three_times) for path in ("/get", "/put")
    }
    put = Row(case, "put of 64 MiB", "MiB/s", "≥ 3× miniflare", three_times)
    get = Row(case, "get of 64 MiB", "MiB/s", "≥ 3× miniflare", three_times)
    with load.Body(64 * load.MIB) as body:
        for server in turns(plan, (Skerry, Miniflare)):
            with server([Worker.from_folder("r2")], server_cpus) as running:
                target = running.target("r2")
                load.get_once(target, "/fill", expected=b"written")
                load.get_once(target, "/get", expected=b"0123456789abcdef" * 64)
                for path, row in small.items():
                    load.wrk(target, path, load_cpus, R2_CONNECTIONS, 1)
                    row.add(server, load.wrk(target, path, load_cpus, R2_CONNECTIONS, plan.seconds)["rps"])
                put.add(server, max(body.upload(target, "/large", load_cpus) for _ in range(3)))
                body.check_download(target, "/large", load_cpus)
                get.add(server, max(body.download(target, "/large", load_cpus) for _ in range(3)))
    yield from (*small.values(), put, get)


def web(plan):
    server_cpus, load_cpus = cpus(1)
    figures = {
        "/stream": "1 MiB through a TransformStream",
        "/decode": "TextDecoder, 117 KiB",
        "/url": "200 URLs parsed",
        "/json": "a response of 23 KiB of JSON",
        "/digest": "SHA-256 of 900 KiB",
    }
    rows = {
        path: Row("(i) web platform", figure, "/s", "≥ 0.9× workerd", lambda ours, theirs, ratio: ratio >= 0.9) for path, figure in figures.items()
    }
    for server in turns(plan):
        with server([Worker.from_folder("web")], server_cpus) as running:
            target = running.target("web")
            for path, row in rows.items():
                load.wrk(target, path, load_cpus, 8, 1)
                row.add(server, load.wrk(target, path, load_cpus, 8, plan.seconds)["rps"])
    yield from rows.values()


CASES = {"hello": hello, "cold": cold_start, "memory": memory, "stream": streaming, "neighbour": neighbour, "kv": kv, "durable": durable, "r2": r2, "web": web}
