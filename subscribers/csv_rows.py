"""A file of people as other programs write it → rows: its encoding, delimiter and columns are found, not asked for.

Understood are Excel, LibreOffice, Google and the well-known newsletter services: commas, semicolons, tabs or bars;
UTF-8 with or without a mark, UTF-16, or what the bytes show; a `sep=;` line; a header in any order, or none.
Rows come one by one, so the file may be of any size; a row that can't be read is a Fault, and the others go on.
"""

import csv
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from subscribers.address import parse
from subscribers.errors import BadFile, NotAnAddress

SAMPLE_BYTES = 200_000
DELIMITERS = ",;\t|"
CODE_PAGES = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"]
FIELDS = {  # what a heading means, written in small letters and digits only; the first one found wins
    "email": (
        "email",
        "emailaddress",
        "mail",
        "emailadresse",
        "email1value",
        "subscriberemail",
        "correo",
        "correoelectrónico",
        "correoelectronico",
        "adresseemail",
        "adressemail",
        "courriel",
        "mailadresse",
        "address",
        "subscriber",
    ),
    "name": ("name", "fullname", "displayname", "subscribername", "yourname"),
    "first": ("firstname", "first", "givenname", "fname", "vorname", "prénom", "prenom", "nombre"),
    "last": ("lastname", "last", "surname", "familyname", "lname", "nachname", "nom", "apellidos", "apellido"),
    "status": (
        *("status", "state", "subscriptionstatus", "memberstatus", "emailstatus", "subscribed", "subscribertype"),
        *("subscribedtoemails", "globalstatus", "emailmarketingconsent", "optinstatus"),
        *("acceptsemailmarketing", "acceptsmarketing"),
    ),
    "permission": ("emailpermissionstatus",),  # Constant Contact's: beside a status, or alone
    "left": (  # a time or a yes there: that person has left
        *("unsubtime", "cleantime", "unsubscribedat", "unsubscribedate", "unsubscribed", "optouttime", "optedout"),
        "isunsubscribed",
        *("emailblacklisted", "blacklisted", "blocklisted", "emailblocklisted", "blocklistedemail"),
        *("blacklist", "blocklist", "emailblacklist", "emailblocklist", "emaildisabled", "unsubscriptiondate"),
        *("unsubscribedfromall", "unsubscribedfromallemail", "unsubscribedon", "unsubscribetime", "deletedat"),
        *("optoutdate", "confirmedoptoutdate", "deactivated", "abgemeldet", "abgemeldetam", "abmeldedatum"),
        *("désinscritle", "datededésinscription", "fechadebaja"),
    ),
    "until": ("pauseduntil",),
}
NOT_LEFT = (
    *("", "no", "false", "0", "n", "null", "none", "never", "nein", "non", "-", "n/a"),
    *("0000-00-00", "0000-00-00 00:00:00"),
)
PERMITS = {"implied", "implicit", "express", "expressed", "explicit", "confirmed", "confirmed opt-in", "active"}
PERMITS_NOT_YET = {
    *("pending", "pending confirmation", "awaiting confirmation", "not set", "no permission set", "no permissions set"),
    *("temp hold", "temporary hold"),
}
OF_A_PLACE = {
    "city",
    "zip",
    "zipcode",
    "postalcode",
    "postcode",
    "country",
    "street",
}  # beside these a state is one too


@dataclass(frozen=True)
class Layout:
    """How a file is written: where each known field stands, and how many lines come before the first row."""

    encoding: str
    delimiter: str
    columns: dict[str, int]
    skipped_lines: int
    headings: tuple[str, ...] = ()  # the first line's words, if it is a header
    also: tuple[int, ...] = ()  # further columns that may say of somebody that they have left

    @property
    def mapping(self) -> dict[str, str]:
        """Which of our fields is read from which column: by its heading, or by its number from 1."""
        numbers = {field: str(index + 1) for field, index in self.columns.items()}
        found = {field: self.headings[self.columns[field]] if self.headings else n for field, n in numbers.items()}
        return found | {f"left ({n})": self.headings[index] for n, index in enumerate(self.also, 2)}


# One person as the file has them: the number of the row's first line, address, name, status, paused until. A plain
# tuple is made in a quarter of the time of one with names.
Row = tuple[int, str, str, str, str]


class Fault(NamedTuple):
    """A row that can't be read, and why."""

    line: int
    why: str


def layout_of(path: Path) -> Layout:
    """How the file at `path` is written. Raises BadFile where no column of addresses is to be found."""
    try:
        encoding = _encoding_of(path)
        with path.open(encoding=encoding, errors="replace", newline="") as file:
            sample = file.read(SAMPLE_BYTES)
    except OSError as error:
        raise BadFile(f"{path} can't be read: {error.strerror}.") from error
    if not sample.strip():
        raise BadFile(f"{path.name} is empty.")
    told = sample[4] if sample[:4].lower() == "sep=" and len(sample) > 4 else ""  # Excel's own first line
    body = sample.split("\n", 1)[-1] if told else sample
    candidates = [(d, _first_record(body, d)) for d in (told or DELIMITERS)]
    delimiter, first = max(candidates, key=lambda c: ("email" in _columns(c[1]), len(c[1])))
    columns = _columns(first)
    if "email" in columns:
        skipped = _lines_of_first_record(body, delimiter) + bool(told)
        headings = tuple(" ".join(h.split()) for h in first)
        return Layout(encoding, delimiter, columns, skipped, headings, _also_of_leaving(first, columns))
    columns = _columns_without_header(first)
    if "email" not in columns:
        said = ", ".join(cell.strip() for cell in first)[:200]
        raise BadFile(f"{path.name} has no column of addresses. Name one “email”; its first line says: {said}")
    return Layout(encoding, delimiter, columns, int(bool(told)))


