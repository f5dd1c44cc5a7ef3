import pytest

from ganbench.report import cached_scene


@pytest.fixture(scope="module", autouse=True)
def _small_figures():
    """Figures of 30 pixels per inch are drawn five times as fast as those of a real page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cached_scene, "DPI", 30)
        yield
