"""The source that a job depends on: everything that runs between pictures and arrays is in its key."""

import importlib
import subprocess
import sys
import threading

import pytest
import torch
from toys import ToyPhotos

import ganbench
from ganbench.data import load_dataset
from ganbench.emotions import EMOTIONS
from ganbench.evaluation.plan import CODE
from ganbench.evaluation.run import prepare
from ganbench.judges.vgg import VGG, VGGConfig, load_vgg
from ganbench.methods import Method
from ganbench.methods.conditions import EMOTION_UNITS
from ganbench.methods.weights import save_checkpoint
from ganbench.registry import METHODS
from ganbench.stopwatch import Stopwatch
from ganbench.storage import source
from ganbench.storage.source import BARRIERS, code_hash, depends_on, find, imports, within
from ganbench.storage.state import _Visitor
from ganbench.storage.store import Store


def covered(*objects):
    visitor = _Visitor()
    for value in objects:
        visitor.visit(value)
    return set(depends_on(visitor.modules)[0])


def run_modules(work):
    """The modules of ganbench of which a function runs while ``work`` does."""
    ran = set()

    def profile(frame, event, argument):
        if event == "call":
            name = frame.f_globals.get("__name__", "")
            if within(name, "ganbench"):
                ran.add(name)

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return ran


@pytest.fixture(scope="module")
def judges(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("judge") / "judge.safetensors"
    model = VGG(VGGConfig(image_size=16, stages=(1, 1), widths=(4, 6), hidden=8))
    save_checkpoint(path, model, "judge", "judge", {"licence": "MIT"})
    return [load_vgg(path, "cpu"), ganbench.load_judge("face-api", device="cpu")]


@pytest.mark.parametrize("size", [16, 32])
def test_every_module_that_a_job_runs_is_in_its_key(
    size, judges, tiny_method, tmp_path, monkeypatch
):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path))
    names = (
        ["smit", "stargan-v2"] if size == 32 else ["linear", "gaussian", "stargan", "ganimation"]
    )
    data = load_dataset("faces", "test", size=size, train=7, test=7)
    methods = {name: tiny_method(name) for name in names}
    if size == 16:
        methods["units"] = tiny_method("ganimation", condition="action_units")
        means = data.action_units(range(7)).tolist()
        methods["units"].card = {EMOTION_UNITS: dict(zip(EMOTIONS, means, strict=True))}
    run = prepare(
        methods,
        data,
        judges[0],
        0,
        None,
        8,
        Store(tmp_path / "s"),
        Stopwatch(),
        "all",
        others=judges[1:],
    )
    shared = covered(*CODE, type(data))
    # What only calls the rest: it is in no number.
    beside = {"ganbench.stopwatch", "ganbench.storage.store", "ganbench.evaluation.plan"}
    for job in run.jobs:
        key = run.keys.of(job, judges[0])  # made before, so that its own making is not traced
        parts = [job.method] if job.method else []
        parts += list(job.judges) if job.kind != "render" else []
        ran = run_modules(lambda job=job: run._compute(job, list(job.judges)))
        assert ran - beside <= shared | covered(*parts), (job.title, key)
    assert {job.kind for job in run.jobs} == {"real", "render", "truth", "edits", "probe"}
    answered = {job.kind for job in run.jobs if job.codes == "action units"}
    assert answered == ({"render", "probe"} if size == 16 else set())


def test_the_walk_follows_every_import_that_is_not_a_barrier():
    modules = {METHODS.load(name, Method).__module__ for name in METHODS.first}
    modules |= {"ganbench.evaluation.compute", "ganbench.judges.vgg", "ganbench.judges.face_api"}
    files, _ = depends_on(modules)
    for name, path in files.items():
        package = path.name == "__init__.py"
        for other in imports(path, name):
            if not within(other, "ganbench") or other in files or package:
                continue
            barriers = [b for b in BARRIERS if within(other, b) and not within(name, b)]
            assert barriers, f"{name} imports {other}, which is neither followed nor a barrier"


def test_barriers_exist():
    assert [b for b in BARRIERS if find(b) is None] == []


