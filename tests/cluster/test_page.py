"""The page on a real cluster, for somebody with rights in one namespace: who it is, where, a look, an observation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.async_api import expect

from browsing import a_browser, a_page, row
from cluster.kubectl import Kubectl

DEFINITION = Path(__file__).parents[2] / "definitions" / "03-any-language"
POD_MS = 120_000
"""Patience with a pod on a busy machine."""


async def test_somebody_of_one_namespace_looks_and_observes(
    server: str, kubectl: Kubectl, token_file: Path, claim: Callable[[str], Path]
) -> None:
    (claim("any-language-data") / "prices.csv").write_text("item,price\ntea,2.50\ncup,4.00\n")
    kubectl.apply_files(DEFINITION)
    token = token_file.read_text()  # noqa: ASYNC240  # a small file, and nobody else waits
    async with a_browser() as browser, a_page(browser, server) as page:
        await page.goto("/")
        await page.get_by_label("Token", exact=True).fill(token)
        await page.get_by_role("button", name="Go on").click()
        await expect(page.get_by_role("alert")).to_contain_text("may not list assets")
        await page.get_by_role("alert").get_by_label("Namespace").fill(kubectl.namespace)
        await page.keyboard.press("Enter")
        await expect(row(page, "prices")).to_contain_text("Never observed", timeout=POD_MS)
        await expect(page.get_by_text("Live", exact=True)).to_be_visible()
        await row(page, "prices").get_by_role("link", name="prices", exact=True).click()
        await page.get_by_role("button", name="Observe").click()
        await expect(page.locator(".asked")).to_contain_text("Done", timeout=POD_MS)
        await page.get_by_role("link", name="Activity").click()
        await expect(page.get_by_role("row").filter(has_text="Observation")).to_have_count(1)
        await page.get_by_role("link", name="Graph").click()
        await expect(page.get_by_role("button", name="Observe sources")).to_be_visible()
        await expect(page.locator(".node-True", has_text="total")).to_be_visible(timeout=POD_MS)
