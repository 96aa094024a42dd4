"""A C2SP tlog-witness and an RFC 3161 authority, served on this machine for the tests.

The witness is written from the specification and shares no code with the bot. The authority is OpenSSL's
(``openssl ts``), without ``-chain``: with it, OpenSSL 3.0 writes the certificates of a reply in an order that is not
DER, which rfc3161-client refuses to read.
"""

from __future__ import annotations

import subprocess
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class Reply(NamedTuple):
    status: int
    kind: str
    body: bytes


class Server:
    """Answers every POST with ``reply``; keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bytes]] = []
        self.override: Reply | None = None

    def reply(self, path: str, kind: str, body: bytes) -> Reply:
        raise NotImplementedError


@contextmanager
def serving(server: Server) -> Iterator[str]:
    """The address of a running server."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kind = self.headers["Content-Type"]
            server.asked.append((self.path, kind, body))
            answer = server.override or server.reply(self.path, kind, body)
            self.send_response(answer.status)
            if answer.kind:
                self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}"
    finally:
        running.shutdown()
        running.server_close()
        thread.join()


class Witness(Server):
    """Cosigns a log's checkpoint if it extends the last one. ``forge`` signs with another key than it says."""

    name = "witness.example.com/w1"

    def __init__(self, log_key: bytes, now: int = 1_767_605_400) -> None:
        """``log_key``: the log's Ed25519 public key."""
        super().__init__()
        self.private = Ed25519PrivateKey.generate()
        self.seen: dict[str, tuple[int, bytes]] = {}
        self.forge = False
        self._log_key = log_key
        self._now = now

    @property
    def _material(self) -> bytes:
        return b"\x04" + self.private.public_key().public_bytes_raw()

    @property
    def _key_id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + self._material).digest()[:4]

    @property
    def verifier(self) -> str:
        return f"{self.name}+{self._key_id.hex()}+{b64encode(self._material).decode()}"

    def reply(self, path: str, kind: str, body: bytes) -> Reply:
        if path != "/add-checkpoint":
            return Reply(404, "", b"")
        head, _, checkpoint = body.partition(b"\n\n")
        old_line, *proof_lines = head.decode().split("\n")
        if not old_line.startswith("old ") or len(proof_lines) > 63:
            return Reply(400, "", b"")
        text, _, signatures = checkpoint.partition(b"\n\n")
        text += b"\n"
        if not self._is_signed(text, signatures.decode()):
            return Reply(403, "", b"")
        origin, size, root = text.decode().split("\n")[:3]
        old, new = int(old_line[4:]), int(size)
        seen, seen_root = self.seen.get(origin, (0, sha256(b"").digest()))
        if old > new:
            return Reply(400, "", b"")
        if old != seen or (old == new and old and b64decode(root) != seen_root):
            return Reply(409, "text/x.tlog.size", b"%d\n" % seen)
        proof = [b64decode(line) for line in proof_lines]
        if old and not _extends(old, seen_root, new, b64decode(root), proof):
            return Reply(422, "", b"")
        self.seen[origin] = (new, b64decode(root))
        message = b"cosignature/v1\ntime %d\n" % self._now + text
        signer = Ed25519PrivateKey.generate() if self.forge else self.private
        signature = self._key_id + self._now.to_bytes(8, "big") + signer.sign(message)
        return Reply(200, "", f"\u2014 {self.name} {b64encode(signature).decode()}\n".encode())

    def _is_signed(self, text: bytes, signatures: str) -> bool:
        for line in signatures.splitlines():
            raw = b64decode(line.rpartition(" ")[2])
            try:
                Ed25519PublicKey.from_public_bytes(self._log_key).verify(raw[4:], text)
            except InvalidSignature:
                continue
            return True
        return False


def _extends(old: int, old_root: bytes, new: int, new_root: bytes, proof: list[bytes]) -> bool:
    """RFC 9162, 2.1.4.2, step by step."""
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = _node(c, fr), _node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = _node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old_root and sr == new_root


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


_TSA_CONFIG = """
[ tsa ]
default_tsa = tsa_config
[ tsa_config ]
serial = {folder}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[ req ]
distinguished_name = dn
prompt = no
[ dn ]
CN = Example TSA
[ ca ]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[ leaf ]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class TimestampAuthority(Server):
    """``openssl ts -reply`` behind HTTP, with a root of its own in ``root``."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self.root = folder / "root.pem"
        (folder / "tsa.cnf").write_text(_TSA_CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")
        new = ("-newkey", "rsa:2048", "-nodes", "-config", "tsa.cnf")
        self._openssl(
            *("req", "-x509", *new, "-extensions", "ca", "-subj", "/CN=Example Root"),
            *("-keyout", "root.key", "-out", "root.pem", "-days", "3650"),
        )
        self._openssl("req", *new, "-subj", "/CN=Example TSA", "-keyout", "tsa.key", "-out", "tsa.csr")
        self._openssl(
            *("x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial"),
            *("-extfile", "tsa.cnf", "-extensions", "leaf", "-days", "3650", "-out", "tsa.pem"),
        )

    def reply(self, path: str, kind: str, body: bytes) -> Reply:
        if kind != "application/timestamp-query":
            return Reply(415, "", b"")
        (self._folder / "query.tsq").write_bytes(body)
        self._openssl(
            *("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq", "-signer", "tsa.pem"),
            *("-inkey", "tsa.key", "-out", "reply.tsr"),
        )
        return Reply(200, "application/timestamp-reply", (self._folder / "reply.tsr").read_bytes())

    def verify(self, reply: bytes, note: bytes) -> str:
        """What ``openssl ts -verify`` says of a receipt."""
        (self._folder / "kept.tsr").write_bytes(reply)
        (self._folder / "note").write_bytes(note)
        return self._openssl("ts", "-verify", "-data", "note", "-in", "kept.tsr", "-CAfile", "root.pem")

    def _openssl(self, *arguments: str) -> str:
        done = subprocess.run(["openssl", *arguments], cwd=self._folder, capture_output=True, text=True, check=True)
        return done.stdout + done.stderr
