#!/usr/bin/env python3
"""Runs the web-platform-tests against the built binary, and compares with what is expected.

Each test is a Worker of its own: testharness.js, what the test asks for, and the test, run while a request is handled.
Python's standard library is all that it takes. `run.py --help` says how to run a part.
"""

import argparse
import concurrent.futures
import fnmatch
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import time

from files import serve_files
from servers import Skerry, Workerd

HERE = pathlib.Path(__file__).resolve().parent
FOLDERS = [
    "FileAPI", "WebCryptoAPI", "compression", "console", "dom/abort", "dom/events", "encoding", "fetch/api", "fetch/data-urls", "hr-time", "html/webappapis",
    "performance-timeline", "streams", "url", "urlpattern", "user-timing", "wasm/jsapi", "webidl", "webmessaging",
]
STATUS = {0: "PASS", 1: "FAIL", 2: "TIMEOUT", 3: "NOTRUN", 4: "PRECONDITION_FAILED"}
BATCH = 40
# Which of the known failures pass in workerd.
WORKERD = HERE / "workerd.json"
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


def run_batch(server, binary, tests, origin):
    running = server(binary, [test.source(origin) for test in tests])
    try:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(running.ask, number, test.timeout) for number, test in enumerate(tests)]
            return [one.result() for one in asked]
    finally:
        running.stop()


def run_all(server, binary, tests, origin):
    """What each test told, by its name."""
    batches, everything = [tests[at : at + BATCH] for at in range(0, len(tests), BATCH)], {}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = {pool.submit(run_batch, server, binary, batch, origin): batch for batch in batches}
        for done, future in enumerate(concurrent.futures.as_completed(running), 1):
            for test, result in zip(running[future], future.result()):
                everything[test.name] = result
            if sys.stderr.isatty():
                print(f"\r{done} of {len(batches)} parts", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return everything


def outcomes(result):
    """`(subtest, status, message)` for each that a test told of, and one for the file where it ended badly."""
    told = [(name, STATUS.get(status, str(status)), message) for name, status, message in result["tests"]]
    if result["status"] != 0 or not told:
        told.append(("(the file)", "TIMEOUT" if result["status"] == 2 else "ERROR", result["message"] or "no test ran"))
    return told


def folder_of(test):
    return next(folder for folder in FOLDERS if test.startswith(folder + "/"))


def digest(known):
    """Which failures are known, in short."""
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def ask_workerd(binary, tests, origin, known, ours, write):
    """Which of the failures are Skerry's alone."""
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    theirs, passes = run_all(Workerd, binary, tests, origin), {}
    for test in tests:
        # Not by the names that failed: where a file of ours did not run, its tests have none.
        names = sorted(passed(theirs[test.name]) - passed(ours[test.name]))
        if names:
            passes[test.name] = names
            print(f"{version} passes {test.name}: " + ", ".join(map(repr, names)))
    if write:
        WORKERD.write_text(json.dumps({"version": version, "asked": digest(known), "passes": passes}, indent=1) + "\n")


def passed(result):
    return {name for name, status, _ in outcomes(result) if status == "PASS"}


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
    parser.add_argument("--workerd", help="ask this binary of workerd about the known failures as well; with --write, keep what it says")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("-v", "--verbose", action="store_true", help="print each failure, expected or not")
    arguments = parser.parse_args()

    root = pathlib.Path(arguments.wpt).resolve()
    tests = find(root, arguments.patterns)
    if not tests:
        raise SystemExit(f"no tests in {root}" + (f" match {arguments.patterns}" if arguments.patterns else ""))
    server, origin = serve_files(root)
    expected = Expected(HERE / "expected.json")
    counts, known, wrong, began = {}, {}, [], time.monotonic()
    everything = run_all(Skerry, arguments.binary, tests, origin)

    for test in tests:
        count = counts.setdefault(folder_of(test.name), {"files": 0, "passed": 0, "known": 0, "wrong": 0})
        count["files"] += 1
        for name, status, message in outcomes(everything[test.name]):
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
                if reason is not None:
                    known.setdefault(test.name, []).append(name)
                line = f"{test.name}: {name!r} {status}: {message}"
                if reason is None:
                    wrong.append(line)
                elif arguments.verbose:
                    print(f"expected: {line}")
    for pattern, name in expected.unused(list(everything)):
        wrong.append(f"expected.json has {name!r} of {pattern}, which nothing met")

    if arguments.workerd:
        ask_workerd(str(pathlib.Path(arguments.workerd).resolve()), [test for test in tests if test.name in known], origin, known, everything, arguments.write)
    server.shutdown()
    for line in wrong:
        print(line)
    workerd = json.loads(WORKERD.read_text())
    table = render(counts, workerd)
    print(table)
    total = {key: sum(count[key] for count in counts.values()) for key in ("files", "passed", "known", "wrong")}
    print(
        f"web-platform-tests: {total['passed'] + total['known'] + total['wrong']} subtests of {total['files']} files: {total['passed']} passed, "
        f"{total['known']} known failures, {total['wrong']} unexpected, {time.monotonic() - began:.0f} s"
    )
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps({"folders": counts, "tests": everything}, indent=1))
    if arguments.table and not arguments.patterns and not wrong:
        if workerd["asked"] != digest(known):
            wrong.append(f"{WORKERD} is about other failures: run `make wpt WPT='--workerd PATH --write'`")
        wrong += keep_table(pathlib.Path(arguments.table), table, workerd, expected, arguments.write)
    sys.exit(1 if wrong else 0)


def render(counts, workerd):
    lines = ["| folder | files | subtests | passed | known failures | of those, workerd passes | | without what fails in both |", "|---|---|---|---|---|---|---|---|"]
    rows = [(folder, {**counts[folder], "there": there(workerd, folder)}) for folder in FOLDERS if folder in counts]
    total = {key: sum(count[key] for _, count in rows) for key in ("files", "passed", "known", "wrong", "there")}
    for folder, count in [*rows, ("**all**", total)]:
        failed, good = count["known"] + count["wrong"], count["passed"]
        lines.append(
            f"| {folder} | {count['files']} | {good + failed:,} | {good:,} | {failed:,} | {count['there']:,} "
            f"| {share(good, good + failed)} | {share(good, good + count['there'] + count['wrong'])} |"
        )
    return "\n".join(lines)


def there(workerd, folder):
    """How many subtests of a folder are known to fail in Skerry, and pass in workerd."""
    return sum(len(names) for test, names in workerd["passes"].items() if folder_of(test) == folder)


def share(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else ""


def keep_table(path, table, workerd, expected, write):
    """The part of the page between the marks is made of the results."""
    begin, end = "<!-- results: begin -->\n", "<!-- results: end -->"
    reasons = {}
    for group in expected.groups:
        reasons.setdefault(group["reason"], set()).update(group["tests"])
    listed = "\n".join(f"| {reason} | {', '.join(sorted(tests))} |" for reason, tests in reasons.items())
    made = f"{table}\n\nworkerd is {workerd['version']}, asked with the same Workers.\n\n| what fails, and why | where |\n|---|---|\n{listed}\n"
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
