"""What runs the tests: a process of Skerry, or of workerd, with a Worker for each of some scripts."""

import json
import os
import pathlib
import queue
import re
import signal
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request

DATE = "2026-11-17"


class Server:
    """Each Worker answers with the JSON of its test's results."""

    def __init__(self, command, name):
        self.log = open(pathlib.Path(self.folder.name) / "log", "w+")
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True, cwd=self.folder.name, env={**os.environ, "NO_COLOR": "1"}
        )
        self.lines, ready = [], queue.Queue()
        threading.Thread(target=self.read, args=(ready,), daemon=True).start()
        if not ready.get(timeout=120):
            self.log.seek(0)
            raise SystemExit(f"{name} did not start:\n" + "\n".join(self.lines[-20:]) + self.log.read())

    def read(self, ready):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if self.started(line):
                ready.put(True)
        ready.put(False)

    def ask(self, number, timeout):
        try:
            with urllib.request.urlopen(self.request(number), timeout=timeout) as answer:
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


class Skerry(Server):
    def __init__(self, binary, scripts):
        self.folder = tempfile.TemporaryDirectory(prefix="skerry-wpt-")
        paths = []
        for number, script in enumerate(scripts):
            path = pathlib.Path(self.folder.name) / f"t{number}"
            path.mkdir()
            (path / "index.js").write_text(script, encoding="utf-8")
            (path / "wrangler.toml").write_text(
                f'name = "t{number}"\nmain = "index.js"\ncompatibility_date = "{DATE}"\nno_bundle = true\nfind_additional_modules = false\n'
            )
            paths.append(str(path))
        super().__init__([str(binary), "dev", "--ip", "127.0.0.1", "--port", "0", *paths], "skerry dev")

    def started(self, line):
        found = re.search(r"Ready on http://(\S+)", line)
        if found:
            self.address = found.group(1)
        return found

    def request(self, number):
        return urllib.request.Request(f"http://{self.address}/", headers={"Host": f"t{number}.localhost"})


class Workerd(Server):
    """Each Worker has a port of its own: workerd does not route by host."""

    def __init__(self, binary, scripts):
        self.folder = tempfile.TemporaryDirectory(prefix="workerd-wpt-")
        self.ports = {}
        self.count = len(scripts)
        services, sockets = [], []
        for number, script in enumerate(scripts):
            (pathlib.Path(self.folder.name) / f"t{number}.js").write_text(script, encoding="utf-8")
            services.append(f'(name = "t{number}", worker = (serviceWorkerScript = embed "t{number}.js", compatibilityDate = "{DATE}"))')
            sockets.append(f'(name = "t{number}", address = "127.0.0.1:0", http = (), service = "t{number}")')
        services.append('(name = "internet", network = (allow = ["public", "private"]))')
        config = pathlib.Path(self.folder.name) / "config.capnp"
        config.write_text(
            'using Workerd = import "/workerd/workerd.capnp";\nconst config :Workerd.Config = (\n'
            f"  services = [{', '.join(services)}],\n  sockets = [{', '.join(sockets)}],\n);\n"
        )
        super().__init__([str(binary), "serve", "--experimental", "--control-fd=1", str(config)], "workerd")

    def started(self, line):
        told = json.loads(line)
        if told.get("event") == "listen":
            self.ports[told["socket"]] = told["port"]
        return len(self.ports) == self.count

    def request(self, number):
        return urllib.request.Request(f"http://127.0.0.1:{self.ports[f't{number}']}/")
