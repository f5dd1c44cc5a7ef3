"""Places where nothing can be written: a container under another user, a full disk, a cache that is a file."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganbench.data.faces import FacesConfig
from ganbench.data.faces.builder import ensure_built
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.storage import root as cache
from ganbench.storage import store
from ganbench.storage.store import Store

NOBODY = 54321  # a number without a name or a home


@pytest.fixture
def homeless(monkeypatch):
    """No HOME, and a number that no user has."""
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "GANBENCH_CACHE", "MPLCONFIGDIR"):
        monkeypatch.delenv(name, raising=False)

    def nowhere():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)


def test_no_home_asks_for_a_cache(homeless, monkeypatch, tmp_path):
    with pytest.raises(BadInput, match=r"no place for the cache .*GANBENCH_CACHE"):
        cache.cache_root()
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path))
    assert cache.cache_root() == tmp_path


def test_matplotlib_finds_a_place(homeless, monkeypatch, tmp_path):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    cache.house_matplotlib()
    assert os.environ.pop("MPLCONFIGDIR") == str(tmp_path / "cache" / "matplotlib")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "file"))
    cache.house_matplotlib()
    made = Path(os.environ.pop("MPLCONFIGDIR"))
    assert made.is_dir()
    made.rmdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    cache.house_matplotlib()
    assert "MPLCONFIGDIR" not in os.environ


def full(*args, **options):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("fault", ["a file", "below a file", "full", "an entry is a folder"])
def test_a_store_that_cannot_be_used_names_the_way_out(fault, tmp_path, monkeypatch):
    place = tmp_path / "cache"
    if "file" in fault:
        place.write_text("")
    if fault == "below a file":
        place = place / "deeper"
    if fault == "full":
        monkeypatch.setattr(Path, "write_bytes", full)
    kept = Store(place)
    if fault == "an entry is a folder":
        kept.path("key").mkdir(parents=True)
    with pytest.raises(BadInput) as error:
        kept.fetch("key", lambda: {"a": np.zeros(2)})
    assert str(place) in str(error.value)
    assert "GANBENCH_CACHE" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("fault", ["a file", "full"])
def test_faces_that_cannot_be_kept_name_the_way_out(fault, tmp_path, monkeypatch):
    place = tmp_path / "cache"
    if fault == "a file":
        place.write_text("")
    else:
        monkeypatch.setattr("ganbench.data.faces.builder._save", full)
    with pytest.raises(BadInput, match=r"cannot use the cache: .*cache .*GANBENCH_CACHE"):
        ensure_built(FacesConfig(train=7, test=7, size=32), place)
    assert not list(tmp_path.glob("cache/*"))


def test_what_the_system_refuses_is_one_line(call, monkeypatch, tmp_path):
    for error, words in (
        (OSError(28, "No space left on device", "somewhere"), "somewhere: No space left on device"),
        (MemoryError(), "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "memory"),
    ):

        def fails(*args, error=error, **options):
            raise error

        monkeypatch.setattr("ganbench.gate.load", fails)
        code, out, err = call("compare", "a", "b")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert words in err


def test_output_folders_that_cannot_be_written(call, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for out in ("file", "file/below", "x" * 300, "x" * 300 + "/below"):
        code, _, err = call("validate", "--limit", 14, "--out", out, "--judge", "missing")
        assert (code, err.count("\n")) == (2, 1)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(BadInput, match="No space left"):
        store.write_atomic(tmp_path / "results.json", "{}")


# Another user, who may read everything, wherever this Python lies, and write nothing.
CAPABILITY = "-all,+dac_read_search"
ANOTHER = [
    "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
    f"--inh-caps={CAPABILITY}", f"--ambient-caps={CAPABILITY}",
]  # fmt: skip


@pytest.mark.skipif(
    shutil.which("setpriv") is None or os.geteuid() != 0, reason="only root can become another user"
)
def test_another_user_without_a_home():
    """In processes of a user who has nothing: neither the package nor a home can be written."""
    folder = Path(tempfile.mkdtemp())  # the folders of pytest are for one user
    for emotion in EMOTIONS:
        (folder / "test" / emotion).mkdir(parents=True)
        noise = Image.effect_noise((64, 64), 50).convert("RGB")
        noise.save(folder / "test" / emotion / f"{emotion}.png")
    folder.chmod(0o777)
    package = str(Path(store.__file__).parents[1])
    # Warnings of matplotlib about its folders would be on stderr too.
    code = (
        "from ganbench.figures.curves import draw; from ganbench.figures.page import to_png;"
        "to_png(draw([{'iteration': 1, 'a': 1.0}], 'x')); import sys; from ganbench.cli import main;"
        "sys.argv = ['ganbench', 'eval', '--methods', 'stargan', '--data', 'folder', '--device', 'cpu',"
        "'--metrics', 'accuracy', '--root', sys.argv[1], '--out', sys.argv[1]]; main()"
    )
    environment = {"PYTHONPATH": package, "PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [*ANOTHER, sys.executable, "-B", "-c", code, str(folder)], cwd="/", env=environment | changes,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for changes in ({}, {"GANBENCH_CACHE": "/dev/null"})
    ]  # fmt: skip
    told = [process.communicate(timeout=300)[1].decode() for process in started]
    for text, words in zip(
        told, ("no place for the cache", "cannot use the cache: /dev/null"), strict=True
    ):
        last = text.splitlines()[-1]
        assert last.startswith("ganbench: "), text
        assert words in last
        assert "GANBENCH_CACHE" in last
        assert "atplotlib" not in text
    assert [process.returncode for process in started] == [2, 2]
    shutil.rmtree(folder)
