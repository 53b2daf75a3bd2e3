"""What happens when the server is away, is something else, or is lost in the middle."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

from tests.cli.program import Program
from tests.cli.server import Server


def whole(sender: socket.socket) -> bytes:
    """A message with its headers and its body."""
    text = b""
    while b"\r\n\r\n" not in text:
        text += sender.recv(65536)
    headers, _, body = text.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", headers.lower())
    while length and len(body) < int(length[1]):
        body += sender.recv(65536)
    return headers + b"\r\n\r\n" + body


@contextmanager
def losing_first_answer(url: str) -> Iterator[str]:
    """A way to the server that carries the first request over, and loses its answer."""
    target = (urlsplit(url).hostname, urlsplit(url).port)
    door = socket.create_server(("127.0.0.1", 0))

    def carry() -> None:
        first = True
        while True:
            try:
                near, _ = door.accept()
            except OSError:
                return
            with near, socket.create_connection(target) as far:
                far.sendall(whole(near))
                answer = whole(far)
                if not first:
                    near.sendall(answer)
                first = False

    thread = threading.Thread(target=carry, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{door.getsockname()[1]}"
    door.shutdown(socket.SHUT_RDWR)
    door.close()
    thread.join()


def test_a_request_whose_answer_is_lost_is_carried_out_once(
    rackrate: Program, server: Server
) -> None:
    with losing_first_answer(server.url) as way:
        lossy = Program(rackrate.home, {**rackrate.environment, "RACKRATE_URL": way})
        start = ("lease", "start", "--project", "studio-render", "--sku", "h100.1")
        id = lossy(*start, "--name", "once", "--output", "json").json["id"]
    leases = rackrate("lease", "list", "--output", "json").json["items"]
    assert [row["id"] for row in leases if row["name"] == "once"] == [id]


def test_a_server_that_is_away_is_said_to_be_with_what_to_do(nobody: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    away = Program(nobody.home, {"RACKRATE_URL": f"http://127.0.0.1:{port}"})
    done = away("lease", "list")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"rackrate: no Rackrate answers at http://127.0.0.1:{port} (Connection refused); start "
        "one with: rackrate up, or name another with: rackrate login URL [unreachable]\n"
    )


class Other(BaseHTTPRequestHandler):
    """Some other server."""

    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()
        self.wfile.write(b"<html>not here</html>")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_a_server_that_is_not_rackrate_is_noticed(nobody: Program) -> None:
    with HTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{other.server_port}"
        done = Program(nobody.home, {"RACKRATE_URL": url})("lease", "list")
        other.shutdown()
    assert done.code == 1
    assert "the server answered 404, and not as Rackrate does" in done.err


def test_an_unknown_token_is_told_how_to_sign_in(nobody: Program, server: Server) -> None:
    stranger = Program(nobody.home, {"RACKRATE_URL": server.url, "RACKRATE_TOKEN": "rr_unknown"})
    done = stranger("lease", "list")
    assert done.code == 1
    assert done.err == (
        "rackrate: this token is not known; sign in with: rackrate login URL [unauthenticated]\n"
    )
