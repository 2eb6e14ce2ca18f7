"""The way from a client to an engine on this machine: AWS's own host names over TLS, and answers that are lost.

A client is led here by `HTTPS_PROXY` (its host names are AWS's, which lead elsewhere) and believes the certificate by
`AWS_CA_BUNDLE`; or it is given the door's own URL as its endpoint. What it sends goes on as it is, signature and all.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import cast
from urllib.parse import urlsplit

__all__ = ["Door", "opened"]


@dataclass
class Door:
    """An open door. The next `losing` answers are lost: the engine has given them, and nobody gets them."""

    url: str
    bundle: Path
    losing: int = 0
    lost: int = 0
    passed: list[str] = field(default_factory=list)


@contextmanager
def opened(upstream: str, folder: Path, *hosts: str) -> Iterator[Door]:
    """Open a door to an engine, for some host names."""
    bundle, key = _certificate(folder, hosts)
    server = _Server(("127.0.0.1", 0), _Handler)
    server.door = Door(f"http://127.0.0.1:{server.server_port}", bundle)
    server.upstream = urlsplit(upstream).netloc
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(bundle, key)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.door
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    door: Door
    upstream: str
    tls: ssl.SSLContext


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self) -> None:
        """Let a client speak TLS with whom it takes for the host that it named."""
        self.send_response(200)
        self.end_headers()
        self.connection = cast(_Server, self.server).tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb")  # type: ignore[assignment]
        self.close_connection = False

    def _pass(self) -> None:
        server = cast(_Server, self.server)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        onward = HTTPConnection(server.upstream, timeout=60)
        onward.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            onward.putheader(name, value)
        onward.endheaders(body)
        answer = onward.getresponse()
        given = answer.read()
        onward.close()
        server.door.passed.append(f"{self.command} {self.headers['Host']}{self.path}")
        if server.door.losing:
            server.door.losing -= 1
            server.door.lost += 1
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(given)))
        self.end_headers()
        self.wfile.write(given)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_DELETE = _pass

    def finish(self) -> None:
        super().finish()
        self.connection.close()  # a socket of TLS is another than the one that the server closes

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the test's output is not a server's log."""


def _certificate(folder: Path, hosts: tuple[str, ...]) -> tuple[Path, Path]:
    """Make a certificate for some host names, signed by itself, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "door")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    bundle, secret = folder / "door.pem", folder / "door.key"
    bundle.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return bundle, secret
