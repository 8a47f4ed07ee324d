"""The audit: every act at the desk, page by page. For admins alone."""

from fastapi import Request, Response

from newsletter.editors import accounts, audit
from newsletter.web.dependencies import ReadingDep
from newsletter.web.desk.door import EditorDep
from newsletter.web.desk.frame import desk_page

A_PAGE = 50


def page(
    request: Request, session: ReadingDep, editor: EditorDep, before: int | None = None, who: str = ""
) -> Response:
    """The newest acts, or those before the one of that number; of one person if `who` is named."""
    entries = audit.page(session, before=before, who=who, size=A_PAGE + 1)
    older = entries[A_PAGE - 1].id if len(entries) > A_PAGE else None
    names = [one.name for one in accounts.everybody(session)]
    return desk_page(
        request, editor, "audit", entries=entries[:A_PAGE], older=older, is_first=before is None, who=who, names=names
    )
