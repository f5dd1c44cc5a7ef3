"""Several checkpoints of one method in one evaluation, told apart by labels."""

import copy

import pytest
from toys import Painter, Plane, Reader, ToyFaces, ToyPhotos

from ganbench.errors import BadInput
from ganbench.evaluation import labels
from ganbench.evaluation.run import evaluate, load_all, prepare
from ganbench.gate import Run, compare, to_npz, tolerances
from ganbench.gate.predictions import read_predictions
from ganbench.report.run_folder import file_names, write_run
from ganbench.stopwatch import Stopwatch
from ganbench.storage.store import Store

N = 21


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


class Noisy(Painter):
    """Named as the other painter's class is titled, and with noise."""

    name, title = "noisy", "Painter"

    def __init__(self, leak=0.0):
        super().__init__(leak=leak, noise=4)


def test_two_checkpoints_of_one_method_have_numbers_of_their_own(store):
    asked = {"good": Painter(), "bad": Painter(wrong=1), "painter": Painter(leak=0.5)}
    results = evaluate(asked, ToyFaces(N), Reader(), store=store).results
    accuracy = {label: results.find(label, "accuracy").value for label in asked}
    assert accuracy == {"good": 100, "bad": 0, "painter": 100}
    assert results.find("good", "accuracy", variant="minus bad").value == 100
    facts = results.methods
    assert [facts[label]["title"] for label in asked] == [
        "good (Painter)",
        "bad (Painter)",
        "Painter",
    ]
    assert {entry["method"] for entry in facts.values()} == {"painter"}
    assert results.confusion.keys() == {"real", "truth", *asked}


def test_a_label_is_given_in_three_ways(store):
    made = Painter()
    for methods in ({"mine": made}, [("mine", made)], {"mine": ("other", made)}):
        results = evaluate(methods, ToyPhotos(N), Reader(), store=store).results
        assert list(results.methods) == ["mine"]
    assert made.title == "Painter"  # the user's own object is not renamed
    assert list(load_all([("mine:stargan", None), "stargan"], "cpu")) == ["mine", "stargan"]
    assert list(load_all({"mine": "stargan"}, "cpu")) == ["mine"]


def test_a_label_decides_no_number_and_is_computed_once(store):
    parts = ToyPhotos(N), Reader()
    before = evaluate({"one": Noisy()}, *parts, store=store).results
    done = parts[1].judged
    after = evaluate({"two": Noisy()}, *parts, store=store).results
    assert parts[1].judged == done == 8 * N  # the same weights: nothing is new
    for record in before.records:
        label = record.method.replace("one", "two")
        found = after.find(label, record.metric, record.emotion, record.variant)
        assert (found.value, found.low, found.high) == (record.value, record.low, record.high)


def test_checkpoints_of_one_method_get_the_same_noise(store):
    drawn = {}

    class Watched(Noisy):
        def encode(self, condition, noise=None):
            drawn.setdefault(self.leak, []).append(noise)
            return super().encode(condition, noise)

    asked = {"a": Watched(0.25), "b": Watched(0.5)}
    evaluate(asked, ToyPhotos(N), Reader(), store=store)
    for a, b in zip(*drawn.values(), strict=True):
        assert a.equal(b)
    assert len(a) == 7 * 100  # the last draw is that of a chunk


