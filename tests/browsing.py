"""Pages in a real Chromium: the system's, driven by Playwright. Without either of them these tests are skipped."""

import shutil

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


@pytest.fixture
def visit(browser, report):
    """``visit(width, colours)`` opens the report; what went wrong on the way fails the test."""
    troubles, contexts = [], []

    def open_page(width=1440, colours="light", script=True):
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=colours,
            java_script_enabled=script,
            has_touch=width < 500,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "request",
            lambda request: (
                troubles.append(request.url)
                if request.url != report and not request.url.startswith("data:")
                else None
            ),
        )
        page.goto(report)
        if script:
            page.wait_for_selector('.explorer[data-ready="true"]')
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []
