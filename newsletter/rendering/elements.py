"""What MJML allows: each element's parents and attributes, as the strict check of `mjml.lint` wants them.

The engine itself checks nothing and drops in silence what it does not understand, so the table stands here. It holds
the elements of MJML 4 that work in our engine; those that do not are left out, with the reason in `UNSUPPORTED`.
"""

from dataclasses import dataclass

_PADDING = "padding padding-top padding-right padding-bottom padding-left"
_BORDER = "border border-top border-right border-bottom border-left border-radius"
_FONT = (
    "color font-family font-size font-style font-weight letter-spacing line-height text-decoration text-transform align"
)
_BACKGROUND = (
    "background-color background-url background-repeat background-size background-position "
    "background-position-x background-position-y"
)
_LINK = "href rel target title name"
_BOX = f"{_PADDING} container-background-color"
_CONTENT = frozenset({"mj-column", "mj-hero"})
_HEAD = frozenset({"mj-head"})


@dataclass(frozen=True)
class Element:
    """`parents`: where it may stand. `attributes`: its own. `holds_html`: its content is HTML, not MJML."""

    parents: frozenset[str]
    attributes: frozenset[str]
    holds_html: bool = False


def _element(parents: frozenset[str] | set[str], *attributes: str, html: bool = False) -> Element:
    return Element(frozenset(parents), frozenset(" ".join(attributes).split()), html)


ELEMENTS = {
    "mjml": _element({""}, "lang dir owa"),
    "mj-head": _element({"mjml"}),
    "mj-body": _element({"mjml"}, "background-color width"),
    "mj-title": _element(_HEAD, html=True),
    "mj-preview": _element(_HEAD, html=True),
    "mj-breakpoint": _element(_HEAD, "width"),
    "mj-font": _element(_HEAD, "name href"),
    "mj-style": _element(_HEAD, "inline", html=True),
    "mj-attributes": _element(_HEAD),
    "mj-all": _element({"mj-attributes"}, "*"),
    "mj-class": _element({"mj-attributes"}, "*"),
    "mj-raw": _element(
        {"mj-head", "mj-body", "mj-wrapper", "mj-section", "mj-group", "mj-column", "mj-hero"}, "position", html=True
    ),
    "mj-wrapper": _element(
        {"mj-body"}, _PADDING, _BORDER, _BACKGROUND, "direction full-width text-align text-padding gap"
    ),
    "mj-section": _element(
        {"mj-body", "mj-wrapper"}, _PADDING, _BORDER, _BACKGROUND, "direction full-width text-align text-padding"
    ),
    "mj-group": _element({"mj-section"}, "background-color direction vertical-align width"),
    "mj-column": _element(
        {"mj-section", "mj-group"},
        _PADDING,
        _BORDER,
        "background-color direction vertical-align width inner-background-color inner-border inner-border-radius "
        "inner-border-top inner-border-right inner-border-bottom inner-border-left",
    ),
    "mj-hero": _element(
        {"mj-body", "mj-wrapper"},
        _PADDING,
        _BACKGROUND,
        "mode height width vertical-align border-radius background-height background-width "
        "inner-background-color inner-padding container-background-color",
    ),
    "mj-text": _element(_CONTENT, _BOX, _FONT, "height vertical-align", html=True),
    "mj-table": _element(
        _CONTENT, _BOX, _FONT, "border cellpadding cellspacing role table-layout width container-width", html=True
    ),
    "mj-button": _element(
        _CONTENT,
        _BOX,
        _BORDER,
        _FONT,
        _LINK,
        "background-color height width inner-padding text-align vertical-align",
        html=True,
    ),
    "mj-image": _element(
        _CONTENT, _BOX, _BORDER, _LINK, "align alt fluid-on-mobile font-size height max-height sizes src srcset "
        "usemap width vertical-align",
    ),
    "mj-divider": _element(_CONTENT, _BOX, "align border-color border-style border-width width"),
    "mj-spacer": _element(_CONTENT, _BOX, "height"),
    "mj-social": _element(_CONTENT, _BOX, _FONT, "border-radius icon-height icon-size icon-padding inner-padding mode "
                          "table-layout text-padding"),
    "mj-social-element": _element(
        {"mj-social"}, _PADDING, _FONT, _LINK, "alt background-color border-radius icon-height icon-size icon-padding "
        "icon-position src srcset sizes text-padding vertical-align", html=True,
    ),
    "mj-navbar": _element(_CONTENT, _PADDING, "align base-url hamburger ico-align ico-open ico-close ico-color "
                          "ico-font-size ico-font-family ico-text-transform ico-padding ico-text-decoration "
                          "ico-line-height"),
    "mj-navbar-link": _element({"mj-navbar"}, _PADDING, _FONT, _LINK, html=True),
}  # fmt: skip
EVERYWHERE = frozenset({"css-class", "mj-class"})
UNSUPPORTED = {
    "mj-include": 'use {% include "…" %}',
    "mj-html-attributes": "write the attributes where they belong",
}
