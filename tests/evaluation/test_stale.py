"""No stored number is used again for other code, weights, data or settings."""

import contextlib
import os

import numpy as np
import pytest
import torch
from launching import forked, ganbench
from PIL import Image
from toys import Painter, Plane, Reader, ToyFaces, ToyPhotos

from ganbench.data import rows, table
from ganbench.data.table import TableDataset
from ganbench.errors import BadInput
from ganbench.evaluation import protocol
from ganbench.evaluation.run import evaluate
from ganbench.gate import load
from ganbench.methods.loading import load_method
from ganbench.methods.weights import save_checkpoint, sha256
from ganbench.report import run_folder
from ganbench.report.run_folder import write_run
from ganbench.storage.state import identity
from ganbench.storage.store import Store, read_key

N = 28


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def accuracy(store, method, data=None, judge=None, **more):
    found = evaluate([method], data or ToyPhotos(N), judge or Reader(), store=store, **more)
    return found.results.find(method.name, "accuracy").value


def test_a_method_that_is_changed_is_edited_with_anew(store):
    method = Painter(leak=0.125)
    before = evaluate([method], ToyFaces(N), Reader(), store=store).results
    method.weight.data.zero_()  # as fine-tuning would: the object is the same
    method.leak = 0.25
    after = evaluate([method], ToyFaces(N), Reader(), store=store).results
    values = [found.find("painter", "background").value for found in (before, after)]
    assert values == pytest.approx([0.125, 0.25])
    assert before.methods["painter"]["weights"] != after.methods["painter"]["weights"]


def test_a_loaded_method_that_is_changed_is_not_called_by_its_file(tiny_method, tmp_path, store):
    path = tmp_path / "stargan.safetensors"
    save_checkpoint(path, tiny_method("stargan"), "method", "stargan", {"licence": "MIT"})
    method = load_method("stargan", path, device="cpu")

    class Photos(ToyPhotos):
        size = 16

        def images(self, indices):
            return super().images(indices).repeat_interleave(2, 2).repeat_interleave(2, 3)

    first = evaluate([method], Photos(N), Reader(), store=store)
    assert first.results.methods["stargan"]["weights"] == sha256(path)
    for parameter in method.parameters():
        parameter.data.zero_()
    second = evaluate([method], Photos(N), Reader(), store=store)
    assert second.results.methods["stargan"]["weights"] != sha256(path)
    assert (second.gallery.edits["stargan"] != first.gallery.edits["stargan"]).any()


def test_a_method_whose_code_is_replaced_is_edited_with_anew(store, monkeypatch):
    assert accuracy(store, Painter()) == 100
    monkeypatch.setattr(Painter, "translate", lambda self, x, codes: (x, None))
    assert accuracy(store, Painter()) == pytest.approx(100 / 7)


def test_a_judge_that_is_changed_judges_anew(store, monkeypatch):
    judge = Reader()
    assert accuracy(store, Painter(), judge=judge) == 100
    judge.judge = lambda images: type(judge).judge(judge, images * 0)
    assert accuracy(store, Painter(), judge=judge) < 20


@pytest.mark.parametrize("name", ["NOISE", "CHUNK"])
def test_settings_of_the_protocol_count(store, monkeypatch, name):
    method = Plane()
    evaluate([method], ToyPhotos(N), Reader(), store=store)
    before = method.edited
    monkeypatch.setattr(protocol, name, {"NOISE": 0.5, "CHUNK": 50}[name])
    evaluate([method], ToyPhotos(N), Reader(), store=store)
    assert method.edited > before


def test_a_data_set_whose_code_is_changed_is_read_anew(store, monkeypatch):
    data = ToyPhotos(N)
    evaluate([Painter()], data, Reader(), store=store)
    images = ToyPhotos.images
    monkeypatch.setattr(ToyPhotos, "images", lambda self, indices: 1 - images(self, indices))
    found = evaluate([Painter()], data, Reader(), store=store).results
    assert found.find("real", "accuracy").value < 50


