#!/usr/bin/env python3
"""Measures Skerry beside workerd and holds the figures against the goals: see README.md."""

import argparse
import json
import os
import pathlib
import platform
import signal
import statistics
import subprocess
import sys
import time

import load
import soak
from cases import CASES, Plan, cpus
from servers import BenchError, Skerry, Workerd


def spread(samples):
    return {"median": statistics.median(samples), "min": min(samples), "max": max(samples), "samples": samples}


def summary(row):
    """A row's samples -> medians with spread, the ratio round by round, and the verdict."""
    ours, theirs = row.samples["skerry"], row.samples["workerd"]
    ratios = spread([a / b for a, b in zip(ours, theirs)])
    ours, theirs = spread(ours), spread(theirs)
    verdict = None
    if row.reached is not None:
        verdict = bool(row.reached(ours["median"], theirs["median"], ratios["median"]))
    return {
        "case": row.case, "figure": row.figure, "unit": row.unit, "goal": row.goal, "reached": verdict,
        "skerry": ours, "workerd": theirs, "ratio": ratios,
    }  # fmt: skip


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def cell(figures, unit=""):
    return f"{number(figures['median'])}{unit and ' ' + unit} ({number(figures['min'])}–{number(figures['max'])})"


HEAD = ("case", "figure", "skerry", "workerd", "skerry ÷ workerd", "goal", "verdict")
WIDTHS = (34, 20, 30, 30, 24, 16, 7)


def table_line(cells):
    return "| " + " | ".join(text.ljust(width) for text, width in zip(cells, WIDTHS)) + " |"


def table_row(result):
    verdict = {True: "reached", False: "MISSED", None: ""}[result["reached"]]
    return table_line((
        result["case"], result["figure"], cell(result["skerry"], result["unit"]), cell(result["workerd"], result["unit"]),
        cell(result["ratio"], "×"), result["goal"], verdict,
    ))  # fmt: skip


def machine():
    model = "unknown"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    version = lambda binary: subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=30).stdout.strip()
    return {
        "cpu": model, "cores": len(os.sched_getaffinity(0)), "kernel": platform.release(),
        "skerry": version(Skerry.binary), "workerd": version(Workerd.binary) if Workerd.binary.exists() else "", "load_average": os.getloadavg()[0],
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }  # fmt: skip


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", action="append", choices=[*CASES, "soak"], help="run only this case (may be repeated)")
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, 51), metavar="1..50")
    parser.add_argument("--seconds", type=int, choices=range(1, 86401), metavar="N", help="of load in a round (5), or of the soak (600)")
    parser.add_argument("--json", metavar="FILE", help="write every sample there; - is standard output instead of the table")
    return parser.parse_args()


def soaked(args):
    """The soak by itself: it measures one server over time, not two against each other."""
    about = machine()
    server_cpus, _ = cpus(min(2, about["cores"]))
    result = soak.soak(args.seconds or soak.DEFAULT_SECONDS, server_cpus)
    if args.json == "-":
        json.dump({"machine": about, "soak": result}, sys.stdout, indent=1)
        return
    print(f"{about['skerry']} on {about['cores']} × {about['cpu']}, load average {about['load_average']:.1f} before")
    print("\n".join(soak.table(result)))
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps({"machine": about, "soak": result}, indent=1) + "\n")
    if result["errors"] or not result["alive"]:
        raise BenchError("requests failed")


def main():
    args = arguments()
    # A stop from outside must unwind the stack, so that the servers are stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if args.case == ["soak"]:
        return soaked(args)
    load.require("wrk", "wrk")
    load.require("curl", "curl")
    for server, how in ((Skerry, "make build"), (Workerd, "make bench")):
        if not server.binary.exists():
            raise BenchError(f"{server.binary} is missing: {how}")
    plan = Plan(args.rounds, args.seconds or 5)
    report = {"machine": machine(), "rounds": plan.rounds, "seconds": plan.seconds, "results": []}
    quiet = args.json == "-"
    if not quiet:
        about = report["machine"]
        print(f"{about['skerry']} beside {about['workerd']} on {about['cores']} × {about['cpu']}, median (min–max) of {plan.rounds} rounds")
        print(table_line(HEAD), "|" + "|".join("-" * (width + 2) for width in WIDTHS) + "|", sep="\n")
    for name in args.case or CASES:
        if name == "soak":
            raise BenchError("the soak has no other beside it: run it by itself")
        for row in CASES[name](plan):
            result = summary(row)
            report["results"].append(result)
            if not quiet:
                print(table_row(result), flush=True)
    if quiet:
        json.dump(report, sys.stdout, indent=1)
    elif args.json:
        pathlib.Path(args.json).write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"bench: {error}")
