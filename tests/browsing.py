"""Pages in a real Chromium: the system's, driven by Playwright. Without either of them these tests are skipped."""

import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    """The address of a report of toys: methods with noise, with p_z, and with directions."""
    from toys import Painter, Plane, Reader, ToyFaces, Wheel

    from ganbench.evaluation.run import evaluate, prepare
    from ganbench.report import cached_scene
    from ganbench.report.run_folder import write_run
    from ganbench.stopwatch import Stopwatch
    from ganbench.storage.store import Store

    folder = tmp_path_factory.mktemp("report")
    store = Store(folder / "store")
    methods, data, judge = [Painter(noise=2), Plane(), Wheel()], ToyFaces(420), Reader()
    found = evaluate(methods, data, judge, store=store)
    run = prepare(methods, data, judge, 0, None, 32, store, Stopwatch())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cached_scene, "DPI", 30)  # drawn five times as fast as a real page
        write_run(found, folder / "out", ["ganbench", "eval"], run)
    return (folder / "out" / "report.html").as_uri()


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no chromium")
    with playwright.sync_playwright() as driver:
        # Chromium's sandbox refuses to run for root, as in containers.
        yield driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@contextmanager
def visitor(browser, address, is_own, ready, **more):
    """``open_page(width, colours, script)`` opens a page; what goes wrong on it fails the test at the end.

    ``is_own`` tells of an address whether the page may ask for it, and the page is awaited until the selector
    ``ready`` is there. ``more`` are arguments of the browser's context.
    """
    troubles, contexts = [], []

    def asked(request):
        if not is_own(request.url):
            troubles.append(request.url)

    def open_page(width=1440, colours="light", script=True):
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=colours,
            java_script_enabled=script,
            has_touch=width < 500,
            **more,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", asked)
        page.goto(address)
        if script:
            page.wait_for_selector(ready)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture
def visit(browser, report):
    """``visit(width, colours, script)`` opens the report."""

    def is_own(url):
        return url == report or url.startswith("data:")

    with visitor(browser, report, is_own, '.explorer[data-ready="true"]') as open_page:
        yield open_page


# Texts of a page with less contrast to what lies below them than WCAG's level AA asks for, 4.5 : 1.
PALE = """() => {
    const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = (colour) => {
        context.clearRect(0, 0, 1, 1);
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        return [...context.getImageData(0, 0, 1, 1).data];
    };
    const over = (top, below) => below.map((v, i) => (top[i] * top[3] + v * (255 - top[3])) / 255);
    const light = (colour) => {
        const [r, g, b] = colour.map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const words = texts.currentNode.data.trim(), holder = texts.currentNode.parentElement, grounds = [];
        if (!words || !holder.checkVisibility()) continue;
        for (let e = holder; e; e = e.parentElement) grounds.unshift(rgba(getComputedStyle(e).backgroundColor));
        const ground = grounds.reduce((below, top) => over(top, below), [255, 255, 255]);
        const ink = light(over(rgba(getComputedStyle(holder).color), ground)), paper = light(ground);
        const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
        if (contrast < 4.5) found.push([contrast, words]);
    }
    return found;
}"""
