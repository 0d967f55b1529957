"""The page in a real browser: Debian's Chromium, headless, clicked through from opening to a blind test.

    python -m tests.page.browser                     what `make test-page` runs
    python -m tests.page.browser --shots folder      also keeps screenshots: light and dark, wide and on a phone
    python -m tests.page.browser --session folder    only measures how soon the page of that session is ready

Needs the packages chromium and chromium-driver of the system, and selenium. Beside each visit it checks that no request
leaves this machine and that the console holds no error.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from exquisite.api.generator import TileGenerator
from exquisite.contract import TileContract
from exquisite.page.jobs import Payment
from exquisite.page.review import Review
from exquisite.page.server import PageServer
from exquisite.pipeline.session import Session
from tests.support.tiny import InstantGenerator, PricedGenerator, grow, make_session

__all__ = ["main"]

SIZES = TileContract(tile_px=128, band_px=64, overlap_px=32, advance_px=32)
WIDE, PHONE = (1280, 800), (390, 844)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update",
    "--disable-background-networking", "--disable-sync", "--force-device-scale-factor=1",
)  # fmt: skip
CONTROLS = {"button", "link", "combobox", "slider", "textbox", "checkbox", "radio", "spinbutton"}
PATIENCE_S = 15.0


class Page:
    """A browser at the page of one server."""

    def __init__(self, driver: Any, server: PageServer) -> None:
        self.driver = driver
        self.server = server
        driver.get("about:blank")
        driver.get_log("performance")  # of the page that the browser itself opens with
        driver.get(server.url)
        self.wait(lambda: self.js("return performance.getEntriesByName('ready').length"), "the page is ready")

    def js(self, code: str, *arguments: object) -> Any:
        """Run `code` in the page."""
        return self.driver.execute_script(code, *arguments)

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Wait until `condition` holds; says `what` never came."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not within {PATIENCE_S:.0f} s; the page says: {self.toast}")
            time.sleep(0.05)

    @property
    def toast(self) -> str:
        """What the page said last."""
        return str(self.js("return document.getElementById('toast').textContent"))

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, wherever the focus is."""
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def click(self, selector: str) -> None:
        """Click on an element, as soon as it can be clicked on."""

        def try_click() -> bool:
            with contextlib.suppress(WebDriverException):
                self.driver.find_element("css selector", selector).click()
                return True
            return False

        self.wait(try_click, f"a click on {selector}")

    def go(self, view: str) -> None:
        """Go to a view, and wait until it is shown."""
        self.js("location.hash = arguments[0]", f"#/{view}")
        name = view.partition("/")[0]
        self.wait(lambda: self.js("return !document.getElementById(arguments[0]).hidden", name), f"the view {name}")

    def open_step(self, number: int) -> list[str]:
        """Go to a step; returns its panes once they are painted."""
        self.go(f"step/{number}")
        self.wait(lambda: self.js("return facts !== null && facts.step") == number, f"step {number}")
        return self.painted()

    def panes(self) -> list[str]:
        """What is painted in each pane, as a short text for comparing; panes whose pictures are not there are empty."""
        code = "return [...document.querySelectorAll('#panes canvas')].map(c => c.width > 1 ? c.toDataURL() : '')"
        return list(self.js(code))

    def painted(self) -> list[str]:
        """`panes`, once every one is painted."""
        self.wait(lambda: self.panes() and all(len(pane) > 500 for pane in self.panes()), "the candidates are shown")
        return self.panes()

    def errors(self) -> list[str]:
        """The errors in the console since this was asked last."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def head(self) -> int:
        """The head of the session on disk."""
        return Session.open(self.server.review.root).head


def check_opening(page: Page) -> None:
    """It opens at the step that waits for a choice, with every candidate in place."""
    assert page.js("return !document.getElementById('step').hidden")
    assert len(set(page.painted())) == 3
    assert "glued nothing" in page.js("return document.getElementById('step-title').textContent")


def check_canvas(page: Page) -> None:
    """The canvas is drawn, zooms by keys and buttons, and its seams lead to their steps."""
    page.go("scroll")
    page.wait(lambda: page.js("return tiles.size > 0 && [...tiles.values()].every(t => t.complete)"), "the tiles")
    scale = page.js("return scroll.scale")
    page.press("+")
    assert page.js("return scroll.scale") == 2 * scale
    page.click("[data-scroll=out]")
    assert page.js("return scroll.scale") == scale
    page.press("0", Keys.ARROW_LEFT, Keys.END)
    page.wait(lambda: page.js("return document.querySelectorAll('#seams a').length") == 2, "the seams")
    page.press("]", Keys.ENTER)
    page.wait(lambda: page.js("return location.hash").startswith("#/step/"), "the step of a seam")
    middle = "const c = document.getElementById('scroll-canvas').getContext('2d').canvas; return c.width > 300"
    assert page.js(middle)


def check_comparing(page: Page, waiting: int) -> None:
    """Each way of comparing paints something else, and flipping is done within the key press."""
    side = page.open_step(waiting)
    page.press("2", "f")
    page.wait(lambda: len(page.panes()) == 1, "one pane")
    assert page.painted() == [side[1]]
    flipped = page.js(
        "dispatchEvent(new KeyboardEvent('keydown', {key: ' '}));"
        "return document.querySelector('#panes canvas').toDataURL()"
    )  # in the same task: there is no frame in between that could be blank
    assert flipped in side
    assert flipped != side[1]
    pictures = {side[1]}
    for key in ("w", "o", "d"):
        page.press(key)
        page.wait(lambda: page.painted()[0] not in pictures, f"the mode on {key}")
        pictures.add(page.painted()[0])
    page.press("s")
    page.wait(lambda: page.panes() == side, "side by side again")
    page.press("k")
    page.wait(lambda: page.js("return look.flipped"), "blinking")
    page.wait(lambda: not page.js("return look.flipped"), "blinking back")
    page.press("k", "s")
    page.wait(lambda: page.panes() == side, "side by side after blinking")
    page.press("q")
    assert "blur" in page.js("return document.querySelector('#panes canvas').style.filter")
    page.press("q", "h")
    assert "contrast(4)" in page.js("return document.querySelector('#panes canvas').style.filter")
    page.press("h")
    with_seam = page.js(
        "dispatchEvent(new KeyboardEvent('keydown', {key: 'b'})); const seen = document.querySelector('#panes canvas')"
        ".toDataURL(); dispatchEvent(new KeyboardEvent('keyup', {key: 'b'})); return seen"
    )
    assert with_seam not in side
    assert page.panes() == side
    assert page.js("return new Set([...document.querySelectorAll('#loupes canvas')].map(c => c.toDataURL())).size") == 3
    loupe = "return document.querySelector('#loupes canvas').toDataURL()"
    before = page.js(loupe)
    page.press(".")
    page.wait(lambda: page.js(loupe) != before, "the loupe moves")
    assert page.js("return look.worst.length") > 1
    page.press("[")
    page.wait(lambda: page.js("return look.treatment") == "calibrated", "the stage before")
    page.press("]")


def check_choosing(page: Page, waiting: int) -> None:
    """With keys alone: two of them glue a candidate; undo, reject with a reason, branch."""
    page.open_step(waiting)
    head = page.head()
    page.press("3", Keys.ENTER)
    page.wait(lambda: page.head() != head, "a committed step after two keys")
    record = next(Session.open(page.server.review.root).log(1))
    assert record["accepted"]["candidate"] == 2
    page.wait(lambda: f"step/{record['step']}" in page.js("return location.hash"), "the new step")
    page.press("u")
    page.wait(lambda: page.head() == head, "undone")
    page.open_step(waiting)
    page.press("1", "x")
    page.wait(lambda: page.js("return document.getElementById('reject-dialog').open"), "the dialog")
    page.click("#reject-dialog button.main")
    page.wait(lambda: len(page.server.review.labels.read()) == 1, "the rejection")
    page.press("n")
    page.wait(lambda: page.js("return document.getElementById('branch-dialog').open"), "the dialog")
    page.press("night", Keys.ENTER)
    page.wait(lambda: "night" in Session.open(page.server.review.root).status().branches, "the branch")
    page.wait(lambda: page.js("return branch") == "night", "the branch is followed")
    page.js("const s = document.getElementById('branch-select'); s.value = 'main'; "
            "s.dispatchEvent(new Event('change'))")
    page.wait(lambda: page.js("return branch === null && state.branch === null"), "the main head again")


def check_making(page: Page) -> None:
    """A step: its price first, then a second act."""
    last = page.js("return state.last_step")
    page.press("m")
    page.wait(lambda: page.js("return document.getElementById('make-dialog').open"), "the dialog")
    assert page.js("return document.getElementById('make-run').disabled")
    page.js("document.getElementById('make-candidates').value = 1")
    page.click("#make-price")
    page.wait(lambda: not page.js("return document.getElementById('make-run').disabled"), "the price")
    assert "free of charge" in page.js("return document.getElementById('price').textContent")
    page.click("#make-run")
    page.wait(lambda: page.js("return state.last_step") == last + 1, "the step")


def check_free_options(page: Page, waiting: int) -> None:
    """Feather, metric and gate are changed without a new answer: told first, then glued."""
    page.open_step(waiting)
    page.click("#otherwise summary")
    page.js("const f = document.getElementById('feather'); f.value = 4; f.dispatchEvent(new Event('change'));"
            "document.getElementById('gate').value = ''")
    page.click("#rescore")
    page.wait(lambda: page.toast.startswith("They would glue"), "what metric and gate would choose")
    head = page.head()
    page.js("document.activeElement.blur()")
    page.press("2", Keys.ENTER)
    page.wait(lambda: page.head() != head, "a committed step")
    record = next(Session.open(page.server.review.root).log(1))
    assert (record["accepted"]["candidate"], record["options"]["feather_px"]) == (1, 4)
    page.wait(lambda: page.js("return state.head") == page.head(), "the page knows")
    page.press("u")
    page.wait(lambda: page.head() == head, "undone")


def check_two_pages(page: Page, waiting: int) -> None:
    """A choice on a canvas that another page has moved is refused, and nothing is lost."""
    page.open_step(waiting)
    page.press("1")
    head = page.head()
    page.js("window.setTimeout = () => 0; state = {...state}")  # a page that sleeps, as on a closed laptop
    Session.open(page.server.review.root).accept(2, step=waiting)
    page.press(Keys.ENTER)
    page.wait(lambda: "nothing was changed" in page.toast, "the refusal")
    page.driver.refresh()
    page.wait(lambda: page.js("return state !== null && state.head") == page.head(), "the new canvas")
    page.press("u")
    page.wait(lambda: page.head() == head, "undone")
    (error,) = page.errors()  # the browser itself logs the refusal
    assert "/accept" in error


def check_paying(page: Page) -> None:
    """A step that costs: price, agreement to the amount, then the run; afterwards the money stands in the head."""
    summary = "return document.getElementById('money-summary').textContent"
    assert "budget left $1.00" in page.js(summary)
    page.press("m")
    page.js("document.getElementById('make-candidates').value = 2")
    page.click("#make-price")
    page.wait(lambda: "at most $0.16" in page.js("return document.getElementById('price').textContent"), "the price")
    assert page.js("return document.getElementById('make-run').disabled")
    assert page.js("return state.last_step") == Session.open(page.server.review.root).status().last_step
    page.click("#agree")
    page.click("#make-run")
    page.wait(lambda: "spent $0.08" in page.js(summary), "the money")
    page.click("#money summary")
    labels = page.js("return [...document.querySelectorAll('#money-lines dt')].map(label => label.textContent)")
    assert labels == ["spent", "budget left"]


def check_drawings(page: Page) -> None:
    """The tree, whose steps are links, and the chart of the drift."""
    page.go("tree")
    page.wait(lambda: page.js("return document.querySelectorAll('#tree-drawing svg a').length") >= 4, "the tree")
    page.go("drift")
    page.wait(lambda: page.js("return document.querySelectorAll('#drift-drawing polyline').length") == 5, "the chart")


def check_blind(page: Page) -> None:
    """A seam looked for by mouse and by keys, and two pictures compared."""
    count = len(page.server.review.labels.read())
    page.go("blind")
    page.click("[data-ask=find]")
    page.wait(lambda: page.js("return question !== null && !question.done"), "a question")
    page.click("#question canvas")
    page.wait(lambda: len(page.server.review.labels.read()) == count + 1, "the answer")
    page.press(Keys.ENTER)
    page.wait(lambda: page.js("return question !== null && !question.done"), "the next question")
    page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ENTER)
    page.wait(lambda: len(page.server.review.labels.read()) == count + 2, "the answer by keys")
    page.click("[data-ask=candidates]")
    page.wait(lambda: page.js("return question.kind === 'ab' && !question.done"), "a pair")
    page.press("1")
    page.wait(lambda: len(page.server.review.labels.read()) == count + 3, "the choice")
    assert page.server.review.labels.read()[-1]["chosen"] == "a"


def check_names(page: Page) -> None:
    """Every control of every view has a name for a screen reader, and the Tab key reaches it."""
    for view in ("scroll", "step", "tree", "drift", "blind"):
        page.go(view)
        time.sleep(0.3)
        nodes = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        controls = [node for node in nodes if not node.get("ignored") and node["role"]["value"] in CONTROLS]
        assert controls
        unnamed = [node["role"]["value"] for node in controls if not node.get("name", {}).get("value", "").strip()]
        assert not unnamed, f"{view}: controls without a name: {unnamed}"
        page.js("document.activeElement.blur(); window.reached = new Set()")
        for _ in range(120):
            page.press(Keys.TAB)
            page.js("window.reached.add(document.activeElement)")
        missed = page.js(
            "return [...document.querySelectorAll('button, select, input, a[href], summary')].filter(e => "
            "e.checkVisibility() && !e.disabled && !window.reached.has(e)).map(e => e.outerHTML.slice(0, 80))"
        )
        assert not missed, f"{view}: not reached by Tab: {missed}"


def check_silence(page: Page) -> None:
    """No request has left this machine, and the console holds no error."""
    own = f"http://127.0.0.1:{page.server.port}/"
    requests = [
        json.loads(entry["message"])["message"]["params"]["request"]["url"]
        for entry in page.driver.get_log("performance")
        if json.loads(entry["message"])["message"]["method"] == "Network.requestWillBeSent"
    ]
    assert requests
    others = [url for url in requests if not url.startswith((own, "data:", "blob:"))]
    assert not others, f"requests elsewhere: {others}"
    errors = page.errors()
    assert not errors, f"console: {errors}"


@contextlib.contextmanager
def browser(size: tuple[int, int], dark: bool) -> Iterator[Any]:
    """A fresh Chromium of (width, height) in pixels."""
    paths = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in paths:
        sys.exit("chromium and chromedriver are needed: apt-get install chromium chromium-driver")
    with tempfile.TemporaryDirectory(prefix="page-browser-") as profile:
        options = Options()
        options.binary_location = paths[0]
        for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        start: Any = webdriver.Chrome
        driver = start(options=options, service=Service(paths[1]))
        try:
            scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
            screen = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
            yield driver
        finally:
            driver.quit()


@contextlib.contextmanager
def serving(
    root: Path, generator: TileGenerator | None = None, payment: Payment | None = None
) -> Iterator[PageServer]:
    """The page of the session at `root`, with a model that takes no time unless another is given."""
    server = PageServer(Review(root, generator or InstantGenerator(), payment))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.close()


def click_through(folder: Path) -> None:
    """Every check, in the order in which a person would go, on a session of its own."""
    session = make_session(folder / "s", ("x_ltr", "x_rtl"), contract=SIZES, candidates=3, artifacts="full")
    waiting = grow(session, "x_ltr", candidates=3, gate=1e-6, artifacts="full").step_index
    with serving(session.root) as server, browser(WIDE, False) as driver:
        page = Page(driver, server)
        checks: dict[str, Callable[[], None]] = {
            "opens": lambda: check_opening(page),
            "canvas": lambda: check_canvas(page),
            "compare": lambda: check_comparing(page, waiting),
            "choose, undo, reject, branch": lambda: check_choosing(page, waiting),
            "feather, metric and gate": lambda: check_free_options(page, waiting),
            "two pages": lambda: check_two_pages(page, waiting),
            "make a step": lambda: check_making(page),
            "tree and drift": lambda: check_drawings(page),
            "blind tests": lambda: check_blind(page),
            "names and Tab": lambda: check_names(page),
            "nothing leaves, no error": lambda: check_silence(page),
        }
        for name, check in checks.items():
            check()
            print(f"ok: {name}", flush=True)
    payment = Payment(allowed=True, budget=Decimal(1))
    with serving(session.root, PricedGenerator([]), payment) as server, browser(WIDE, False) as driver:
        page = Page(driver, server)
        check_paying(page)
        print("ok: pay for a step", flush=True)
        check_silence(page)
    assert Session.open(session.root).verify().ok


def take_shots(root: Path, folder: Path) -> None:
    """Screenshots of every view, in light and dark, on a wide screen and on a phone."""
    folder.mkdir(exist_ok=True)
    with serving(root) as server:
        for size_name, size in (("wide", WIDE), ("phone", PHONE)):
            for dark in (False, True):
                with browser(size, dark) as driver:
                    page = Page(driver, server)
                    for view in ("step", "scroll", "tree", "drift", "blind"):
                        page.go(view)
                        time.sleep(1.5)
                        name = f"{view}-{size_name}-{'dark' if dark else 'light'}.png"
                        driver.save_screenshot(str(folder / name))


def measure(root: Path) -> dict[str, float]:
    """Milliseconds from opening the page until it takes keys, median of five visits."""
    times = []
    with serving(root) as server:
        for _ in range(5):
            with browser(WIDE, False) as driver:
                page = Page(driver, server)
                times.append(page.js("return performance.getEntriesByName('ready')[0].startTime"))
    return {"ready_ms": sorted(times)[2], "slowest_ms": max(times)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Click through, or measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.page.browser", allow_abbrev=False)
    parser.add_argument("--shots", type=Path, metavar="FOLDER", help="keep screenshots there")
    parser.add_argument("--session", type=Path, metavar="FOLDER", help="measure this session; with --shots, show it")
    options = parser.parse_args(arguments)
    if options.shots and options.session:
        take_shots(options.session, options.shots)
    elif options.session:
        print(json.dumps(measure(options.session)))
    else:
        with tempfile.TemporaryDirectory(prefix="page-") as place:
            click_through(Path(place))
            if options.shots:
                take_shots(Path(place) / "s", options.shots)
    return 0


if __name__ == "__main__":
    sys.exit(main())
