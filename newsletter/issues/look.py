"""How config.toml dresses an issue: its design, font, logo, sponsor. Pictures beside the file become media."""

from newsletter import links
from newsletter.config import Config, Newsletter
from newsletter.errors import ConfigError, FetchError
from newsletter.issues.contents import Logo, Look, Sponsor
from newsletter.sources import pictures


def look_of(config: Config, newsletter: Newsletter) -> Look:
    """The newsletter's design. Raises ConfigError for a logo that is not there."""
    logo = newsletter.logo
    if logo is None:
        return Look(newsletter.design, newsletter.font)
    url = _address(config, logo.src, "logo.src")
    return Look(newsletter.design, newsletter.font, Logo(url, logo.alt or newsletter.title, logo.width))


def sponsor_of(config: Config, newsletter: Newsletter) -> Sponsor | None:
    """The sponsor of every issue, if there is one. Raises ConfigError for a picture that is not there."""
    slot = newsletter.sponsor
    if slot is None:
        return None
    image = _address(config, slot.image, "sponsor.image") if slot.image else ""
    return Sponsor(slot.label, slot.text, slot.url, image, slot.image_alt)


def _address(config: Config, source: str, key: str) -> str:
    """A picture's web address, as it is or of our own copy of the file."""
    if source.startswith(("https://", "http://")):
        return source
    beside = config.folder / "config.toml"
    try:
        stored = pictures.store(
            source, beside, config.folder, config.site.media_dir, max_bytes=config.collecting.max_bytes
        )
    except FetchError as error:
        raise ConfigError(f"newsletters.{key}: {str(error).replace('the article', 'config.toml')}.") from error
    return links.media(config.site, stored)
