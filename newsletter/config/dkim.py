"""The tables [[dkim]]: which key signs the mail of which domain."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from newsletter.config.section import Section
from newsletter.config.words import Domain, like

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"


class DkimKey(Section):
    """A key that signs mail whose From is of `domain` or below it; the DNS has its public half under `selector`."""

    domain: Domain
    selector: Annotated[str, like(rf"{_LABEL}(\.{_LABEL})*", "letters, digits and -, such as mail2026")]
    key_file: Path = Field(strict=False)

    def fits(self, domain: str) -> bool:
        """Whether mail from `domain` may carry its signature, so that DMARC calls the two aligned (RFC 9989)."""
        return f".{domain}".endswith(f".{self.domain}")