def rows_of(path: Path, layout: Layout) -> Iterator[Row | Fault]:
    """Every row of the file but its header and its empty lines, in order."""
    with path.open(encoding=layout.encoding, errors="replace", newline="") as file:
        reader = csv.reader(file, delimiter=layout.delimiter)
        width = max(*layout.columns.values(), *layout.also, 0) + 1
        missing = [""] * width  # a row may end early
        person = _person_of(layout)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Fault(line, f"this row can't be read ({error}): is a quotation mark never closed?")
                continue
            if line > layout.skipped_lines and (text := "".join(cells)) and not text.isspace():
                plain = [_undefused(cell) for cell in cells] if "'" in text else list(map(str.strip, cells))
                yield person(line, plain if len(plain) >= width else plain + missing)


def _person_of(layout: Layout) -> Callable[[int, list[str]], Row]:
    """What makes a Row of a line's cells, which have no spaces around them. It looks at no column that the file does
    not have: a million rows wait."""
    email, first, last, name, status, until, left = (
        layout.columns.get(field, -1) for field in ("email", "first", "last", "name", "status", "until", "left")
    )

    also = layout.also
    if first < 0 <= last:
        first, name = name, -1  # beside a last name, “name” is the first one (MailerLite)

    def name_in(cells: list[str]) -> str:
        if name >= 0 and (whole := cells[name]):
            return whole
        given = cells[first] if first >= 0 else ""
        family = cells[last] if last >= 0 else ""
        return f"{given} {family}" if given and family else given or family

    def person(line: int, cells: list[str]) -> Row:
        has_left = left >= 0 and cells[left].casefold() not in NOT_LEFT
        if also and not has_left:
            has_left = any(cells[one].casefold() not in NOT_LEFT for one in also)
        said = cells[status] if status >= 0 else ""
        paused = cells[until] if until >= 0 else ""
        return line, cells[email], name_in(cells), "unsubscribed" if has_left else said, paused

    return person if layout.columns.get("permission", -1) < 0 else _permitted(person, layout)


def _permitted(person: Callable[[int, list[str]], Row], layout: Layout) -> Callable[[int, list[str]], Row]:
    """The same where permission has a column of its own: a reader is who has both. Who has neither a status nor a
    permission gets nothing there (an event's guest, say), and has not confirmed."""
    place, without_status = layout.columns["permission"], "" if "status" in layout.columns else "active"

    def permitted(line: int, cells: list[str]) -> Row:
        _, email, name, said, until = person(line, cells)
        words = [" ".join(text.casefold().split()) for text in (said, cells[place])]
        if words[0] == "unsubscribed":
            pass
        elif PERMITS_NOT_YET.intersection(words):
            said = "pending"
        elif words[1] in PERMITS:
            said = said or without_status or "pending"
        else:
            said = cells[place] or said or "pending"  # it has left, or says what we don't know
        return line, email, name, said, until

    return permitted


_DEFUSED = ("'=", "'+", "'-", "'@")


def _undefused(cell: str) -> str:
    """Without spaces around it, and without the ' that our own export puts before what a spreadsheet would run."""
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text.startswith(_DEFUSED) else text


def _columns(headings: Sequence[str]) -> dict[str, int]:
    plain = _plain_headings(headings)
    found = {field: plain.index(name) for field, names in FIELDS.items() for name in reversed(names) if name in plain}
    if {"type", "creationdate"} <= set(plain):  # Buttondown's; elsewhere a type is anything
        found.setdefault("status", plain.index("type"))
    if found.get("status") is not None and plain[found["status"]] == "state" and OF_A_PLACE & set(plain):
        del found["status"]
    return found


def _also_of_leaving(headings: Sequence[str], columns: dict[str, int]) -> tuple[int, ...]:
    """One service has a column for each way out; a word in any of them counts."""
    plain = _plain_headings(headings)
    return tuple(n for n, name in enumerate(plain) if name in FIELDS["left"] and n != columns.get("left"))


def _plain_headings(headings: Sequence[str]) -> list[str]:
    return ["".join(c for c in heading.casefold() if c.isalnum()) for heading in headings]


def _columns_without_header(cells: Sequence[str]) -> dict[str, int]:
    """Where the address stands in a file that begins with its first person; of two columns the other is the name."""
    for index, cell in enumerate(cells):
        try:
            parse(cell)
        except NotAnAddress:
            continue
        return {"email": index, "name": 1 - index} if len(cells) == 2 else {"email": index}
    return {}


def _first_record(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []


def _lines_of_first_record(text: str, delimiter: str) -> int:
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter)
    next(reader, None)
    return reader.line_num


def _encoding_of(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
        if head.startswith(BOM_UTF8):
            return "utf-8-sig"
        if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            return "utf-16"
        if b"\0" in head:
            return "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
        file.seek(0)
        decoder = getincrementaldecoder("utf-8")()
        try:
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return _code_page_of(head)
    return "utf-8"


def _code_page_of(sample: bytes) -> str:
    """Which of the code pages that spreadsheets still write; the western one wherever it is as likely as another."""
    from charset_normalizer import from_bytes  # slow to import, and most files are UTF-8

    matches = from_bytes(sample, cp_isolation=CODE_PAGES)
    best = matches.best()
    if best is None or any("cp1252" in m.could_be_from_charset for m in matches if m.chaos <= best.chaos):
        return "cp1252"
    return best.encoding
