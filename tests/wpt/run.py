#!/usr/bin/env python3
"""Runs the web-platform-tests against the built binary, and compares with what is expected.

Each test is a Worker of its own: testharness.js, what the test asks for, and the test, run while a request is handled.
Python's standard library is all that it takes. `run.py --help` says how to run a part.
"""

import argparse
import concurrent.futures
import fnmatch
import http.server
import json
import os
import pathlib
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
FOLDERS = [
    "FileAPI", "WebCryptoAPI", "console", "dom/abort", "dom/events", "encoding", "fetch/data-urls", "hr-time", "html/webappapis", "performance-timeline",
    "streams", "url", "user-timing", "wasm/jsapi", "webidl", "webmessaging",
]
STATUS = {0: "PASS", 1: "FAIL", 2: "TIMEOUT", 3: "NOTRUN", 4: "PRECONDITION_FAILED"}
BATCH = 40
# What the tests' own server has under another name.
ALIASES = {"/resources/WebIDLParser.js": "/resources/webidl2/lib/webidl2.js"}
# Seconds; some derive keys for a minute on a machine that has nothing else to do.
TIMEOUT = {"normal": 60, "long": 400}

PRELUDE = """
self.GLOBAL = { isWindow: () => false, isWorker: () => true, isShadowRealm: () => false };
{
  const { href, protocol, host, hostname, port, pathname, search, hash, origin } = new URL(%(url)s);
  const location = { href, protocol, host, hostname, port, pathname, search, hash, origin, toString: () => href };
  Object.defineProperty(self, "location", { value: location, configurable: true });
}
{
  const { fetch: fetchAbsolute } = self;
  self.fetch = async (input, init) => fetchAbsolute(typeof input === "string" || input instanceof URL ? new URL(input, location) : input, init);
}
"""

# Whoever asks waits for the tests to end, and is told how.
EPILOGUE = """
addEventListener("fetch", (event) => {
  event.respondWith(new Promise((resolve) => {
    (function () {
%(strict)s
%(harness)s
      add_completion_callback((tests, status) => {
        const told = tests.map((test) => [test.name, test.status, test.message]);
        resolve(new Response(JSON.stringify({ status: status.status, message: status.message, tests: told })));
      });
%(code)s
    }).call(self);
  }));
});
"""