def test_every_title_and_file_is_told_apart(store, tmp_path):
    """Two kinds with one title, two checkpoints of one kind, and one that is titled like a row."""

    class Marked(Painter):
        name, title = "marked", "Real"

    methods = [Painter(), Noisy(), Marked(), ("v1.2", Plane()), ("v1.3", Painter())]
    run = prepare(load_all(methods, "cpu"), ToyPhotos(N), Reader(), 0, None, 32, store, Stopwatch())
    titles = [method.title for method in run.methods.values()]
    assert titles == [
        "painter (Painter)",
        "noisy (Painter)",
        "marked (Real)",
        "v1.2 (Plane)",
        "v1.3 (Painter)",
    ]
    assert len({job.title for job in run.jobs}) == 1 + len(titles)
    found = evaluate(methods, ToyPhotos(N), Reader(), store=store)
    assert len({cloud.title for cloud in found.clouds}) == 1 + len(titles)
    write_run(found, tmp_path / "run", (), run)
    names = [path.name for path in (tmp_path / "run").iterdir()]
    assert sorted(names) == sorted(file_names(run))
    assert {"grid_v1.3.png", "tsne_v1.2_figure1.png", "gamut_v1.2.png"} <= set(names)
    page = (tmp_path / "run" / "report.html").read_text()
    assert all(f"<h3>{title}</h3>" in page for title in titles)
    rows = (tmp_path / "run" / "table1.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["Method", "Real", *titles]


def test_titles_are_never_alike():
    given = {"a": ("x", "b (c)"), "b": ("b", "c"), "d": ("d", "C"), "b (c)": ("b (c)", "b (c)")}
    found = labels.titles(given)
    assert len({title.casefold() for title in found.values()}) == len(given)
    assert labels.titles({"linear": ("linear", "GANmut")}) == {"linear": "GANmut"}


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({"real": Painter()}, "reserved label: 'real'"),
        ({"Truth": Painter()}, "reserved label"),
        ({"all": Painter()}, "reserved label"),
        ({"smit": Painter()}, "label of another method: 'smit'"),
        ({"SMIT": Painter()}, "label of another method"),
        ({"../x": Painter()}, "not a label"),
        ({"a b": Painter()}, "not a label"),
        ({"<b>": Painter()}, "not a label"),
        ({"-x": Painter()}, "not a label"),
        ({"": Painter()}, "not a label"),
        ({"é": Painter()}, "not a label"),
        ({"a_figure1": Painter()}, "not a label"),
        ({"a" * 65: Painter()}, "label of 65 characters"),
        ([("mine", Painter()), ("mine", Plane())], "given twice: mine"),
        ([("mine", Painter()), ("Mine", Plane())], "given twice: mine, Mine"),
        ([("mine:", None)], "no method after the label"),
        ([(":stargan", None)], "not a label"),
        (["mine:stargen"], "did you mean 'stargan'"),
        (["stargan", "stargan"], "first:NAME=FILE,second:NAME=FILE"),
    ],
)
def test_a_label_that_cannot_name_results_is_refused(methods, message):
    with pytest.raises(BadInput, match=message):
        load_all(methods, "cpu")


def test_labels_with_a_meaning_to_numpy_keep_their_outcomes(store, tmp_path):
    asked = {label: Painter(leak=i / 8) for i, label in enumerate(("file", "allow_pickle", "a.b"))}
    found = evaluate(asked, ToyPhotos(N), Reader(), store=store)
    path = tmp_path / "predictions.npz"
    path.write_bytes(to_npz(found.predictions, found.results.records))
    results, predictions = read_predictions(path, found.results)
    assert predictions.keys() == asked.keys()
    assert all((predictions[label] == found.predictions[label]).all() for label in asked)
    assert results.find("file", "accuracy").influence is not None


def test_the_gate_pairs_labels(store):
    def run(methods):
        found = evaluate(methods, ToyPhotos(70), Reader(), store=store)
        return Run(found.results, found.predictions)

    base = run({"a": Painter(), "b": Painter(leak=0.5)})
    head = run({"a": Painter(wrong=1), "c": Painter(leak=0.5)})
    report = compare(base, head, tolerances({r.metric for r in base.results.records}))
    status = {
        c.record.method: c.status
        for c in report.comparisons
        if c.record.metric == "accuracy" and c.headline
    }
    assert status == {"real": "same", "a": "worse", "b": "gone", "c": "new"}


def test_a_copy_with_a_title_shares_its_weights():
    made = Painter()
    (mine,) = load_all({"mine": made}, "cpu").values()
    assert mine is not made
    assert mine.weight is made.weight
    assert copy.deepcopy(mine).title == "mine (Painter)"
    (again,) = load_all({"mine": mine}, "cpu").values()  # not "mine (mine (Painter))"
    assert again.title == "mine (Painter)"


def test_aliases_are_no_labels_of_others():
    assert labels.split("GGANmut") == ("gaussian", "gaussian")
    assert labels.split("mine:GANmut") == ("mine", "linear")
    with pytest.raises(BadInput, match="label of another method: 'ganmut'"):
        labels.split("ganmut:stargan")


def test_methods_are_names_perhaps_with_a_file():
    assert labels.parse_methods("stargan, smit = a/b.safetensors") == [
        ("stargan", None),
        ("smit", "a/b.safetensors"),
    ]
    assert labels.parse_methods("all")[:2] == ["linear", "gaussian"]
    assert labels.parse_methods("all, mine:smit=runs/mine")[5:] == [
        "stargan-v2",
        ("mine:smit", "runs/mine"),
    ]
    with pytest.raises(BadInput):
        labels.parse_methods("smit=")
