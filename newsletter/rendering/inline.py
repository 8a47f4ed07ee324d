"""Our own CSS into style attributes, where mail programs that drop <style> still see it.

Only what a template writes in <mj-style inline="inline"> is inlined. MJML's resets, the media queries and the dark
colours stay as they are: premailer's defaults would strip their !important, drop the doctype and fetch links.
"""

import logging
import re
from typing import Any

from premailer import Premailer

_INLINE_STYLE = re.compile(r'<mj-style\s+inline="inline"\s*>(.*?)</mj-style>', re.DOTALL)
_MOST_SHEETS = 50
_RULES: dict[tuple[str, int], tuple[list[Any], list[Any]]] = {}
_HANDS_OFF = ' data-premailer="ignore"'


class _Inliner(Premailer):  # type: ignore[misc]  # it ships no types
    """premailer, which reads one style sheet once: an editor's preview renders the same one again and again."""

    def _parse_style_rules(self, css_body: str, ruleset_index: int) -> tuple[list[Any], list[Any]]:
        key = (css_body, ruleset_index)
        if key not in _RULES:
            if len(_RULES) > _MOST_SHEETS:
                _RULES.clear()
            _RULES[key] = super()._parse_style_rules(css_body, ruleset_index)
        rules, leftover = _RULES[key]
        return list(rules), list(leftover)


def take_out(mjml: str) -> tuple[str, str]:
    """An MJML document without its <mj-style inline="inline"> elements, and the CSS that stood in them."""
    css = "\n".join(_INLINE_STYLE.findall(mjml))
    return _INLINE_STYLE.sub("", mjml), css


def put_in(html: str, css: str) -> str:
    """`html` with `css` in its style attributes. Nothing is fetched, nothing else changes."""
    marked = re.sub(r"<style(?=[ >])", f"<style{_HANDS_OFF}", html)
    premailer = _Inliner(
        marked,
        css_text=css,
        disable_link_rewrites=True,
        allow_network=False,
        allow_loading_external_files=False,
        strip_important=False,
        keep_style_tags=False,  # css_text would be left as one more <style>; the marked ones stay in any case
        disable_validation=True,
        align_floating_images=False,
        remove_unset_properties=False,
        disable_basic_attributes=["align", "valign", "bgcolor", "width", "height"],
        cssutils_logging_level=logging.CRITICAL,
    )
    inlined = str(premailer.transform(pretty_print=False))
    return "<!doctype html>\n" + inlined.replace(_HANDS_OFF, "") + "\n"