class Test:
    """One file, or one variant of it."""

    def __init__(self, root, path, variant, text, meta):
        self.path, self.variant, self.text, self.meta = path, variant, text, meta
        self.name = path + variant
        self.timeout = TIMEOUT["long" if meta.get("timeout") == ["long"] else "normal"]
        self.root = root

    def source(self, origin):
        """The Worker's script."""
        parts = []
        for script in self.meta.get("script", []):
            script = ALIASES.get(script, script)
            file = self.root / script.lstrip("/") if script.startswith("/") else (self.root / self.path).parent / script
            try:
                parts.append(file.resolve().read_text(encoding="utf-8"))
            except FileNotFoundError:
                parts.append(f"throw new Error({json.dumps(script + ' is not among the tests')});")
        parts.append(self.text)
        harness = (self.root / "resources/testharness.js").read_text(encoding="utf-8")
        # A Worker is no page and no browser's worker: the plain environment reports to callbacks alone.
        shell = "return new ShellTestEnvironment();"
        harness = harness.replace("function create_test_environment() {", "function create_test_environment() { " + shell, 1)
        url = json.dumps(origin + "/" + self.path + self.variant)
        strict = '"use strict";' if re.match(r"""(?:\s|//[^\n]*\n|/\*.*?\*/)*['"]use strict['"]""", self.text, re.S) else ""
        code = "\n;\n".join(parts).replace("obj = eval(desc);", "obj = evaluated[desc]();")
        return PRELUDE % {"url": url} + EPILOGUE % {"strict": strict, "harness": harness, "code": self.evaluated() + code}

    def evaluated(self):
        """idlharness.js evaluates texts, which no Worker may: those that the test gives it are made functions here."""
        texts = set()
        for objects in re.findall(r"add_objects\(\{(.*?)\}\)\s*;?\s*\n", self.text, re.S):
            texts.update(one or two for one, two in re.findall(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""", objects))
        return "const evaluated = {\n" + "".join(f"  {json.dumps(text)}: () => ({text}),\n" for text in sorted(texts)) + "};\n"


def find(root, patterns):
    """The tests of all folders, in order. `patterns`: of names, to run only these."""
    tests = []
    for folder in FOLDERS:
        for file in sorted([*(root / folder).rglob("*.any.js"), *(root / folder).rglob("*.window.js"), *(HERE / "own" / folder).rglob("*.any.js")]):
            base = root if file.is_relative_to(root) else HERE / "own"
            path = str(file.relative_to(base))
            text = file.read_text(encoding="utf-8")
            meta = {}
            for key, value in re.findall(r"^// META: ([a-z]+)=(.*)$", text, re.M):
                meta.setdefault(key, []).append(value.strip())
            for variant in meta.get("variant", [""]):
                tests.append(Test(root, path, variant, text, meta))
    if patterns:
        tests = [test for test in tests if any(fnmatch.fnmatch(test.name, "*" + pattern + "*") for pattern in patterns)]
    return tests


class Files(http.server.SimpleHTTPRequestHandler):
    """What tests fetch."""

    def log_message(self, *args):
        pass

    def do_POST(self):
        """What /fetch/api/resources/echo-content.py is on the tests' own server."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding"):
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(body)


def serve_files(root):
    handler = lambda *args: Files(*args, directory=str(root))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}"


class Skerry:
    """One process with a Worker for each of some tests."""

    def __init__(self, binary, tests, origin):
        self.folder = tempfile.TemporaryDirectory(prefix="skerry-wpt-")
        paths = []
        for number, test in enumerate(tests):
            path = pathlib.Path(self.folder.name) / f"t{number}"
            path.mkdir()
            (path / "index.js").write_text(test.source(origin), encoding="utf-8")
            (path / "wrangler.toml").write_text(
                f'name = "t{number}"\nmain = "index.js"\ncompatibility_date = "2026-01-01"\nno_bundle = true\nfind_additional_modules = false\n'
            )
            paths.append(str(path))
        command = [str(binary), "dev", "--ip", "127.0.0.1", "--port", "0", *paths]
        self.log = open(pathlib.Path(self.folder.name) / "log", "w+")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True, env={**os.environ, "NO_COLOR": "1"})
        self.lines, self.address = [], None
        ready = queue.Queue()
        threading.Thread(target=self.read, args=(ready,), daemon=True).start()
        self.address = ready.get(timeout=120)
        if self.address is None:
            raise SystemExit("skerry dev did not start:\n" + "\n".join(self.lines[-20:]))

    def read(self, ready):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            found = re.search(r"Ready on http://(\S+)", line)
            if found:
                ready.put(found.group(1))
        ready.put(None)

    def ask(self, number, timeout):
        request = urllib.request.Request(f"http://{self.address}/", headers={"Host": f"t{number}.localhost"})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return {"status": 1, "message": re.sub(r"\s+", " ", error.read().decode(errors="replace"))[:2000], "tests": []}
        except (OSError, ValueError) as error:
            return {"status": 2, "message": str(error), "tests": []}

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()
        self.folder.cleanup()


def run_batch(binary, tests, origin):
    skerry = Skerry(binary, tests, origin)
    try:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(skerry.ask, number, test.timeout) for number, test in enumerate(tests)]
            return [one.result() for one in asked]
    finally:
        skerry.stop()


class Expected:
    """The known failures: `[{ reason, tests: { file: [subtest, …] } }]`, names with `*` for any text. A file that can't be run as a whole has `["*"]`."""

    def __init__(self, path):
        self.groups = json.loads(path.read_text()) if path.exists() else []
        self.used = set()

    def reason(self, test, subtest):
        for number, group in enumerate(self.groups):
            for pattern, names in group["tests"].items():
                if not matches(test, pattern):
                    continue
                for name in names:
                    if matches(subtest, name):
                        self.used.add((number, pattern, name))
                        return group["reason"]
        return None

    def unused(self, ran):
        """Entries that nothing met, of tests that ran."""
        for number, group in enumerate(self.groups):
            for pattern, names in group["tests"].items():
                if any(matches(name, pattern) for name in ran):
                    yield from ((pattern, name) for name in names if (number, pattern, name) not in self.used)


