"""What tests of the sources share: a web server on loopback."""

from collections.abc import Iterator

import pytest

from tests.fakes import FeedServer


@pytest.fixture
def server() -> Iterator[FeedServer]:
    """A web server on 127.0.0.1."""
    with FeedServer() as running:
        yield running
