"""Stories that want a subscription are marked as such."""

import pytest

from newsletter.issues.chosen import wants_subscription
from tests.builders import CONFIG, a_config, an_article


@pytest.mark.parametrize(("page_says", "config_says"), [(True, False), (False, True), (True, True)])
def test_the_page_or_the_config_says_that_it_costs(page_says: bool, config_says: bool) -> None:
    """A page knows best of itself; of one that keeps quiet about it, the publisher knows."""
    config = a_config(CONFIG.replace('name = "city-desk"', f'name = "city-desk"\npaid = {str(config_says).lower()}'))
    assert wants_subscription(config, an_article(is_paid=page_says))


def test_all_else_is_free_to_read() -> None:
    """Also an article whose source the config has no more."""
    assert not wants_subscription(a_config(), an_article())
    assert not wants_subscription(a_config(), an_article(source="gone"))