def matches(text, pattern):
    """Only `*` is special."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.S) is not None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("patterns", nargs="*", help="run only tests whose names contain one of these (`*` is any text)")
    parser.add_argument("--binary", default=str(HERE.parents[1] / "target/release/skerry"))
    parser.add_argument("--wpt", required=True, help="folder with the web-platform-tests")
    parser.add_argument("--json", help="write all results to this file")
    parser.add_argument("--table", help="compare the table of results with this file; with --write, write it there")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("-v", "--verbose", action="store_true", help="print each failure, expected or not")
    arguments = parser.parse_args()

    root = pathlib.Path(arguments.wpt).resolve()
    tests = find(root, arguments.patterns)
    if not tests:
        raise SystemExit(f"no tests in {root}" + (f" match {arguments.patterns}" if arguments.patterns else ""))
    server, origin = serve_files(root)
    expected = Expected(HERE / "expected.json")
    batches = [tests[at : at + BATCH] for at in range(0, len(tests), BATCH)]
    counts, wrong, everything, began = {}, [], {}, time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = {pool.submit(run_batch, arguments.binary, batch, origin): batch for batch in batches}
        for done, future in enumerate(concurrent.futures.as_completed(running), 1):
            for test, result in zip(running[future], future.result()):
                everything[test.name] = result
            if sys.stderr.isatty():
                print(f"\r{done} of {len(batches)} parts", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    server.shutdown()

    for test in tests:
        result = everything[test.name]
        folder = next(folder for folder in FOLDERS if test.name.startswith(folder + "/"))
        count = counts.setdefault(folder, {"files": 0, "passed": 0, "known": 0, "wrong": 0})
        count["files"] += 1
        outcomes = [(name, STATUS.get(status, str(status)), message) for name, status, message in result["tests"]]
        if result["status"] != 0 or not outcomes:
            outcomes.append(("(the file)", "TIMEOUT" if result["status"] == 2 else "ERROR", result["message"] or "no test ran"))
        for name, status, message in outcomes:
            reason = expected.reason(test.name, name)
            if status == "PASS":
                count["passed"] += 1
                if reason is not None:
                    wrong.append(f"{test.name}: {name!r} passes, and is expected to fail: {reason}")
                    count["wrong"] += 1
            elif status == "PRECONDITION_FAILED":
                # What the standard leaves to the implementation is not there, and the test says that this is fine.
                continue
            else:
                count["known" if reason is not None else "wrong"] += 1
                line = f"{test.name}: {name!r} {status}: {message}"
                if reason is None:
                    wrong.append(line)
                elif arguments.verbose:
                    print(f"expected: {line}")
    for pattern, name in expected.unused(list(everything)):
        wrong.append(f"expected.json has {name!r} of {pattern}, which nothing met")

    for line in wrong:
        print(line)
    table = render(counts)
    print(table)
    total = {key: sum(count[key] for count in counts.values()) for key in ("files", "passed", "known", "wrong")}
    print(
        f"web-platform-tests: {total['passed'] + total['known'] + total['wrong']} subtests of {total['files']} files: {total['passed']} passed, "
        f"{total['known']} known failures, {total['wrong']} unexpected, {time.monotonic() - began:.0f} s"
    )
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps({"folders": counts, "tests": everything}, indent=1))
    if arguments.table and not arguments.patterns and not wrong:
        wrong += keep_table(pathlib.Path(arguments.table), table, expected, arguments.write)
    sys.exit(1 if wrong else 0)


def render(counts):
    lines = ["| folder | files | subtests | passed | known failures | |", "|---|---|---|---|---|---|"]
    rows = [(folder, counts[folder]) for folder in FOLDERS if folder in counts]
    total = {key: sum(count[key] for _, count in rows) for key in ("files", "passed", "known", "wrong")}
    for folder, count in [*rows, ("**all**", total)]:
        subtests = count["passed"] + count["known"] + count["wrong"]
        share = f"{100 * count['passed'] / subtests:.1f} %" if subtests else ""
        lines.append(f"| {folder} | {count['files']} | {subtests:,} | {count['passed']:,} | {count['known'] + count['wrong']:,} | {share} |")
    return "\n".join(lines)


def keep_table(path, table, expected, write):
    """The part of the page between the marks is made of the results."""
    begin, end = "<!-- results: begin -->\n", "<!-- results: end -->"
    reasons = {}
    for group in expected.groups:
        reasons.setdefault(group["reason"], set()).update(group["tests"])
    listed = "\n".join(f"| {reason} | {', '.join(sorted(tests))} |" for reason, tests in reasons.items())
    made = f"{table}\n\n| what fails, and why | where |\n|---|---|\n{listed}\n"
    text = path.read_text()
    before, rest = text.split(begin)
    old, after = rest.split(end)
    if old == made:
        return []
    if write:
        path.write_text(before + begin + made + end + after)
        return []
    return [f"{path} is not what these results make: run `make wpt WPT=--write`"]


if __name__ == "__main__":
    main()
