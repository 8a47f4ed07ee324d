"""Tables that stack on a phone: each cell is told the heading of its column, which CSS then sets beside it. Pure."""

import re

_TABLE = re.compile(r'(<div class="table\b[^>]*>.*?<thead>)(.*?)(</thead>)(.*?)(</table>)', re.DOTALL)
_HEADING = re.compile(r"<th\b[^>]*>(.*?)</th>", re.DOTALL)
_ROW = re.compile(r"<tr\b.*?</tr>", re.DOTALL)
_CELL = re.compile(r"<(td|th)\b")
_TAG = re.compile(r"<[^>]*>")


def labelled(html: str) -> str:
    """`html` with a data-label in each cell of the tables in a `div.table`.

    None where a heading is for ears alone, in a row's own heading, or where cells are joined. Only our templates have
    tags: a stranger's words are escaped already.
    """
    return _TABLE.sub(_table, html) if "<thead>" in html else html


def _table(found: re.Match[str]) -> str:
    before, head, middle, body, after = found.groups()
    labels = [_words(heading) for heading in _HEADING.findall(head)]
    return f"{before}{head}{middle}{_ROW.sub(lambda row: _row(row[0], labels), body)}{after}"


def _row(row: str, labels: list[str]) -> str:
    if "colspan" in row:
        return row
    waiting = iter(labels)

    def cell(found: re.Match[str]) -> str:
        label = next(waiting, "")
        return f'<{found[1]} data-label="{label}"' if label and found[1] == "td" else found[0]

    return _CELL.sub(cell, row)


def _words(heading: str) -> str:
    if "off-page" in heading:
        return ""
    return " ".join(_TAG.sub(" ", heading).split()).replace('"', "&quot;")
