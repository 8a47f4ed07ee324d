"""What mail programs lack, by the data of caniemail.com: read, reduced to what a check needs, and held against a mail.

`client-support.json` beside this file is made from that data by `reduced` and carries its date and licence. A project
may have a newer one beside its config.toml; `newsletter check --update-data` makes it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newsletter.errors import ConfigError

FILE = "client-support.json"
SHIPPED = Path(__file__).parent / FILE
LICENCE = (
    "MIT, Copyright (c) 2019 HTeuMeuLeu; the terms stand in caniemail.LICENSE. Reduced to features that one of these "
    "programs lacks."
)
CLIENTS = {
    "gmail.desktop-webmail": "Gmail (web)",
    "gmail.ios": "Gmail (iOS)",
    "gmail.android": "Gmail (Android)",
    "outlook.windows": "Outlook (Windows)",
    "outlook.outlook-com": "Outlook (new and web)",
    "apple-mail.macos": "Apple Mail (macOS)",
    "apple-mail.ios": "Apple Mail (iOS)",
    "yahoo.desktop-webmail": "Yahoo (web)",
    "yahoo.ios": "Yahoo (iOS)",
    "yahoo.android": "Yahoo (Android)",
}
_NAME = re.compile(r"[a-z-]+")
_SELECTORS = {
    "css-selector-adjacent-sibling": "+",
    "css-selector-general-sibling": "~",
    "css-selector-child": ">",
    "css-selector-universal": "*",
    "css-selector-attribute": "[",
}
_PROPERTIES = {  # those whose titles name several
    "css-block-inline-size": "block-size inline-size",
    "css-border-inline-block": "border-inline border-block",
    "css-color-scheme": "color-scheme",
    "css-column-layout-properties": "columns column-width column-rule column-fill column-span",
    "css-gap": "gap column-gap row-gap",
    "css-grid-template": "grid-template grid-template-areas grid-template-columns grid-template-rows",
    "css-left-right-top-bottom": "left right top bottom",
    "css-margin-block-start-end": "margin-block-start margin-block-end",
    "css-margin-inline-block": "margin-inline margin-block",
    "css-margin-inline-start-end": "margin-inline-start margin-inline-end",
    "css-padding-block-start-end": "padding-block-start padding-block-end",
    "css-padding-inline-block": "padding-inline padding-block",
    "css-padding-inline-start-end": "padding-inline-start padding-inline-end",
}
_KEYWORDS = {
    "css-intrinsic-size": "fit-content min-content max-content",
    "css-sytem-ui": "system-ui ui-serif ui-sans-serif ui-rounded ui-monospace",
}
_ATTRIBUTES = {"html-srcset": "srcset sizes"}
_ELEMENTS = {
    "html-svg": "svg",
    "html-image-maps": "map area",
    "html-semantics": "article aside details figcaption figure footer header main mark nav section summary time",
}
_BY_SLUG = ((_PROPERTIES, "property"), (_KEYWORDS, "keyword"), (_ATTRIBUTES, "attribute"), (_ELEMENTS, "element"))


@dataclass(frozen=True)
class Feature:
    """One thing that a mail may use.

    `kind` says where it is looked for: element, attribute, property, pair (of property and value), keyword (in values),
    function, unit, at-rule, pseudo, selector, image; `names` says what is looked for there.
    """

    slug: str
    title: str
    kind: str
    names: tuple[str, ...]
    lacking: tuple[str, ...]  # names of CLIENTS


@dataclass(frozen=True)
class Support:
    """The data, with the day it is of."""

    date: str
    features: tuple[Feature, ...]


def load(folder: Path | None = None) -> Support:
    """The project's own data in `folder`, if there is such a file, else ours. ConfigError if it can't be read."""
    own = folder / FILE if folder else None
    file = own if own and own.is_file() else SHIPPED
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        features = tuple(
            Feature(f["slug"], f["title"], f["kind"], tuple(f["names"]), tuple(f["lacking"])) for f in data["features"]
        )
        return Support(data["date"], features)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ConfigError(
            f"{file} is no data of mail programs: make it anew with `newsletter check --update-data`."
        ) from error


def update(source: Path, folder: Path) -> Support:
    """Make `folder`'s own data from caniemail's file at `source`. ConfigError if that is something else."""
    if not source.is_file():
        raise ConfigError(f"There is no file {source}; download https://www.caniemail.com/api/data.json and name that.")
    try:
        made = reduced(json.loads(source.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{source} is not caniemail's data: download https://www.caniemail.com/api/data.json and name that file."
        ) from error
    (folder / FILE).write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return load(folder)


def reduced(data: dict[str, Any]) -> dict[str, Any]:
    """caniemail's data → ours: features that one of CLIENTS lacks and that can be seen in a mail."""
    features = [feature for entry in data["data"] if (feature := _feature(entry))]
    if not features:
        raise LookupError("no features")
    return {
        "from": "https://www.caniemail.com",
        "date": str(data["last_update_date"])[:10],
        "licence": LICENCE,
        "features": sorted(features, key=lambda feature: str(feature["slug"])),
    }


