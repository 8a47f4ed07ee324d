"""Other people's pictures, brought home: fetched once, scaled, measured; what can't be had is said with its reason."""

from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from newsletter.config import Collecting, Site
from newsletter.database import Database
from newsletter.sources import hosting
from newsletter.sources.hosting import Wanted
from newsletter.sources.models import Picture
from tests.builders import NOW
from tests.fakes import FeedServer

LOOPBACK = Collecting(private_networks=("127.0.0.1/32",), timeout_seconds=60, max_bytes=4_000_000)


def a_picture(width: int = 1800, height: int = 1200, kind: str = "JPEG") -> bytes:
    out = BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(out, kind)
    return out.getvalue()


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(name="Post", url="https://post.example.com", postal_address="1 Quay", media_dir=tmp_path / "media")


def host(database: Database, site: Site, *addresses: str, copy: bool = True) -> dict[str, Picture]:
    """Host the pictures at these addresses and return what is known of them."""
    wanted = [Wanted(address, int(address.split(":")[2].split("/")[0])) for address in addresses]
    hosting.host(database, site, LOOPBACK, wanted, NOW, copy=copy)
    with database.reading() as session:
        return dict(hosting.of(session, addresses))


def test_a_picture_is_scaled_stored_and_measured(database: Database, site: Site, server: FeedServer):
    """At most 1200 wide, named by its own bytes, and small."""
    address = server.serve("/ferry.jpg", a_picture())
    known = host(database, site, address)[address]
    assert (known.width, known.height, known.why) == (1200, 800, "")
    place = site.media_dir / known.file.removeprefix("media/")
    with Image.open(place) as opened:
        assert opened.size == (1200, 800)
    assert place.stat().st_size < 250_000


def test_what_is_here_is_not_fetched_again(database: Database, site: Site, server: FeedServer):
    """A draft made anew asks nobody; a file that was lost is fetched again."""
    address = server.serve("/ferry.jpg", a_picture())
    first = host(database, site, address)[address]
    host(database, site, address)
    assert len(server.asked) == 1
    (site.media_dir / first.file.removeprefix("media/")).unlink()
    again = host(database, site, address)[address]
    assert len(server.asked) == 2
    assert again.file == first.file
    assert (site.media_dir / again.file.removeprefix("media/")).exists()


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 404, "404"),
        (b"<html>no picture</html>", 200, "broken, or no JPEG"),
        (a_picture()[:900], 200, "broken"),
        (a_picture(1, 1), 200, "1 × 1 pixels, too few to show"),
        (a_picture(90, 400), 200, "90 × 400 pixels"),
        (b"x" * 4_000_001, 200, "larger than 4,000,000 bytes"),
    ],
)
def test_a_picture_that_can_not_be_had_says_why(
    body: bytes, status: int, says: str, database: Database, site: Site, server: FeedServer
):
    """Gone, no picture, cut short, a counter of readers, too large: its story does without."""
    address = server.serve("/x.jpg", body, status=status)
    known = host(database, site, address)[address]
    assert says in known.why
    assert (known.file, site.media_dir.exists()) == ("", False)


def test_one_that_failed_is_tried_again(database: Database, site: Site, server: FeedServer):
    """The server was down at half past five; at six it is up."""
    address = server.serve("/x.jpg", b"", status=503)
    assert host(database, site, address)[address].why
    server.serve("/x.jpg", a_picture())
    known = host(database, site, address)[address]
    assert (known.why, known.width) == ("", 1200)


def test_private_networks_stay_closed(database: Database, site: Site, server: FeedServer):
    """A feed may name any address; a picture of the machine next door is not fetched."""
    address = server.serve("/x.jpg", a_picture())
    hosting.host(database, site, Collecting(timeout_seconds=60), [Wanted(address)], NOW, copy=True)
    with database.reading() as session:
        assert hosting.of(session, [address])[address].why
    assert server.asked == []


def test_a_linked_picture_is_measured_and_not_kept(database: Database, site: Site, server: FeedServer):
    """`images = "link"` shows it from where it is, but its size is known."""
    address = server.serve("/ferry.jpg", a_picture(600, 400))
    known = host(database, site, address, copy=False)[address]
    assert (known.width, known.height, known.file) == (600, 400, "")
    assert not site.media_dir.exists()
    assert host(database, site, address)[address].file.startswith("media/")


def test_a_folders_picture_is_measured_where_it_lies(database: Database, site: Site):
    """It was stored when the article was collected."""
    site.media_dir.mkdir()
    (site.media_dir / "ab12.jpg").write_bytes(a_picture(1200, 600))
    hosting.host(database, site, LOOPBACK, [Wanted("media/ab12.jpg")], NOW, copy=True)
    with database.reading() as session:
        known = hosting.of(session, ["media/ab12.jpg"])["media/ab12.jpg"]
    assert (known.file, known.width, known.height) == ("media/ab12.jpg", 1200, 600)


def test_a_slow_server_holds_nobody_up(sqlite: Database, site: Site, server: FeedServer):
    """Each picture has its own seconds, and they run side by side."""
    slow = [server.serve(f"/{n}.jpg", a_picture(), drip=0.5) for n in range(4)]
    fast = server.serve("/fast.jpg", a_picture())
    bounds = LOOPBACK.model_copy(update={"timeout_seconds": 4.0})  # enough for the fast one on a busy machine
    port = int(fast.split(":")[2].split("/")[0])
    hosting.host(sqlite, site, bounds, [Wanted(a, port) for a in (*slow, fast)], NOW + timedelta(1), copy=True)
    with sqlite.reading() as session:
        known = hosting.of(session, [*slow, fast])
    assert [bool(known[address].why) for address in (*slow, fast)] == [True] * 4 + [False]
