"""Time-stamps by an RFC 3161 authority: somebody else's signature that a checkpoint existed at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha512
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.x509 import Certificate, load_pem_x509_certificates

from bot.anchors.http import post
from bot.errors import SettingsError
from bot.operations.anchor_checkpoints import AnchorError, Submission

if TYPE_CHECKING:
    from rfc3161_client import TimeStampRequest, TimeStampResponse

QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
_GRANTED = 0


@dataclass(frozen=True)
class TimestampAnchor:
    """``tsa:https://…``, with the authority's root certificate (PEM) behind a ``#`` if its replies are to be verified
    at once; else that is left to whoever verifies the bundle."""

    name: str
    url: str
    roots: Path | None = None

    def submit(self, submission: Submission) -> bytes:
        """Have the signed note stamped; the receipt is the reply in DER.

        Raises:
            AnchorError: there is no reply, or it does not stamp this note.
        """
        note = submission.checkpoint.note
        request = _request(note)
        answer = post(self.url, request.as_bytes(), QUERY)
        if answer.status != 200 or answer.kind != REPLY:
            raise AnchorError(f"{self.url} answers {answer.status} {answer.kind or 'without a type'}")
        _check(answer.body, request, note, self._trusted())
        return answer.body

    def _trusted(self) -> list[Certificate]:
        if self.roots is None:
            return []
        try:
            return load_pem_x509_certificates(self.roots.read_bytes())
        except (OSError, ValueError) as error:
            raise AnchorError(f"{self.roots} holds no certificates: {error}") from None


def _request(note: bytes) -> TimeStampRequest:
    try:
        from rfc3161_client import TimestampRequestBuilder
    except ImportError:
        raise SettingsError(
            "WHOSE_ANCHORS names a time-stamping authority, and what speaks to one is not installed. "
            "Install it: pip install 'whose[anchors]'."
        ) from None
    return TimestampRequestBuilder().data(note).nonce(nonce=True).cert_request(cert_request=True).build()


def _check(reply: bytes, request: TimeStampRequest, note: bytes, roots: list[Certificate]) -> None:
    """That the reply is about this note and this request; and by whom, where roots are given.

    Raises:
        AnchorError: it is not.
    """
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    try:
        response = decode_timestamp_response(reply)
        said = _what_it_says(response)
    except ValueError as error:
        raise AnchorError(f"the time-stamp cannot be read: {error}") from None
    if said != (request.nonce, sha512(note).digest()):
        raise AnchorError("the time-stamp is not of this checkpoint, or answers another question")
    if roots:
        builder = VerifierBuilder.from_request(request)
        for root in roots:
            builder = builder.add_root_certificate(root)
        try:
            builder.build().verify_message(response, note)
        except (VerificationError, ValueError) as error:
            raise AnchorError(f"the time-stamp is not by the authority that is trusted: {error}") from None


def _what_it_says(response: TimeStampResponse) -> tuple[int | None, bytes]:
    """The nonce and the hash that were stamped."""
    if response.status != _GRANTED:
        raise AnchorError(f"the authority refuses (status {response.status}): {', '.join(response.status_string)}")
    info = response.tst_info
    return info.nonce, info.message_imprint.message
