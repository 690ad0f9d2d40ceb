"""The soak: `skerry serve` with a thousand deployed Workers under a mixed load for minutes, half of the time beside a hostile one."""

import asyncio
import collections
import http.client
import itertools
import json
import pathlib
import random
import re
import subprocess
import time

from load import MIB, Hammer
from servers import COMPATIBILITY_DATE, BenchError, Server, Skerry, Target, Worker, hello_workers

WORKERS = 1000
HOT = 10
# Fewer than there are Workers, so that those of the long tail come and go.
ISOLATES = 200
DEFAULT_SECONDS = 600
# Before the first phase, in which nothing has run yet: times of then are not counted, failures are.
WARM_SECONDS = 15
# In turn without the hostile Worker and beside it.
PHASES = 10
# Requests a second of each kind. What is due is sent at its time, as far as an answer before is there: the wait counts.
# On two cores that the client shares, beside the hostile Worker, which takes one of them, there must be room for all: where there is
# not, times say how long the queue is.
RATES = {"hot": 500, "tail": 50, "kv": 40, "objects": 20, "r2": 40}
# Hot Workers have one each. An addition to an object that has left memory opens its files and syncs.
CONNECTIONS = {"tail": 8, "kv": 4, "objects": 16, "r2": 4}
CONFIG = f"""isolates = {ISOLATES}
[http]
listen = "127.0.0.1:0"
[api]
listen = "127.0.0.1:0"
[plans.paid]
scripts = {WORKERS + HOT}
"""


class Serve(Server):
    """`skerry serve`, with what its first start prints."""

    name = "skerry serve"
    binary = Skerry.binary

    def start(self, workers, cpus):
        (self.folder / "skerry.toml").write_text(CONFIG)
        command = [self.binary, "serve", "--config", "skerry.toml", "--log-level", "warn"]
        self.spawn(command, cpus, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        told = {}

        def ready(line):
            for name, pattern in (
                ("account", r"CLOUDFLARE_ACCOUNT_ID=(\w+)"), ("token", r"CLOUDFLARE_API_TOKEN=(\S+)"),
                ("api", r"deploys to: http://([\d.:]+)/"), ("port", r"Ready.* on .*:(\d+)"),
            ):  # fmt: skip
                if found := re.search(pattern, line):
                    told[name] = found.group(1)
            return "port" in told

        self.lines_until(self.process.stdout, ready)
        self.account, self.token, self.port = told["account"], told["token"], int(told["port"])
        self.api = http.client.HTTPConnection(told["api"], timeout=60)

    def target(self, name):
        return Target(self.port, f"{name}.localhost")

    def ask(self, method, path, body, content_type="application/json"):
        """A request to the API within the account; returns its result."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type}
        self.api.request(method, f"/client/v4/accounts/{self.account}{path}", body, headers)
        answer = json.load(self.api.getresponse())
        if not answer["success"]:
            raise BenchError(f"{method} {path}: {answer['errors']}")
        return answer["result"]

    def deploy(self, worker, **metadata):
        metadata |= {"main_module": "index.js", "compatibility_date": COMPATIBILITY_DATE}
        parts = (
            ("metadata", "application/json", json.dumps(metadata)),
            ("index.js", "application/javascript+module", worker.source),
        )
        form = "".join(
            f'--b\r\ncontent-disposition: form-data; name="{name}"; filename="{name}"\r\ncontent-type: {kind}\r\n\r\n{text}\r\n'
            for name, kind, text in parts
        )
        path = f"/workers/scripts/{worker.name}"
        self.ask("PUT", path, (form + "--b--\r\n").encode(), "multipart/form-data; boundary=b")
        self.ask("POST", f"{path}/subdomain", json.dumps({"enabled": True}))

    def memory(self):
        """Resident memory in MiB: all of it, and what is not of files."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        of = lambda key: int(re.search(rf"^{key}:\s+(\d+) kB", status, re.M).group(1)) / 1024
        return of("VmRSS"), of("RssAnon")

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def data_mib(self):
        return sum(file.stat().st_size for file in (self.folder / "skerry-data").rglob("*") if file.is_file()) / MIB


def deploy_all(server):
    """A thousand Workers; returns the names of the hot ones and of the long tail."""
    namespace = server.ask("POST", "/storage/kv/namespaces", json.dumps({"title": "bench"}))["id"]
    server.ask("POST", "/r2/buckets", json.dumps({"name": "bench"}))
    of = Worker.from_folder
    server.deploy(of("kv"), bindings=[{"name": "KV", "type": "kv_namespace", "namespace_id": namespace}])
    server.deploy(of("r2"), bindings=[{"name": "R2", "type": "r2_bucket", "bucket_name": "bench"}])
    objects = {"name": "COUNTERS", "type": "durable_object_namespace", "class_name": "Counter"}
    migrations = {"new_tag": "v1", "steps": [{"new_sqlite_classes": ["Counter"]}]}
    server.deploy(of("durable"), bindings=[objects], migrations=migrations)
    server.deploy(of("hog"))
    hellos = hello_workers(WORKERS - 4)
    for worker in hellos:
        server.deploy(worker)
    names = [worker.name for worker in hellos]
    return names[:HOT], names[HOT:]


class Tally:
    """What came of the requests: times by kind and by whether the hostile Worker was asked, and what failed."""

    def __init__(self):
        self.times = collections.defaultdict(list)
        self.errors = collections.Counter()
        self.hostile = False
        self.warm = False


class Client:
    """One connection on which requests follow each other."""

    def __init__(self, port):
        self.port, self.streams = port, None

    async def get(self, host, path):
        """Status and body."""
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"\r\ncontent-length: (\d+)\r\n", head)
            if length is None:
                raise OSError(f"an answer without its length: {head[:100]!r}")
            return int(head[9:12]), await reader.readexactly(int(length.group(1)))
        except BaseException:
            self.streams = None
            writer.close()
            raise