def _feature(entry: dict[str, Any]) -> dict[str, Any] | None:
    lacking = [name for client, name in CLIENTS.items() if _newest(entry["stats"], client).startswith("n")]
    seen = next(_looked_for(entry["slug"], entry["title"].strip()), None)
    if not lacking or seen is None:
        return None
    kind, names = seen
    return {"slug": entry["slug"], "title": entry["title"].strip(), "kind": kind, "names": names, "lacking": lacking}


def _newest(stats: dict[str, Any], client: str) -> str:
    """What the newest version that was tested can do: "y", "a #1" (partly), "n", "u" (unknown), or ""."""
    family, platform = client.split(".")
    versions = stats.get(family, {}).get(platform, {})
    return str(list(versions.values())[-1]) if versions else ""


def _looked_for(slug: str, title: str) -> Iterator[tuple[str, list[str]]]:
    """Where and by which names a feature is seen in a mail; nothing for one that can't be seen."""
    category = slug.partition("-")[0]
    for known, kind in _BY_SLUG:
        if slug in known:
            yield kind, known[slug].split()
    if slug in _SELECTORS:
        yield "selector", [_SELECTORS[slug]]
    if category == "image":
        yield "image", [slug.removeprefix("image-")]
    if category == "html":
        yield from _of_html(title)
    if category == "css":
        yield from _of_css(title)


def _of_html(title: str) -> Iterator[tuple[str, list[str]]]:
    if match := re.fullmatch(r"<([a-z]+)>(?: element)?", title):
        yield "element", [match[1]]
    if match := re.fullmatch(r"<([a-z]+) type=\"([a-z]+)\"> element", title):
        yield "element", [f"{match[1]}[{match[2]}]"]
    if match := re.fullmatch(r"([a-z-]+) attribute", title):
        yield "attribute", [match[1]]


def _of_css(title: str) -> Iterator[tuple[str, list[str]]]:
    plain = re.sub(r" (?:property|shorthand|CSS property)$", "", title)
    if _NAME.fullmatch(plain):
        yield "property", [plain]
    if match := re.fullmatch(r"([a-z-]+):\s*([a-z-]+)", title):
        yield "pair", [f"{match[1]}:{match[2]}"]
    if functions := re.findall(r"\b([a-z-]+)\(\)", title):
        yield "function", functions
    if match := re.fullmatch(r"(?:CSS )?([a-z-]+)(?:\(\) function)", title):
        yield "function", [match[1]]
    if title.startswith("CSS Variables"):
        yield "function", ["var"]
    if title.endswith(" unit"):
        yield "unit", [title.removesuffix(" unit")]
    if title.startswith("@"):
        yield "at-rule", re.findall(r"@[a-z-]+(?: \([a-z-]+\))?", title)
    if title.startswith(":"):
        yield "pseudo", [title.removesuffix("()")]
