"""Texts of the report can be read: their contrast, light and dark, in the dialog too."""

import pytest
from browsing import PALE


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_every_text_has_the_contrast_of_level_aa(visit, colours):
    page = visit(colours=colours)
    page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    page.locator('#table1 td[data-edits="plane"]').first.click()
    page.wait_for_selector('#edits[data-ready="true"]')
    assert page.evaluate(PALE) == []
    page.evaluate("document.body.style.setProperty('--ink', 'rgb(128 128 128 / .6)')")
    assert page.evaluate(PALE) != []
