"""Today: what each newsletter is about to do."""

from fastapi import Request, Response

from newsletter.web.desk.door import EditorDep
from newsletter.web.desk.frame import desk_page


def page(request: Request, editor: EditorDep) -> Response:
    """One screen per newsletter."""
    return desk_page(request, editor, "today")
