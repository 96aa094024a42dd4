"""Answered reasons stay quiet: for the tier's cadence, and only while the condition is the one that was answered."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.operations.case import Case
from bot.rules.due import ANSWERED_FOR_A_WHILE, reason_names
from storage.prepared import Prepared, insert_into
from storage.requests import QUIET

_ANSWERED = frozenset(reason_names(ANSWERED_FOR_A_WHILE))
_QUIET = Prepared(insert_into(QUIET))


def quiet_answered_reasons(case: Case) -> datetime:
    """Somebody stands behind the token: what stands against it and was asked about is quiet until the moment returned.

    A reason that the request did not name was not answered, and is asked about when it comes up. Never attested and
    overdue end with the attestation itself; an expiry notice fires once by itself; a missing owner stays a reason.
    """
    until = case.now + timedelta(days=case.tier.attest_every)
    contract_end = case.contract_ends_at
    about = {
        "expired": case.token.expires_at,
        "outlives_contract": contract_end,
        "contract_ended": contract_end,
    }
    for reason in case.request.reasons:
        if reason in _ANSWERED:
            _QUIET.run(
                case.session,
                token_id=case.token_id,
                reason=reason,
                about_at=about.get(reason),
                threshold_days=0,
                until=until,
                request_id=case.request_id,
            )
    return until
