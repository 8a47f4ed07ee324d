"""The reports that are kept with an issue: what the last check of each occasion found."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, col, delete, select

from newsletter.issues.models import Issue
from newsletter.rendering.models import PreflightReport
from newsletter.rendering.preflight.findings import Finding, Level


class Occasion(StrEnum):
    """When somebody looked: an editor asked, before the approval, before the send."""

    CHECK = "check"
    APPROVAL = "approval"
    SEND = "send"


@dataclass(frozen=True)
class Report:
    """What was found, when, and on which occasion."""

    occasion: Occasion
    at: datetime
    findings: tuple[Finding, ...]


def keep(session: Session, issue: Issue, occasion: Occasion, found: Sequence[Finding], now: datetime) -> None:
    """Store a report in the place of the one before of the same occasion."""
    assert issue.id is not None
    session.exec(
        delete(PreflightReport).where(
            col(PreflightReport.issue_id) == issue.id, col(PreflightReport.occasion) == occasion
        )
    )
    session.add(
        PreflightReport(issue_id=issue.id, occasion=occasion, at=now, findings=[asdict(finding) for finding in found])
    )


def of(session: Session, issue: Issue) -> list[Report]:
    """The reports of an issue, the newest first."""
    rows = session.exec(
        select(PreflightReport)
        .where(PreflightReport.issue_id == issue.id)
        .order_by(col(PreflightReport.at).desc(), col(PreflightReport.id).desc())
    )
    return [
        Report(
            Occasion(row.occasion),
            row.at,
            tuple(Finding(f["rule"], Level(f["level"]), f["message"], f["where"]) for f in row.findings),
        )
        for row in rows
    ]