async def ask_on(client, kind, rate, plan, until, tally):
    """Asks `rate` times a second for what `plan` gives: (host, path, the body that is right or None)."""
    due = time.perf_counter() + random.random() / rate
    while due < until:
        await asyncio.sleep(max(0, due - time.perf_counter()))
        host, path, expected = next(plan)
        warm, beside = tally.warm, tally.hostile
        try:
            async with asyncio.timeout(30):
                status, body = await client.get(host, path)
            if status != 200 or expected not in (None, body):
                tally.errors[f"{kind}: {status} {body[:60].decode(errors='replace')}"] += 1
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            tally.errors[f"{kind}: {type(error).__name__}"] += 1
        else:
            if warm:
                tally.times[kind, beside].append((time.perf_counter() - due) * 1e3)
        due += 1 / rate


def hello_of(server, name):
    return server.target(name).host, "/", f"Hello from {name}".encode()


def plans(server, hot, tail):
    """(kind, requests a second, what to ask for) of each connection."""
    for name in hot:
        yield "hot", RATES["hot"] / len(hot), itertools.repeat(hello_of(server, name))
    for seed in range(CONNECTIONS["tail"]):
        chosen = random.Random(seed)
        yield "tail", RATES["tail"] / CONNECTIONS["tail"], iter(lambda chosen=chosen: hello_of(server, chosen.choice(tail)), None)
    for kind, name, paths in (("kv", "kv", ("/get", "/put")), ("objects", "durable", ("/many",)), ("r2", "r2", ("/get", "/put"))):
        for _ in range(CONNECTIONS[kind]):
            yield kind, RATES[kind] / CONNECTIONS[kind], itertools.cycle([(server.target(name).host, path, None) for path in paths])


async def watch(server, began, until, tally, samples):
    while time.perf_counter() < until:
        resident, anonymous = server.memory()
        samples.append({
            "at": round(time.perf_counter() - began, 1), "rss_mib": round(resident, 1), "anon_mib": round(anonymous, 1),
            "cpu_s": server.cpu_seconds(), "hostile": tally.hostile,
        })  # fmt: skip
        await asyncio.sleep(min(5, max(0.5, until - began) / 60))


async def turns(server, seconds, tally, hostile):
    """The hostile Worker is asked without a pause in every second phase."""
    await asyncio.sleep(WARM_SECONDS)
    tally.warm = True
    for phase in range(PHASES):
        tally.hostile = phase % 2 == 1
        hammer = Hammer(server.target("hog"), "/forever")
        if tally.hostile:
            hammer.__enter__()
        await asyncio.sleep(seconds / PHASES)
        hammer.stopping.set()
        if tally.hostile:
            await asyncio.to_thread(hammer.thread.join, 15)
            hostile.append(hammer.answers)
    tally.hostile = False


