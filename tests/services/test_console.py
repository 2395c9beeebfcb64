"""What a person sees in the console, seen by a real browser."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.lakes import LakeTemplate, recall, use
from tests.ports import free_port
from tests.services.conftest import QUIET
from tests.watermain.console.seeded import SCRIPT, SeededPlatform
from tests.watermain.console.test_asked import batch, publish
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import child_environment

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

LATE, BROKEN = "operations.curated.late_fees", "operations.curated.broken_fees"
PAGES = {
    "executive": "/",
    "on-call": "/on-call",
    "debug": f"/debug?dataset={LATE}",
    "datasets": "/datasets",
    "dataset": f"/datasets/{BROKEN}",
    "in-trouble": f"/datasets/{LATE}",
    "missing": "/datasets/operations.curated.nothing",
}
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
# The least that text may stand out from what is behind it: WCAG 2.2, level AA.
LEAST_CONTRAST = 4.5
FAINT = """least => {
  const parts = text => (text.match(/[0-9.]+/g) || [0, 0, 0, 0]).map(Number);
  const behind = element => {
    for (let each = element; each; each = each.parentElement) {
      const found = parts(getComputedStyle(each).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(c => c / 255).map(
      c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const own = element => [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  return [...document.querySelectorAll("body *")].filter(own).map(element => {
    const [one, other] = [parts(getComputedStyle(element).color), behind(element)].map(light);
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    return [contrast, element.tagName, element.className, element.textContent.trim().slice(0, 40)];
  }).filter(found => found[0] < least);
}"""
FOCUSED = """() => {
  const element = document.activeElement, style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  return {
    told: element.outerHTML.slice(0, 120), tag: element.tagName,
    seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    inside: box.width > 0 && box.right > 0 && box.left < innerWidth,
  };
}"""
REACHED = "a[href], button, input, select, summary, [tabindex='0']"


@pytest.fixture(scope="module")
def console(
    postgres: EmbeddedPostgres, empty_lake: LakeTemplate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a console over the books of a month that ends now."""
    home, now = tmp_path_factory.mktemp("seen"), datetime.now(UTC)
    empty_lake.copy(home.name, home)
    with pytest.MonkeyPatch.context() as patch:
        use(patch, home, postgres.dsn(home.name))
        recall()
        seeded = SeededPlatform(home, postgres.dsn(home.name), now)
        seeded.judged()
        seeded.troubled()
        _published(now)
        with _served() as url:
            yield url


def _published(now: datetime) -> None:
    days = [now - timedelta(days=n) for n in range(20)]
    rows = [publish(f"{day:%Y-%m-%d}", day, dataset=BROKEN) for day in days]
    caught = [batch(n, now - timedelta(hours=n), stream="operations.raw.fees") for n in range(5)]
    with Lake.from_settings().get_connection() as connection:
        ledger.append(connection, rows)
        ledger.append(connection, caught)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=QUIET)
        expect.set_options(timeout=60_000)
        yield browser
        browser.close()


class _served:
    """The service on a free port, once it has read the ledger."""

    def __enter__(self) -> str:
        port = free_port()
        command = [sys.executable, "-m", "watermain", "console", "--port", str(port)]
        self.process = subprocess.Popen(command, env=child_environment())
        url, until = f"http://127.0.0.1:{port}", time.monotonic() + 120
        while time.monotonic() < until and "The ledger was read" not in _text(f"{url}/on-call"):
            time.sleep(0.2)
        return url

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(120)


def _text(url: str) -> str:
    try:
        return httpx.get(url, timeout=60, trust_env=False).text
    except httpx.HTTPError:
        return ""


class Look:
    """One look at pages: a width, a scheme of colors; what the browser complained of."""

    def __init__(self, browser: Browser, url: str, scheme: str, size: dict[str, int]) -> None:
        words = {"color_scheme": scheme, "viewport": size}
        self.page: Page = browser.new_context(**words).new_page()  # type: ignore[arg-type]
        self.url, self.told, self.asked = url, list[str](), list[str]()
        self.page.on("console", lambda each: self.told.append(f"{each.type}: {each.text}"))
        self.page.on("pageerror", lambda error: self.told.append(str(error)))
        self.page.on("dialog", lambda dialog: self.told.append(f"dialog: {dialog.message}"))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def at(self, name: str) -> Page:
        """Go to a page."""
        self.page.goto(self.url + PAGES[name])
        expect(self.page.locator("h1")).to_be_visible()
        return self.page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_page_is_sound_in_both_schemes(
    browser: Browser, console: str, pictures: Path, name: str, scheme: str
) -> None:
    """No complaint, no text that runs, nothing from elsewhere, nothing that is hard to read."""
    look = Look(browser, console, scheme, WIDE)
    page = look.at(name)
    page.wait_for_timeout(300)
    page.screenshot(path=pictures / f"console-{name}-{scheme}.png", full_page=True)
    missing = [each for each in look.told if "404" in each]
    assert look.told == missing if name == "missing" else look.told == []
    assert all(each.startswith(f"{console}/") for each in look.asked), look.asked
    assert page.evaluate(FAINT, LEAST_CONTRAST) == []
    page.context.close()


def test_schemes_differ(browser: Browser, console: str) -> None:
    """Dark is dark, light is light: the reader's machine says which."""
    seen = []
    for scheme in ("light", "dark"):
        page = Look(browser, console, scheme, WIDE).at("executive")
        seen.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.context.close()
    assert seen == ["rgb(251, 252, 253)", "rgb(16, 22, 28)"]


@pytest.mark.parametrize("name", PAGES)
def test_page_fits_a_phone(browser: Browser, console: str, pictures: Path, name: str) -> None:
    """The page itself never scrolls sideways; a wide table does so in its frame."""
    page = Look(browser, console, "light", PHONE).at(name)
    page.wait_for_timeout(300)
    page.screenshot(path=pictures / f"console-{name}-phone.png", full_page=True)
    widths = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert widths == [390, 390]
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.context.close()


@pytest.mark.parametrize("name", PAGES)
def test_everything_is_reached_by_keyboard(browser: Browser, console: str, name: str) -> None:
    """Each thing in its turn, each time with a frame around it."""
    page = Look(browser, console, "dark", WIDE).at(name)
    count = len([each for each in page.locator(REACHED).all() if each.is_visible()])
    count -= len(
        [e for e in page.locator("details:not([open]) [tabindex]").all() if e.is_visible()]
    )
    told = []
    for _ in range(count):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        assert found["seen"], found
        assert found["inside"], found
        told.append(found)
    assert len({each["told"] for each in told}) > 3
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement === document.body"), page.evaluate(FOCUSED)
    page.context.close()


def test_first_stop_skips_to_the_page(browser: Browser, console: str) -> None:
    """It is seen once it has the focus, and leads past the links."""
    page = Look(browser, console, "light", WIDE).at("datasets")
    page.keyboard.press("Tab")
    skip = page.get_by_text("Skip to the page")
    box = skip.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.context.close()


def test_words_that_matter_are_seen(browser: Browser, console: str) -> None:
    """From what is wrong to the dataset, its verdicts, its plot."""
    look = Look(browser, console, "light", WIDE)
    page = look.at("on-call")
    expect(page.get_by_text("1 message was not delivered to oncall")).to_be_visible()
    expect(page.get_by_text(SCRIPT).first).to_be_visible()
    page.get_by_role("link", name=LATE).first.click()
    expect(page.locator("h1")).to_have_text(LATE)
    expect(page.get_by_role("heading", name="Open alerts and incidents")).to_be_visible()
    expect(page.get_by_text("burning")).to_be_visible()
    assert page.locator("td.square").count() == 28
    assert page.locator("td.square.bad").count() == 2
    assert page.locator("figure canvas").count() == 1
    page.get_by_text("Every verdict as a table").click()
    expect(page.get_by_role("cell", name="missed, and still missing").first).to_be_visible()
    page.get_by_role("link", name="Executive").click()
    expect(page.get_by_text("89.3%")).to_be_visible()
    assert page.locator("figure canvas").count() == 1
    page.get_by_role("link", name="1 datasets breached").click()
    expect(page.get_by_role("link", name=BROKEN)).to_be_visible()
    assert page.get_by_role("link", name=LATE).count() == 0
    page.context.close()


def test_form_finds_a_dataset(browser: Browser, console: str) -> None:
    """By a part of its name; by its whole name, at once."""
    page = Look(browser, console, "light", PHONE).at("datasets")
    page.get_by_label("Name").fill("broken")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("link", name=BROKEN)).to_be_visible()
    page.get_by_label("Name").fill(LATE)
    page.get_by_label("Name").press("Enter")
    expect(page.locator("h1")).to_have_text(LATE)
    page.context.close()


def test_page_says_all_without_its_script(browser: Browser, console: str) -> None:
    """The figures are a table that a plot is drawn from."""
    context = browser.new_context(java_script_enabled=False, viewport=WIDE)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(console + PAGES["dataset"])
    expect(page.locator("h1")).to_have_text(BROKEN)
    page.get_by_text("Every verdict as a table").click()
    expect(page.get_by_role("cell", name="missed, came 7 h late").first).to_be_visible()
    context.close()
