"""A file of people as other programs write it → rows: its encoding, delimiter and columns are found, not asked for.

Understood are Excel, LibreOffice, Google and the well-known newsletter services: commas, semicolons, tabs or bars;
UTF-8 with or without a mark, UTF-16, or what the bytes show; a `sep=;` line; a header in any order, or none.
Rows come some at a time, so the file may be of any size; a row that can't be read is a Fault, and the others go on.
"""

import csv
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import StringIO
from itertools import compress, islice
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
NOT_LEFT = {
    *("", "no", "false", "0", "n", "null", "none", "never", "nein", "non", "-", "n/a"),
    *("0000-00-00", "0000-00-00 00:00:00"),
}
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


class Fault(NamedTuple):
    """A row that can't be read, and why."""

    line: int
    why: str


class Rows(NamedTuple):
    """Some rows of a file, a list a column, and no spaces around any cell: a million rows wait, and a column at a time
    takes a third of the time of a row at a time."""

    lines: list[int]  # where each begins
    addresses: list[str]
    names: list[str]
    statuses: list[str]
    untils: list[str]  # paused until
    faults: list[Fault]  # the rows between them that can't be read


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


def rows_of(path: Path, layout: Layout, at_once: int) -> Iterator[Rows]:
    """Every row of the file but its header and its empty lines, in order, at most so many at once."""
    with path.open(encoding=layout.encoding, errors="replace", newline="") as file:
        reader = csv.reader(file, delimiter=layout.delimiter)
        with suppress(StopIteration, csv.Error):
            while reader.line_num < layout.skipped_lines:
                next(reader)
        line = reader.line_num + 1
        while True:
            lines: list[int] = []
            table: list[list[str]] = []
            faults: list[Fault] = []
            try:
                for cells in islice(reader, at_once):
                    lines.append(line)
                    table.append(cells)
                    line = reader.line_num + 1
            except csv.Error as error:
                faults.append(Fault(line, f"this row can't be read ({error}): is a quotation mark never closed?"))
                line = reader.line_num + 1
            if not table and not faults:
                return
            yield _people(layout, lines, table, faults)


def _people(layout: Layout, lines: list[int], table: list[list[str]], faults: list[Fault]) -> Rows:
    """What these lines' cells say of people."""
    at = layout.columns.get
    addresses = _column(table, at("email"))
    if "" in addresses and not all(some := ["".join(cells).strip() for cells in table]):  # empty lines
        return _people(layout, list(compress(lines, some)), list(compress(table, some)), faults)
    statuses = _column(table, at("status"))
    for column in (at("left"), *layout.also):
        statuses = _with_who_left(statuses, _column(table, column))
    if (permission := at("permission")) is not None:
        without = "pending" if "status" in layout.columns else "active"
        pairs = zip(statuses, _column(table, permission), strict=True)
        statuses = [_permitted(status, word, without) for status, word in pairs]
    return Rows(lines, addresses, _names(layout, table), statuses, _column(table, at("until")), faults)


def _column(table: list[list[str]], place: int | None) -> list[str]:
    """The cells in that place of each row; all are empty where the file has no such column."""
    if place is None:
        return [""] * len(table)
    try:
        cells = [row[place] for row in table]
    except IndexError:  # a row may end early
        cells = [row[place] if place < len(row) else "" for row in table]
    plain = list(map(str.strip, cells))
    return list(map(_undefused, plain)) if "'" in "".join(plain) else plain


def _with_who_left(statuses: list[str], left: list[str]) -> list[str]:
    if all(cell.casefold() in NOT_LEFT for cell in set(left)):
        return statuses
    pairs = zip(statuses, left, strict=True)
    return [status if cell.casefold() in NOT_LEFT else "unsubscribed" for status, cell in pairs]


def _permitted(status: str, permission: str, without_status: str) -> str:
    """The status where permission has a column of its own: a reader is who has both. Who has neither gets nothing there
    (an event's guest, say), and has not confirmed."""
    words = [" ".join(text.casefold().split()) for text in (status, permission)]
    if words[0] == "unsubscribed":
        return status
    if PERMITS_NOT_YET.intersection(words):
        return "pending"
    if words[1] in PERMITS:
        return status or without_status
    return permission or status or "pending"  # it has left, or says what we don't know


def _names(layout: Layout, table: list[list[str]]) -> list[str]:
    """Each person's name: as the file has it, else out of its two parts."""
    at = layout.columns.get
    first, last, name = at("first"), at("last"), at("name")
    if first is None and last is not None:
        first, name = name, None  # beside a last name, “name” is the first one (MailerLite)
    whole = _column(table, name)
    if (first is None and last is None) or all(whole):
        return whole
    parts = zip(whole, _column(table, first), _column(table, last), strict=True)
    return [name or (f"{given} {family}" if given and family else given or family) for name, given, family in parts]


_DEFUSED = ("'=", "'+", "'-", "'@")


def _undefused(cell: str) -> str:
    """Without the ' that our own export puts before what a spreadsheet would run."""
    return cell[1:] if cell.startswith(_DEFUSED) else cell


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
