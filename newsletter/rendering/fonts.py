"""The families that a mail asks for: web-safe ones, for a mail may fetch none. Pure."""

from markupsafe import Markup

SERIF = "Georgia, Gelasio, Charter, 'Times New Roman', serif"
SANS = "'Helvetica Neue', Helvetica, Arial, sans-serif"
_NAMED = {"serif": SERIF, "sans": SANS}
_GENERIC = ("serif", "sans-serif", "monospace", "cursive", "fantasy", "system-ui")


def families(font: str, design: str) -> Markup:
    """A font-family for CSS: `font` is "serif", "sans", a list of families, or "" for the `design`'s own ("serif").

    A list that names no generic family at its end is followed by what every mail program has.
    """
    wanted = font.strip(" ,") or design
    if wanted in _NAMED:
        return Markup(_NAMED[wanted])  # noqa: S704 - ours
    names = [name.strip(" '\"") for name in wanted.split(",")]
    listed = ", ".join(f"'{name}'" if " " in name else name for name in names if name)
    # config.toml lets only letters, digits, spaces, quotes and hyphens through
    return Markup(listed if names[-1] in _GENERIC else f"{listed}, {_NAMED.get(design, SERIF)}")  # noqa: S704
