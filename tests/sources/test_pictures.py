"""A folder article's own picture: `newsletter.sources.pictures`."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from newsletter.errors import FetchError
from newsletter.sources import pictures


def a_picture(width: int = 1600, height: int = 900, mode: str = "RGB", kind: str = "JPEG", **options: object) -> bytes:
    """The bytes of a picture of one colour."""
    out = BytesIO()
    Image.new(mode, (width, height), 128 if mode in ("L", "P") else (10, 80, 120, 90)[: len(mode)]).save(
        out, kind, **options
    )
    return out.getvalue()


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A source's folder with an article in a folder of its own."""
    (tmp_path / "articles" / "deep").mkdir(parents=True)
    (tmp_path / "articles" / "deep" / "ferry.md").write_text("x")
    return tmp_path / "articles"


def store(path: str, desk: Path) -> str:
    """Store the picture that the article names so."""
    article, media = desk / "deep" / "ferry.md", desk.parent / "media"
    return pictures.store(path, article, desk, media, max_bytes=1_000_000)


def test_a_picture_is_scaled_for_mail_and_stored_by_its_content(desk: Path):
    """At most 1200 pixels wide, once, under the hash of what it was."""
    (desk / "boat.jpg").write_bytes(a_picture())
    (desk / "deep" / "same.jpg").write_bytes(a_picture())
    name = store("../boat.jpg", desk)
    assert name.startswith("media/")
    assert name.endswith(".jpg")
    assert store("same.jpg", desk) == name
    with Image.open(desk.parent / name) as stored:
        assert (stored.format, stored.size) == ("JPEG", (1200, 675))
    assert [file.name for file in (desk.parent / "media").iterdir()] == [name.removeprefix("media/")]


def test_a_small_picture_stays_small_and_a_see_through_one_a_png(desk: Path):
    """Nothing is blown up, and a logo keeps its edges."""
    (desk / "logo.png").write_bytes(a_picture(300, 200, "RGBA", "PNG"))
    with Image.open(desk.parent / store("../logo.png", desk)) as stored:
        assert (stored.format, stored.size, stored.mode) == ("PNG", (300, 200), "RGBA")


@pytest.mark.parametrize(
    ("mode", "kind"), [("L", "JPEG"), ("CMYK", "JPEG"), ("P", "GIF"), ("RGB", "WEBP"), ("1", "PNG")]
)
def test_every_usual_kind_becomes_a_jpeg(mode: str, kind: str):
    """Grey, print colours, palettes and WebP: mail programs know JPEG."""
    out = BytesIO()
    Image.new(mode, (40, 30)).save(out, kind)
    data, ending = pictures.fit_for_mail(out.getvalue())
    assert ending == "jpg"
    assert Image.open(BytesIO(data)).mode == "RGB"


def test_a_picture_is_turned_upright_and_tells_no_more_of_its_photographer():
    """EXIF says how the camera was held, and often where: the first is applied, both are gone."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data, _ = pictures.fit_for_mail(a_picture(400, 200, exif=exif))
    with Image.open(BytesIO(data)) as stored:
        assert stored.size == (200, 400)
        assert not stored.getexif()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "broken"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "broken, or no JPEG"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "broken"),
        (a_picture()[:500], "broken"),
        (b"BM" + b"\0" * 100, "broken, or no JPEG"),
    ],
)
def test_a_broken_picture_says_so(data: bytes, why: str):
    """Half a file, or another kind, is no picture."""
    with pytest.raises(FetchError, match=why):
        pictures.fit_for_mail(data)


@pytest.mark.slow
@pytest.mark.parametrize("side", [8_000, 10_000, 14_000])
def test_a_picture_of_too_many_pixels_is_not_unpacked(side: int):
    """A few kilobytes may unpack to gigabytes: the size is looked at first."""
    out = BytesIO()
    Image.new("1", (side, side)).save(out, "PNG")
    with pytest.raises(FetchError, match="pixels"):
        pictures.fit_for_mail(out.getvalue())


@pytest.mark.parametrize("path", ["../../secret.jpg", "/etc/hostname", "../link.jpg", "%2e%2e/%2e%2e/secret.jpg"])
def test_a_path_leads_to_no_file_outside_the_folder(desk: Path, path: str):
    """Neither up, nor absolute, nor escaped, nor through a link."""
    (desk.parent / "secret.jpg").write_bytes(a_picture())
    (desk / "link.jpg").symlink_to(desk.parent / "secret.jpg")
    with pytest.raises(FetchError, match="outside the source's folder"):
        store(path, desk)


@pytest.mark.parametrize("path", ["nowhere.jpg", "", ".", "a\0b", "x" * 5000, "https:boat.jpg"])
def test_a_picture_that_is_not_there_is_missed(desk: Path, path: str):
    """The article's author may have mistyped."""
    with pytest.raises(FetchError, match="there is no picture"):
        store(path, desk)


def test_a_picture_of_too_many_bytes_is_refused(desk: Path):
    """The same bound as for a feed."""
    (desk / "large.jpg").write_bytes(bytes(1_000_001))
    with pytest.raises(FetchError, match="1,000,000 bytes"):
        store("../large.jpg", desk)


def test_a_media_folder_that_takes_nothing_is_named(desk: Path):
    """The operator's disk is not the article's fault, and no reason to stop the others."""
    (desk / "boat.jpg").write_bytes(a_picture(40, 30))
    (desk.parent / "media").write_text("a file")
    with pytest.raises(FetchError, match=r"site\.media_dir"):
        store("../boat.jpg", desk)