async def run(server, hot, tail, seconds):
    tally, samples, hostile = Tally(), [], []
    began = time.perf_counter()
    until = began + WARM_SECONDS + seconds
    asking = [ask_on(Client(server.port), kind, rate, plan, until, tally) for kind, rate, plan in plans(server, hot, tail)]
    await asyncio.gather(*asking, watch(server, began, until, tally, samples), turns(server, seconds, tally, hostile))
    return tally, samples, hostile


def of_times(times):
    ordered = sorted(times)
    at = lambda share: ordered[min(len(ordered) - 1, int(len(ordered) * share))]
    return {"requests": len(ordered), "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": ordered[-1]}


def slope(samples):
    """MiB a minute that anonymous memory grows by over the second half: the line through all samples."""
    late = [(sample["at"] / 60, sample["anon_mib"]) for sample in samples[len(samples) // 2 :]]
    middle_x, middle_y = (sum(values) / len(late) for values in zip(*late))
    across = sum((x - middle_x) ** 2 for x, _ in late)
    return sum((x - middle_x) * (y - middle_y) for x, y in late) / across if across else 0.0


def soak(seconds, cpus):
    """Runs it; returns everything that was measured."""
    with Serve([], cpus) as server:
        began = time.perf_counter()
        hot, tail = deploy_all(server)
        deployed = time.perf_counter() - began
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        for name in ("kv", "r2"):
            client.request("GET", "/fill", headers={"Host": server.target(name).host})
            client.getresponse().read()
        before = server.memory()[0]
        tally, samples, hostile = asyncio.run(run(server, hot, tail, seconds))
        time.sleep(5)
        after = server.memory()[0]
        alive = server.process.poll() is None
        latencies = {
            kind: {("beside" if beside else "quiet"): of_times(tally.times[kind, beside]) for beside in (False, True) if tally.times[kind, beside]}
            for kind in RATES
        }
        return {
            "seconds": seconds, "workers": WORKERS, "isolates": ISOLATES, "rates": RATES, "deploy_s": round(deployed, 1), "alive": alive,
            "rss_deployed_mib": round(before, 1), "rss_after_mib": round(after, 1), "anon_slope_mib_per_min": round(slope(samples), 2),
            "cpu_s": samples[-1]["cpu_s"] - samples[0]["cpu_s"], "data_mib": round(server.data_mib(), 1), "hostile_answers": sum(hostile),
            "errors": dict(tally.errors), "latencies": latencies, "samples": samples,
        }  # fmt: skip


def table(result):
    """The result as lines of text."""
    requests = sum(figures["requests"] for sides in result["latencies"].values() for figures in sides.values())
    failed = sum(result["errors"].values())
    yield (
        f"{result['workers']} Workers (deployed in {result['deploy_s']:.0f} s, {result['isolates']} isolates at most while idle), "
        f"{result['seconds']} s, {requests:,} requests, {failed} failed; {result['hostile_answers']:,} of the hostile Worker's were stopped"
    )
    yield "| requests to | a second | p50 quiet | p50 beside | p99 quiet | p99 beside | times its quiet p99 | longest |"
    yield "|---|---|---|---|---|---|---|---|"
    for kind, sides in result["latencies"].items():
        at = lambda side, key: f"{sides[side][key]:.2f} ms" if side in sides else ""
        longest = max(figures["max_ms"] for figures in sides.values())
        both = all(side in sides for side in ("quiet", "beside"))
        times = f"{sides['beside']['p99_ms'] / sides['quiet']['p99_ms']:.1f} ×" if both else ""
        cells = (at("quiet", "p50_ms"), at("beside", "p50_ms"), at("quiet", "p99_ms"), at("beside", "p99_ms"), times, f"{longest:.0f} ms")
        yield f"| {kind} | {result['rates'][kind]} | {' | '.join(cells)} |"
    samples = result["samples"]
    shown = [samples[round(at * (len(samples) - 1) / 10)] for at in range(11)]
    yield "RSS: " + ", ".join(f"{sample['rss_mib']:.0f} MiB at {sample['at']:.0f} s" for sample in shown)
    yield (
        f"RSS {result['rss_deployed_mib']:.0f} MiB when all were deployed, {result['rss_after_mib']:.0f} MiB 5 s after the end; "
        f"{result['anon_slope_mib_per_min']:+.1f} MiB a minute in the second half; {result['cpu_s']:.0f} s of CPU; {result['data_mib']:.0f} MiB of data"
    )
    for error, count in sorted(result["errors"].items()):
        yield f"failed {count} times: {error}"
