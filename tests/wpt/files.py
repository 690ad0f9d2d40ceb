"""The server that tests fetch from."""

import http.server
import threading
import time
import urllib.parse

RESOURCES = ("redirect", "method", "trickle")


class Files(http.server.SimpleHTTPRequestHandler):
    """What tests fetch: files, and what some of /fetch/api/resources/*.py are on the tests' own server."""

    def log_message(self, *args):
        pass

    def do_GET(self):
        name, query = self.resource()
        if name == "redirect":
            self.redirect(int(query.get("redirect_status", 302)), query.get("location"), query.get("count"))
        elif name == "method":
            # What was asked is told by headers.
            body, told = self.body(), {"x-request-method": self.command}
            for header in ("Content-Type", "Content-Length", "Content-Language", "Authorization"):
                told["x-request-" + header.lower()] = ", ".join(self.headers.get_all(header, ["NO"]))
            self.answer(200, body, told)
        elif name == "trickle":
            delay = int(query["ms"]) / 1000
            self.body()
            time.sleep(delay)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            for _ in range(int(query["count"])):
                time.sleep(delay)
                try:
                    self.wfile.write(b"TEST_TRICKLE\n")
                except OSError:
                    return
        elif self.command == "GET":
            super().do_GET()
        else:
            self.answer(405, b"", {})

    def do_POST(self):
        if self.resource()[0] in RESOURCES:
            self.do_GET()
        else:
            self.answer(200, self.body(), {})

    do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_GET

    def do_HEAD(self):
        if self.resource()[0] in RESOURCES:
            self.do_GET()
        else:
            super().do_HEAD()

    def redirect(self, status, location, count):
        """To `location`, or `count` times to itself."""
        self.body()
        if count == "0":
            return self.answer(200, b"", {})
        if count is not None:
            location = "redirect.py?count=" + (str(int(count) - 1) if count.isdigit() else count)
        self.answer(status, b"" if status in (204, 304) else b"redirected", {} if location is None else {"Location": location})

    def resource(self):
        """Which of the resources is asked for, and the members of the query."""
        url = urllib.parse.urlsplit(self.path)
        name = url.path.removeprefix("/fetch/api/resources/").removesuffix(".py")
        return name, dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))

    def body(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding"):
            while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
                body += self.rfile.read(size)
                self.rfile.readline()
        return body

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "Content-Type": "text/plain", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def serve_files(root):
    handler = lambda *args: Files(*args, directory=str(root))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    # Some tests go away in the middle of a response, or of a request.
    server.handle_error = lambda *args: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}"