def test_imports_are_found_wherever_a_statement_can_stand(tmp_path):
    path = tmp_path / "everywhere.py"
    places = [
        "if x:\n    import {}\nelif y:\n    import {}\nelse:\n    import {}\n",
        "try:\n    import {}\nexcept E:\n    import {}\nelse:\n    import {}\nfinally:\n    import {}\n",
        "class C:\n    async def f(self):\n        with y:\n            for z in x:\n                import {}\n",
        "match x:\n    case 1:\n        import {}\nwhile x:\n    pass\nelse:\n    import {}\n",
        "if not TYPE_CHECKING:\n    import {}\n",
        "if TYPE_CHECKING:\n    pass\nelse:\n    import {}\n",
    ]
    text, count = "", 0
    for place in places:
        for _ in range(place.count("{}")):
            place = place.replace("{}", f"m{count}", 1)
            count += 1
        text += place
    path.write_text(text + "if TYPE_CHECKING:\n    import unseen\n")
    assert set(imports(path, "everywhere")) == {f"m{i}" for i in range(count)}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A plug-in of two modules and a helper beside it, the second module imported in a function."""
    folder = tmp_path / "stale_plugin"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "method.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import stale_unused\n"
        "import stale_helper\n"
        "class Thing:\n    def work(self):\n        from .inner import VALUE\n        return VALUE\n"
    )
    (folder / "inner.py").write_text("VALUE = 1\n")
    (folder / "beside.py").write_text("")
    (tmp_path / "stale_helper.py").write_text("GAIN = 1\n")
    (tmp_path / "stale_unused.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("stale_")]:
        del sys.modules[name]
    source.find.cache_clear()
    source._hash.cache_clear()


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("stale_plugin/method.py", True),
        ("stale_plugin/inner.py", True),  # imported inside a function
        ("stale_plugin/beside.py", True),  # the whole package counts
        ("stale_helper.py", True),  # somebody's module, not installed
        ("stale_unused.py", False),  # for the type checker only
    ],
)
def test_a_plug_in_is_known_by_its_package_and_what_it_imports(package, file, counts):
    def hashed():
        code = "import sys; sys.path.insert(0, sys.argv[1]); import stale_plugin.method;"
        code += "from ganbench.storage.source import code_hash; print(code_hash(['stale_plugin.method']))"
        command = [sys.executable, "-c", code, str(package)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    before = hashed()
    with (package / file).open("a") as opened:
        opened.write("CHANGED = 1\n")
    assert (hashed() != before) is counts


def test_a_package_without_an_init_file_counts_whole(package):
    (package / "stale_plugin" / "__init__.py").unlink()
    (package / "stale_plugin" / "method.py").write_text("from stale_plugin import inner\n")
    importlib.import_module("stale_plugin.method")
    files, _ = depends_on(["stale_plugin.method"])
    assert {"stale_plugin.method", "stale_plugin.inner", "stale_plugin.beside"} <= files.keys()


def test_a_file_that_was_edited_while_the_process_ran_is_nobodys_code(package, monkeypatch):
    import os
    import time

    old = time.time() - 1000
    for path in package.rglob("*.py"):
        os.utime(path, (old, old))
    importlib.import_module("stale_plugin.method")
    monkeypatch.setattr(source.PROCESS, "began", old + 10)
    assert source.edited(["stale_plugin.method"]) == []
    first = code_hash(["stale_plugin.method"])
    source._hash.cache_clear()
    assert code_hash(["stale_plugin.method"]) == first
    (package / "stale_plugin" / "inner.py").write_text("VALUE = 2\n")
    assert source.edited(["stale_plugin.method"]) == ["stale_plugin.inner"]
    source._hash.cache_clear()
    second = code_hash(["stale_plugin.method"])
    source._hash.cache_clear()
    assert code_hash(["stale_plugin.method"]) != second


@pytest.mark.parametrize("package", ["PIL", "numpy", "openTSNE", "safetensors"])
def test_versions_do_not_depend_on_what_was_imported(package, monkeypatch):
    source._version.cache_clear()
    before = source._version(package)
    assert before.split()[-1][0].isdigit()
    monkeypatch.delitem(sys.modules, package, raising=False)
    source._version.cache_clear()
    assert source._version(package) == before


def test_installed_packages_count_by_their_version(package):
    (package / "stale_plugin" / "inner.py").write_text("import PIL.Image\nimport json\n")
    importlib.import_module("stale_plugin.method")
    files, packages = depends_on(["stale_plugin.method"])
    assert "PIL" in packages
    assert "json" not in packages
    assert {"stale_plugin", "stale_plugin.inner", "stale_helper"} <= files.keys()
    assert len(code_hash(["stale_plugin.method"])) == 64


def test_data_sets_of_a_user_count(tmp_path):
    class Dim(ToyPhotos):
        def images(self, indices):
            return super().images(indices) * self.gain

        gain = 1.0

    from ganbench.storage.state import identity

    before = identity(Dim)
    Dim.gain = 0.5
    assert identity(Dim) != before
