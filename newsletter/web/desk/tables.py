"""Tables for spreadsheets: streamed, and no cell is a formula to whoever opens them (OWASP, CSV injection)."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

from fastapi.responses import StreamingResponse

from newsletter.web.desk.frame import HEADERS
from subscribers import transfer

LINES = 500  # written at once


def csv_answer(name: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingResponse:
    """NAME.csv to keep, out of rows that are read while they are written."""
    return download(f"{name}.csv", "text/csv; charset=utf-8", _lines(headings, rows))


def download(name: str, kind: str, parts: Iterable[str]) -> StreamingResponse:
    """A file to keep, part by part. `name` is ours: letters, digits, dots and hyphens."""
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(parts, media_type=kind, headers=headers)


def _lines(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(headings)
    for number, row in enumerate(rows, start=1):
        writer.writerow([transfer.defused(str(cell)) if cell is not None else "" for cell in row])
        if number % LINES == 0:
            yield _emptied(out)
    yield _emptied(out)


def _emptied(out: StringIO) -> str:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text
