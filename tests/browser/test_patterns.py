"""Every component in every state: under axe, at both widths, light and dark, down to 320 pixels."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Browse, Check

pytestmark = pytest.mark.urls("tests.urls_with_patterns")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_components(browse: Browse, axe: Check, fits: Check, size: str, scheme: str) -> None:
    page = browse(size=size, scheme=scheme)
    page.goto("/patterns/")
    axe(page)
    fits(page)


def test_components_on_the_narrowest_phone(browse: Browse, fits: Check) -> None:
    page = browse(size="phone")
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto("/patterns/")
    fits(page)
