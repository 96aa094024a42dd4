"""A C2SP tlog-witness: somebody else who cosigns only what extends all they have cosigned before."""

from __future__ import annotations

from dataclasses import dataclass

from bot.anchors.http import Answer, post
from bot.operations.anchor_checkpoints import AnchorError, Submission
from storage.ledger.checkpoint import add_checkpoint_request, add_cosignatures, witness_size
from storage.ledger.note import Note, NoteError, VerifierKey
from storage.ledger.proofs import ProofError

#: What the witness means, where it is neither a cosignature nor a conflict.
_MEANINGS = {
    400: "it cannot read the request",
    403: "it does not trust the key that signed",
    404: "it does not know this log: give its operator the log's verifier key",
    422: "it holds the proof to be wrong: the log may have forked",
}


@dataclass(frozen=True)
class WitnessAnchor:
    """``witness:https://…#KEY``: the witness's submission prefix, and its verifier key (a cosigner's, type 0x04)."""

    name: str
    url: str
    key: VerifierKey

    def submit(self, submission: Submission) -> bytes:
        """Have the checkpoint cosigned; the receipt is the signature line.

        Raises:
            AnchorError: the witness refuses, or its cosignature does not hold.
        """
        answer = self._ask(submission, submission.held)
        if answer.status == 409:
            answer = self._ask_again(submission, answer)
        if answer.status != 200:
            raise AnchorError(f"{self.url} answers {answer.status}: {_MEANINGS.get(answer.status, 'no cosignature')}")
        note = submission.checkpoint.note
        try:
            cosigned = Note.parse(add_cosignatures(note, answer.body, [self.key]))
        except NoteError as error:
            raise AnchorError(f"{self.url} answers with a cosignature that does not hold: {error}") from None
        mine = [one for one in cosigned.signatures if (one.name, one.key_id) == (self.key.name, self.key.key_id)]
        return "".join(one.line() for one in mine).encode()

    def _ask_again(self, submission: Submission, answer: Answer) -> Answer:
        """It has seen another size than we thought, and says which: prove from there."""
        try:
            seen = witness_size(answer.body)
        except NoteError as error:
            raise AnchorError(f"{self.url} answers 409: {error}") from None
        if seen > submission.checkpoint.size:
            raise AnchorError(
                f"{self.url} has seen {seen} records, and this log has {submission.checkpoint.size}: "
                "records were lost, or two databases sign with one key"
            )
        return self._ask(submission, seen)

    def _ask(self, submission: Submission, old: int) -> Answer:
        try:
            request = add_checkpoint_request(old, submission.prove(old), submission.checkpoint.note)
        except ProofError as error:
            raise AnchorError(f"there is no proof from the {old} records that {self.url} has seen: {error}") from None
        return post(f"{self.url}/add-checkpoint", request, "text/plain; charset=utf-8")
