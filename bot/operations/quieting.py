"""Answered reasons stay quiet: for the tier's cadence, and only while the condition is the one that was answered."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import insert

from bot.operations.case import Case
from storage.inventory import Vendor
from storage.requests import QUIET

_QUIET = insert(QUIET)  # put together once: it runs at every click


def quiet_answered_reasons(case: Case) -> datetime:
    """Somebody stands behind the token: what stands against it and was asked about is quiet until the moment returned.

    A reason that the request did not name was not answered, and is asked about when it comes up. Never attested and
    overdue end with the attestation itself; an expiry notice fires once by itself; a missing owner stays a reason.
    """
    until = case.now + timedelta(days=case.tier.attest_every)
    contract_end = _contract_end(case)
    about = {
        "expired": case.token.expires_at,
        "no_expiry": None,
        "outlives_contract": contract_end,
        "contract_ended": contract_end,
        "unused": None,
    }
    rows = [
        {
            "token_id": case.token_id,
            "reason": reason,
            "about_at": about[reason],
            "threshold_days": 0,
            "until": until,
            "request_id": case.request_id,
        }
        for reason in case.request.reasons
        if reason in about
    ]
    if rows:
        case.session.connection().execute(_QUIET, rows)
    return until


def _contract_end(case: Case) -> datetime | None:
    vendor = None if case.token.vendor_id is None else case.session.get(Vendor, case.token.vendor_id)
    return None if vendor is None else vendor.contract_ends_at