def test_what_a_data_set_holds_counts(store):
    class Dim(ToyPhotos):
        gain = 1.0

        def images(self, indices):
            return super().images(indices) * self.gain

    data = Dim(N)
    assert accuracy(store, Painter(), data) == 100
    found = evaluate([Painter()], data, Reader(), store=store).results
    assert found.find("real", "accuracy").value == 100
    data.gain = 0.1
    found = evaluate([Painter()], data, Reader(), store=store).results
    assert found.find("real", "accuracy").value < 50


def test_labels_that_a_user_changed_are_not_mixed_up_with_the_old_order(store):
    data = ToyPhotos(N)
    evaluate([Painter()], data, Reader(), store=store)
    data.labels = data.labels[::-1].copy()  # images follow their labels in this toy
    found = evaluate([Painter()], data, Reader(), store=store).results
    assert found.find("real", "accuracy").value == 100


def test_pictures_in_memory_that_were_changed_count(photographs, monkeypatch):
    monkeypatch.setattr(table, "HASH_BYTES", 2 << 30)
    data = opened(photographs)
    before = identity(*data.read_by())
    assert identity(*opened(photographs).read_by()) == before
    data._pixels[:] = 255 - data._pixels
    assert identity(*data.read_by()) != before


@pytest.mark.parametrize("setting", ["precision", "autocast"])
def test_settings_of_the_arithmetic_count(store, setting):
    method = Painter()
    evaluate([method], ToyPhotos(N), Reader(), store=store)
    before = method.edited
    with contextlib.ExitStack() as stack:
        if setting == "autocast":
            stack.enter_context(torch.autocast("cpu", torch.bfloat16))
        else:
            stack.callback(torch.set_float32_matmul_precision, torch.get_float32_matmul_precision())
            torch.set_float32_matmul_precision("medium")
        evaluate([method], ToyPhotos(N), Reader(), store=store)
    assert method.edited > before


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """Pictures of a data set that is taken for a large one: of each file only samples are hashed."""
    monkeypatch.setattr(table, "HASH_BYTES", 0)
    monkeypatch.setattr(rows, "SAMPLED", 1000)
    monkeypatch.setattr(rows, "SAMPLE", 300)
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    for i, name in enumerate(("happy", "sad")):
        folder = tmp_path / "data" / "test" / name
        folder.mkdir(parents=True)
        pixels = random.integers(0, 256, (64, 64, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.bmp")  # all files are of one size
    return tmp_path / "data"


def opened(root, keep=1 << 30):
    from ganbench.data import load_dataset, read_listing

    if keep:
        return load_dataset("folder", "test", root=root, size=16)
    return TableDataset(read_listing("folder", "test", root), size=16, keep_bytes=0)


@pytest.mark.parametrize("keep", [True, False])
def test_a_large_data_set_is_known_by_its_content(photographs, keep, monkeypatch):
    monkeypatch.setattr(table, "INDEXED", 0)
    before = opened(photographs, keep)
    assert opened(photographs, keep).fingerprint == before.fingerprint
    for path in photographs.rglob("*.bmp"):
        stat = path.stat()
        inverted = 255 - np.asarray(Image.open(path))
        Image.fromarray(inverted).save(path)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as if nothing had happened
        assert path.stat().st_size == stat.st_size
    assert opened(photographs, keep).fingerprint != before.fingerprint


def test_a_change_between_the_samples_is_told_by_the_times_of_files(photographs):
    before = opened(photographs)
    path = next(photographs.rglob("*.bmp"))
    content = bytearray(path.read_bytes())
    content[3000:3100] = bytes(100)  # between the first sample and the middle one
    path.write_bytes(content)
    after = opened(photographs)
    assert after.fingerprint == before.fingerprint  # a copy elsewhere is the same data
    assert after.stamp != before.stamp


def test_small_data_sets_are_hashed_whole_and_have_no_stamp(photographs, monkeypatch):
    monkeypatch.setattr(table, "HASH_BYTES", 2 << 30)
    assert opened(photographs).stamp == ""


def test_faces_that_were_changed_in_the_cache_are_refused(tmp_path, monkeypatch, call):
    from ganbench.data import load_dataset

    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    options = {"size": 16, "train": 7, "test": 7}
    load_dataset("faces", "test", **options)
    path = sorted((tmp_path / "cache").glob("faces-*/images/test/*.png"))[3]
    Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    with pytest.raises(BadInput, match="changed since it was rendered"):
        load_dataset("faces", "test", **options)
    code, out, _ = call("cache", "verify")
    assert code == 1
    assert "damaged: rendered faces" in out


# --- the store


def test_fresh_computes_everything_again(tmp_path, store):
    method, data, judge = Painter(), ToyFaces(N), Reader()
    first = evaluate([method], data, judge, store=store).results
    counts = method.edited, data.rendered, judge.judged
    fresh = Store(store.root, fresh=True)
    assert evaluate([method], data, judge, store=fresh).results == first
    assert (method.edited, data.rendered, judge.judged) == tuple(2 * n for n in counts)


def test_a_pass_says_what_was_stored_and_when(store):
    from ganbench.evaluation.run import perform, prepare
    from ganbench.stopwatch import Stopwatch

    def run():
        parts = [Painter()], ToyPhotos(N), Reader(), 0, None, 32, store, Stopwatch()
        found = prepare(*parts)
        perform(found)
        return found.pieces

    first, again = run(), run()
    assert (first.reused, first.computed, str(first)) == (0, 2, "")
    assert again.computed == 0
    assert again.reused == 2
    assert str(again).startswith("all 2 pieces were stored, made at 20")
    assert "nothing was computed anew" in str(again)


def test_a_method_that_changes_itself_while_it_edits_is_edited_with_once(store):
    class Counter(Painter):
        calls = 0

        def translate(self, x, codes):
            self.calls += 1
            if not hasattr(self, "grid"):
                self.register_buffer("grid", torch.ones(len(x)))
            return super().translate(x, codes)

    method = Counter()
    data = ToyPhotos(N)
    evaluate([method], data, Reader(), store=store)
    assert method.edited == 7 * N
    evaluate([Counter()], data, Reader(), store=store)  # a new process begins with a new object
    assert method.edited == 7 * N


def test_pixels_in_memory_are_seldom_hashed(photographs, monkeypatch, store):
    monkeypatch.setattr(table, "HASH_BYTES", 2 << 30)
    data, counted = opened(photographs), []
    real = TableDataset._memory_hash
    monkeypatch.setattr(TableDataset, "_memory_hash", lambda self: counted.append(1) or real(self))

    class Small(Reader):
        pass

    data.size = 8
    monkeypatch.setattr(data, "images", lambda indices: torch.rand(len(indices), 3, 8, 8))
    evaluate([Painter()], data, Small(), store=store)
    assert len(counted) <= 4


def test_a_piece_that_turns_out_damaged_is_not_counted_as_stored(store):
    from ganbench.evaluation.collect import conclude
    from ganbench.evaluation.run import perform, prepare
    from ganbench.stopwatch import Stopwatch

    parts = [Painter()], ToyPhotos(N), Reader()
    evaluate(*parts, store=store)
    path = min(store.root.glob("*/*.npz"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    run = prepare(*parts, 0, None, 32, store, Stopwatch())
    perform(run)
    conclude(run)
    assert (run.pieces.reused, run.pieces.computed) == (1, 1)


def print_results(folder):
    found = evaluate([Painter(noise=2)], ToyFaces(350), Reader(), store=Store(folder))
    print(found.results.to_json())


def test_two_processes_may_evaluate_into_one_store_at_once(tmp_path):
    code, out, err = forked([{}, {}], print_results, tmp_path)
    assert code == 0, err
    assert out[: len(out) // 2] == out[len(out) // 2 :] != ""
    assert not list(tmp_path.rglob(".*"))


# --- the folder of a run


@pytest.fixture
def written(tmp_path, store):
    found = evaluate([Painter()], ToyPhotos(N), Reader(), store=store)
    write_run(found, tmp_path / "out")
    return tmp_path / "out"


def test_a_full_disk_leaves_the_old_run(written, store, monkeypatch):
    before = {path.name: path.read_bytes() for path in written.iterdir()}
    other = evaluate([Painter(wrong=1)], ToyPhotos(N), Reader(), store=store)
    write_bytes, left = run_folder.Path.write_bytes, [4]

    def full(path, data):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        return write_bytes(path, data)

    monkeypatch.setattr(run_folder.Path, "write_bytes", full)
    with pytest.raises(BadInput, match="No space left"):
        write_run(other, written)
    assert {path.name: path.read_bytes() for path in written.iterdir()} == before


@pytest.mark.parametrize("after", range(1, 8))
def test_a_run_that_was_cut_off_in_its_last_moment_is_told(written, store, monkeypatch, after):
    old = load(written).results
    other = evaluate([Painter(wrong=1)], ToyPhotos(N), Reader(), store=store)
    replace, left = os.replace, [after]

    def killed(source, target):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            write_run(other, written)
    if after == 1:  # that was the map of the features, in the store
        assert load(written).results == old
    else:
        with pytest.raises(BadInput, match="not whole"):
            load(written)
    write_run(other, written)
    assert load(written).results == other.results


def test_a_reference_without_a_manifest_and_pictures_thrown_away_are_fine(written):
    (written / "grid_painter.png").unlink()
    load(written)
    (written / "manifest.json").unlink()
    assert load(written).predictions.keys() == {"painter"}


# --- the gate's documented workflow, with a method that is changed in between

PLUGIN = """
from ganbench.baselines.stargan import StarGAN

class Mine(StarGAN):
    name, title = "mine", "Mine"

    def translate(self, x, codes):
        return {}
"""
GOOD, BAD = (
    "(x, None)",
    "super().translate(x, codes)",
)  # an untrained network changes the background


def test_the_gate_sees_a_method_that_was_changed_in_between(tmp_path, monkeypatch, tiny_method):
    folder = tmp_path / "package"
    info = folder / "mine-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ganbench.methods]\nmine = gate_mine:Mine\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(folder)  # also of the processes

    def run(*arguments):
        return forked([{"GANBENCH_CACHE": "cache"}], ganbench, *arguments)

    network = tiny_method("stargan")
    save_checkpoint("mine.safetensors", network, "method", "mine", {"licence": "Apache-2.0"})
    evaluation = ["eval", "--methods", "mine=mine.safetensors", "--data", "faces:test=14,train=7"]
    evaluation += ["--device", "cpu", "--metrics", "background"]
    for name, line in (("base", GOOD), ("head", BAD)):
        (folder / "gate_mine.py").write_text(PLUGIN.format(line))
        code, _, err = run(*evaluation, "--out", f"runs/{name}")
        assert code == 0, err
    # Real images and true edits were stored; the edits were made anew.
    assert "pieces were stored" in err
    code, out, _ = run("compare", "runs/base", "runs/head")
    assert code == 1
    assert "worse" in out
    (folder / "gate_mine.py").write_text(PLUGIN.format(GOOD))
    assert "nothing was computed anew" in run(*evaluation, "--out", "runs/head")[2]
    assert run("compare", "runs/base", "runs/head")[0] == 0


def test_every_stored_piece_says_what_it_is(store):
    evaluate([Painter()], ToyFaces(N), Reader(), store=store)
    kinds = [read_key(path)["kind"] for path in store.root.glob("*/*.npz")]
    assert sorted(set(kinds)) == ["edits", "real", "render", "truth"]
    assert len(kinds) == 1 + 7 + 1 + 1
