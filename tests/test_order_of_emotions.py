"""The order in which a network lists its emotions is its own business: everything goes by name."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from conftest import NETWORKS, SIZE, TinyFaces
from PIL import Image
from safetensors.torch import load_file
from toys import Painter, Reader, ToyPhotos

import ganbench
from ganbench.config import parse_assignments
from ganbench.data import load_dataset
from ganbench.emotions import EMOTIONS, KNOWN
from ganbench.errors import BadInput
from ganbench.evaluation.protocol import codes as protocol_codes
from ganbench.evaluation.run import evaluate
from ganbench.figures import complex, plane
from ganbench.figures.search import lattice
from ganbench.judges.interface import ask
from ganbench.judges.vgg import VGG, VGGConfig
from ganbench.methods.conditions import Category
from ganbench.methods.weights import save_checkpoint
from ganbench.official import export_checkpoint, import_checkpoint
from ganbench.registry import METHODS
from ganbench.storage.store import Store
from ganbench.training.session import prepare

SORTED = tuple(sorted(EMOTIONS))
EIGHT = tuple(sorted(KNOWN))
SIX = list(NETWORKS)
# Suite number -> label of the sorted order.
LABEL = [SORTED.index(name) for name in EMOTIONS]


class Colours(TinyFaces):
    """Faces whose level tells their emotion."""

    def __init__(self, names, n=42, fingerprint="colours"):
        super().__init__(n)
        places = np.array([KNOWN.index(name) for name in names])
        self.labels = places[np.arange(n) % len(names)]
        self.fingerprint = fingerprint
        self.pixels = self.pixels * 0.1 + torch.as_tensor(self.labels)[:, None, None, None] / 10


def relabelled(state: dict, name: str, order: tuple[str, ...] = SORTED) -> dict:
    """The weights of a network in Table-1 order as the same network lists them in another order."""
    where = torch.tensor([EMOTIONS.index(emotion) for emotion in order])
    others = torch.tensor([EMOTIONS.index(e) - 1 for e in order if e != "neutral"])
    found = {}
    for key, tensor in state.items():
        tensor = tensor.clone()
        if key == "generator.main.0.weight" and name in ("stargan", "ganimation"):
            tensor[:, 3:] = tensor[:, 3 + where]
        elif key.startswith("axes."):
            tensor = tensor[others]
        elif key in ("mu", "covariance_axes"):
            tensor = tensor[where]
        elif key == "covariance_angles":
            tensor = tensor[:, where]
        elif key == "conv2.weight":
            tensor[:7] = tensor[where]
        elif key == "embedding.weight":
            tensor[:, -7:] = tensor[:, tensor.shape[1] - 7 + where]
        found[key] = tensor
    for key in state:
        if ".unshared." in f".{key}":
            parts = key.split(".")
            parts[2] = str(int(where[int(parts[2])]))
            found[key] = state[".".join(parts)].clone()
    return found


@pytest.fixture
def pair(tiny_method):
    """``pair(name)``: a method in Table-1 order, and the same method with its classes sorted."""

    def make(name, order=SORTED, **network):
        usual, other = tiny_method(name, **network), tiny_method(name, emotions=order, **network)
        other.load_state_dict(relabelled(usual.state_dict(), name, order))
        return usual, other

    return make


# -- codes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SIX)
def test_edits_agree_by_name_and_by_number(pair, name):
    usual, other = pair(name)
    assert other.spec.emotions == SORTED
    size = usual.spec.image_size
    x, everything = torch.rand(7, 3, size, size), torch.arange(7)
    noise = usual.draw_noise(7, torch.Generator().manual_seed(0))
    expected = usual.edit(x, usual.codes(everything, noise=noise)).images
    for emotions in (everything, list(range(7)), list(EMOTIONS), ["Neutrality", *EMOTIONS[1:]]):
        found = other.edit(x, other.codes(emotions, noise=noise)).images
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    direct = other.encode(Category(everything), noise)
    assert torch.equal(direct, other.codes(everything, noise=noise))
    assert other.labels(everything).tolist() == LABEL
    # With the table left out happy would be another emotion's edit.
    wrong = other.edit(x, other.own_codes(Category(everything), noise)).images
    assert not torch.allclose(wrong, expected, atol=1e-3)


def test_anchors_and_label_distributions_are_found_by_name(pair):
    for name in ("linear", "gaussian"):
        usual, other = pair(name)
        torch.testing.assert_close(other.anchors()[LABEL], usual.anchors())
        assert torch.equal(
            protocol_codes(other, "noisy", 3, 0)[0], protocol_codes(usual, "noisy", 3, 0)[0]
        )
    z = usual.sample(20, torch.Generator().manual_seed(1))
    torch.testing.assert_close(other.label_distribution(z)[:, LABEL], usual.label_distribution(z))
    torch.testing.assert_close(
        protocol_codes(other, "uniform", 3, 0)[1], protocol_codes(usual, "uniform", 3, 0)[1]
    )
    assert other.label_distribution(other.codes(["happy"])).argmax() == SORTED.index("happy")


def test_figures_find_the_emotions_of_a_plane_by_name(pair):
    for name in ("linear", "gaussian"):
        usual, other = pair(name)
        np.testing.assert_allclose(plane.anchors(other), plane.anchors(usual))
    z = lattice(5)
    np.testing.assert_allclose(
        plane.distribution(other)(z), plane.distribution(usual)(z), rtol=1e-5
    )
    np.testing.assert_allclose(complex.mixed_codes(other), complex.mixed_codes(usual), atol=1e-5)


def test_a_method_with_fewer_emotions_refuses_the_others(tiny_method):
    method = tiny_method("stargan", emotions=("happy", "sad", "neutral"))
    assert method.codes(["sad", "neutral"]).argmax(1).tolist() == [1, 2]
    assert method.codes(torch.tensor([2, 0])).argmax(1).tolist() == [1, 2]
    for wrong in (["angry"], torch.tensor([3])):
        with pytest.raises(BadInput, match=r"emotions must be integers|cannot show 'angry'"):
            method.codes(wrong)
    with pytest.raises(BadInput, match="cannot show 'happy'; it knows: neutral, angry"):
        tiny_method("stargan", emotions=("neutral", "angry")).codes(torch.tensor([1]))
    with pytest.raises(BadInput, match="unknown emotion: 'hapy'; did you mean 'happy'"):
        method.codes(["hapy"])


def test_a_plug_in_that_encodes_by_itself_is_not_given_another_order():
    method = Painter()
    method.config = type(method.config)(emotions=SORTED)
    with pytest.raises(BadInput, match=r"another order than Table 1.*own_codes"):
        method.codes(torch.tensor([1]))


@pytest.mark.parametrize("inherits", [False, True])
def test_a_plug_in_that_encodes_by_itself_gets_its_own_labels(inherits):
    class Few(Painter):
        def encode(self, condition, noise=None):
            if inherits:
                return super(Painter, self).encode(condition, noise)
            return self.own_codes(condition, noise)

        def own_codes(self, condition, noise=None):
            return torch.eye(len(self.config.emotions))[condition.emotions]

    method = Few()
    for names in (("neutral", "happy", "angry"), ("happy", "sad"), EMOTIONS):
        method.config = type(method.config)(emotions=names)
        places = torch.tensor([KNOWN.index(name) for name in names])
        assert torch.equal(method.codes(places), torch.eye(len(names)))
        assert torch.equal(method.codes(names), torch.eye(len(names)))
    method.config = type(method.config)(emotions=("happy", "neutral"))
    with pytest.raises(BadInput, match=r"another order than Table 1: happy, neutral; .*own_codes"):
        method.codes(["happy"])


@pytest.mark.parametrize("name", [*SIX, "judge"])
@pytest.mark.parametrize(
    ("emotions", "message"),
    [
        ("['happy', 'sad', 'happiness', 'neutral']", "'happy' is there 2 times"),
        ("['neutral']", "emotions must name two classes or more"),
        ("['neutral', 'hapy']", "unknown class in network.emotions: 'hapy'; did you mean 'happy'"),
    ],
)
def test_lists_that_are_none_are_refused(name, emotions, message):
    with pytest.raises(BadInput, match=message):
        prepare(name, "faces", parse_assignments([f"network.emotions={emotions}"]), device="cpu")


def test_linear_needs_neutral(tiny_method):
    with pytest.raises(BadInput, match=r"neutral at the origin.*add neutral"):
        tiny_method("linear", emotions=("happy", "sad", "angry"))
    method = tiny_method("linear", emotions=("happy", "neutral", "sad"))
    anchors = method.anchors()
    assert anchors.norm(dim=1).tolist() == pytest.approx([1, 0, 1])
    assert method.axes.weight.shape == (2, 2)
    ring = tiny_method("gaussian", emotions=("happy", "neutral", "sad"), means="circle").anchors()
    assert ring.norm(dim=1).tolist() == pytest.approx([0.75, 0, 0.75])


# -- training ---------------------------------------------------------------------------------------


@pytest.fixture
def train(tiny_recipe, tmp_path):
    """``train(name, data, *assignments, change=None)``: a finished run; ``change`` sets first weights."""

    def make(name, data, *assignments, change=None, folder="run"):
        session = prepare(name, tiny_recipe, parse_assignments(assignments), device="cpu")
        if change:
            change(session.trainer)
        run = session.run(data, tmp_path / folder, "ganbench train")
        run.start()
        run.run()
        return run

    return make


@pytest.mark.parametrize("name", ["stargan", "linear", "ganimation"])
def test_a_training_depends_on_no_order(train, tmp_path, name):
    data = Colours(EMOTIONS)
    exact = ("augment.flip=0.0", "augment.rotate=0.0", "augment.zoom=[1.0, 1.0]", "ema_decay=0.0")
    one_head = {"source_head": False} if name == "linear" else {}
    first = prepare(name, "faces", {"network": NETWORKS[name], **one_head}, device="cpu").trainer
    states = {key: network.state_dict() for key, network in first.networks.items()}

    def start(trainer):
        other = tuple(trainer.model.config.emotions) == SORTED
        for key, network in trainer.networks.items():
            state = states[key]
            network.load_state_dict(relabelled(state, name) if other else state)

    usual = train(name, data, *exact, change=start, folder="a").trainer.model
    other = train(
        name, data, *exact, f"network.emotions={list(SORTED)}", change=start, folder="b"
    ).trainer.model
    x = data.images(range(7))
    wanted = usual.edit(x, usual.codes(EMOTIONS)).images
    moved = wanted - first.model.eval().edit(x, first.model.codes(EMOTIONS)).images
    assert moved.abs().max() > 1e-3  # it learned something
    torch.testing.assert_close(
        other.edit(x, other.codes(EMOTIONS)).images, wanted, rtol=1e-3, atol=1e-4
    )


def test_labels_reach_the_network_by_name(train):
    data = Colours(("neutral", "happy", "sad"))
    run = train("stargan", data, "network.emotions=['happy', 'sad', 'neutral']", "iterations=2")
    names = run.trainer.model.config.emotions
    assert [names[label] for label in run.labels] == [KNOWN[place] for place in data.labels]
    assert [names[label] for label in run.labels[:3]] == ["neutral", "happy", "sad"]


def test_what_the_network_does_not_list_is_left_out_and_said(train):
    run = train("stargan", Colours(EMOTIONS), "network.emotions=['sad', 'neutral', 'happy']")
    assert sorted(set(run.dataset.labels.tolist())) == [0, 1, 2]
    assert run.dataset.left_out.startswith("6 of label surprised, 6 of label fearful")
    assert run.card["data"]["images"] == 18
    whole, subset = Colours(EMOTIONS), run.dataset
    assert subset.fingerprint != whole.fingerprint
    assert torch.equal(subset.images([3]), whole.images([7]))


@pytest.mark.parametrize("name", ["stargan", "judge"])
def test_a_class_without_images_is_refused(train, name):
    with pytest.raises(BadInput, match="has no image of: angry"):
        train(
            name,
            Colours(("neutral", "happy", "sad")),
            "network.emotions=['angry', 'sad', 'happy', 'neutral']",
        )


# -- degenerate data --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*SIX, "judge"])
@pytest.mark.parametrize(("names", "n"), [(EMOTIONS, 1), (EMOTIONS, 4), (("happy",), 40)])
def test_what_the_doctor_calls_a_fault_is_not_trained_on(name, names, n, tmp_path):
    network = {} if name == "judge" else {"network": NETWORKS[name]}
    session = prepare(name, "faces", network | {"probe_every": 0}, device="cpu")
    with pytest.raises(BadInput, match="has no image of"):
        session.run(Colours(names, n), tmp_path / "run", "ganbench train")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", SIX)
def test_targets_that_never_differ_are_refused(name, tmp_path):
    def begin(data, batch_size):
        more = {"network": NETWORKS[name], "probe_every": 0, "batch_size": batch_size}
        more |= {"random_codes": 0} if name == "linear" else {}
        return prepare(name, "faces", more, device="cpu").run(data, tmp_path / "run", "x")

    if name == "gaussian":  # every batch holds all the means
        with pytest.raises(BadInput, match="a batch must hold the means"):
            begin(Colours(EMOTIONS), 1)
        return
    if name == "stargan-v2":  # targets are drawn from all classes
        assert begin(Colours(EMOTIONS), 1).done == 0
        return
    with pytest.raises(BadInput, match="batch_size 1 gives every image its label as target"):
        begin(Colours(EMOTIONS), 1)
    assert begin(Colours(EMOTIONS), 2).done == 0


def test_one_picture_with_units_has_no_other_to_take_a_target_from(tmp_path):
    network = NETWORKS["ganimation"] | {"condition": "action_units"}
    options = {"network": network, "classification": "mse"}
    session = prepare("ganimation", "faces", options, device="cpu")
    with pytest.raises(BadInput, match="1 training image: ganimation takes its targets from other"):
        session.run(TinyFaces(1, units=True), tmp_path / "run", "x")


def test_batches_of_one_emotion_are_refused(tmp_path, monkeypatch):
    session = prepare("stargan", "faces", {"batch_size": 4, "probe_every": 0}, device="cpu")
    happy = np.arange(28) * 7 % 42  # all of one emotion
    monkeypatch.setattr(session.trainer, "indices", lambda labels, i, seed: happy[:4])
    with pytest.raises(BadInput, match="none of the first 11 batches of 4 holds two emotions"):
        session.run(Colours(EMOTIONS), tmp_path / "run", "x")


def test_every_part_of_a_batch_mixes_at_some_time(tmp_path, monkeypatch):
    options = {"network": NETWORKS["smit"], "batch_size": 4, "probe_every": 0}
    session = prepare("smit", "faces", options, device="cpu")
    happy, mixed = np.arange(4) * 7, np.arange(4)

    def begin(draw):
        monkeypatch.setattr(
            session.trainer, "indices", lambda labels, i, seed: np.concatenate(draw(i))
        )
        return session.run(Colours(EMOTIONS), tmp_path / "run", "x")

    assert begin(lambda i: (mixed, happy) if i % 2 else (happy, mixed)).done == 0
    with pytest.raises(BadInput, match="batches of 4 holds two emotions in part 2 of 2; raise"):
        begin(lambda i: (mixed, happy))


# -- judges and evaluation --------------------------------------------------------------------------


@pytest.mark.parametrize("order", [SORTED, EIGHT])
def test_a_judge_is_read_by_name(order, tmp_path):
    small = {"image_size": 16, "stages": (1, 1), "widths": (4, 6), "hidden": 8}
    torch.manual_seed(0)
    model = VGG(VGGConfig(emotions=order, **small)).eval()
    save_checkpoint(tmp_path / "judge.safetensors", model, "judge", "judge", {})
    judge = ganbench.load_judge(checkpoint=tmp_path / "judge.safetensors", device="cpu")
    x = torch.rand(3, 3, 16, 16)
    raw = model(x * 2 - 1)[0]
    expected = raw[:, [order.index(name) for name in EMOTIONS]]
    assert judge.spec.emotions == KNOWN[: len(order)]
    torch.testing.assert_close(judge.judge(x).logits[:, :7], expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ask(judge, x).logits, expected, rtol=1e-4, atol=1e-5)
    assert ask(judge, x).logits.shape == (3, 7)


class Sorted(Painter):
    """The painter with its classes in another order, contempt among them."""

    def __init__(self, order):
        super().__init__()
        self.config = type(self.config)(emotions=order)

    @property
    def code_dim(self):
        return len(self.config.emotions)

    encode = ganbench.methods.Method.encode

    def own_codes(self, condition, noise=None):
        return torch.nn.functional.one_hot(condition.emotions, self.code_dim).float()

    def translate(self, x, codes):
        names = [self.config.emotions[label] for label in codes.argmax(1).tolist()]
        usual = torch.eye(7)[[EMOTIONS.index(name) for name in names]]
        return super().translate(x, usual)


class Backwards(Reader):
    """The reader with its columns in another order, contempt among them."""

    @property
    def spec(self):
        return dataclasses.replace(super().spec, emotions=EIGHT)

    def judge(self, images):
        found = super().judge(images)
        eighth = torch.cat([found.logits, torch.full_like(found.logits[:, :1], 200.0)], 1)
        return type(found)(eighth[:, [KNOWN.index(name) for name in EIGHT]], found.features)


@pytest.mark.parametrize("order", [SORTED, EIGHT])
def test_an_evaluation_goes_by_name(order, tmp_path):
    found = evaluate(
        [Sorted(order)], ToyPhotos(70), Backwards(), store=Store(tmp_path), metrics="all"
    )
    results = found.results
    assert "painter also knows contempt, which an" in " ".join(found.notes) or order == SORTED
    assert "judge Reader also knows contempt" in " ".join(found.notes)
    for emotion in (*EMOTIONS, None):
        assert results.find("painter", "accuracy", emotion).value == 100
    assert results.find("real", "accuracy").value == 100
    assert results.find("painter", "ere").value == pytest.approx(0, abs=1e-9)


def test_methods_and_judges_that_lack_an_emotion_are_refused(tmp_path):
    few = ("neutral", "happy", "sad")
    with pytest.raises(BadInput, match="it lacks surprised, fearful, disgusted, angry"):
        evaluate([Sorted(few)], ToyPhotos(70), Reader(), store=Store(tmp_path))

    class Three(Reader):
        @property
        def spec(self):
            return dataclasses.replace(super().spec, emotions=few)

    with pytest.raises(BadInput, match="judge reader knows other emotions: neutral, happy, sad"):
        evaluate([Painter()], ToyPhotos(70), Three(), store=Store(tmp_path))


# -- the authors' files -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", SIX)
def test_an_export_is_in_the_authors_order(name, tmp_path):
    cls = METHODS.load(name)
    as_theirs = {"smit": {}, "stargan-v2": {"bottleneck": 2}}
    family = {"image_size": 64, "critic_layers": 6}
    network = {**NETWORKS[name], **as_theirs.get(name, family)}
    torch.manual_seed(1)
    usual = cls(cls.Config(**network)).eval().requires_grad_(False)
    # Neutral is neither the first nor in its place of the alphabet.
    order = ("happy", "sad", "neutral", "angry", "fearful", "disgusted", "surprised")
    other = cls(cls.Config(**network, emotions=order)).eval().requires_grad_(False)
    other.load_state_dict(relabelled(usual.state_dict(), name, order))
    path = tmp_path / "other.safetensors"
    save_checkpoint(path, other, "method", name, {})
    files = export_checkpoint(path, tmp_path / "theirs")
    out = tmp_path / "back.safetensors"
    import_checkpoint(name, files[0], out=out, image_size=usual.spec.image_size)
    back = load_file(out)
    for key, tensor in usual.state_dict().items():
        assert torch.equal(back[key], tensor), key


# -- contempt, from end to end ------------------------------------------------------------------------


@pytest.fixture
def photographs(tmp_path):
    """A folder for each of the eight, and a list with AffectNet's ids."""
    lines = []
    for place, name in enumerate(KNOWN):
        folder = tmp_path / "photos" / "train" / name
        folder.mkdir(parents=True)
        for i in range(4):
            level = np.full((SIZE, SIZE, 3), 20 + 28 * place + i, np.uint8)
            Image.fromarray(level).save(folder / f"{i}.png")
            lines.append(f"train/{name}/{i}.png,{place}")
    (tmp_path / "photos" / "train.csv").write_text("path,label\n" + "\n".join(lines) + "\n")
    return tmp_path / "photos"


@pytest.mark.parametrize("kind", ["folder", "csv"])
def test_contempt_is_used_where_it_is_asked_for(photographs, kind):
    usual = load_dataset(kind, "train", root=photographs, size=SIZE)
    assert (len(usual), usual.left_out) == (28, "4 of label contempt")
    eight = load_dataset(kind, "train", root=photographs, size=SIZE, emotions=EIGHT)
    assert np.bincount(eight.labels).tolist() == [4] * 8
    assert eight.left_out == ""
    two = load_dataset(kind, "train", root=photographs, size=SIZE, emotions=("contempt", "sad"))
    assert sorted(set(two.labels.tolist())) == [2, 7]
    assert "4 of label neutral" in two.left_out


def test_contempt_is_trained_judged_and_edited(photographs, tiny_recipe, call, tmp_path):
    common = ("--recipe", tiny_recipe, "--data", "folder", "--root", photographs, "--device", "cpu")
    for name in ("stargan", "judge"):
        code, _, err = call(
            "train", name, *common, "--set", f"network.emotions={list(EIGHT)}", "--out", name
        )
        assert code == 0, err
        assert "left out" not in err
    judge = ganbench.load_judge(checkpoint=tmp_path / "judge/judge.safetensors", device="cpu")
    assert judge.spec.emotions == KNOWN
    weights = tmp_path / "stargan/stargan.safetensors"
    method = ganbench.load_method("stargan", weights, device="cpu")
    picture = photographs / "train" / "happy" / "0.png"
    edit = ("edit", "--framed", "--images", picture, "--method", f"stargan={weights}")
    for word in ("contempt", "Happiness"):
        code, _, err = call(*edit, "--emotion", word, "--out", tmp_path / word, "--device", "cpu")
        assert code == 0, err
        x = torch.from_numpy(np.array(Image.open(picture))).permute(2, 0, 1)[None].float() / 255
        label = torch.eye(8)[[EIGHT.index({"Happiness": "happy"}.get(word, word))]]
        expected = (method.edit(x, label).images[0] * 255).round().byte().permute(1, 2, 0)
        assert np.array_equal(np.array(Image.open(tmp_path / word / "0.png")), expected.numpy())


def test_a_subset_says_what_is_left_out(photographs, tiny_recipe, call):
    common = ("--recipe", tiny_recipe, "--data", "folder", "--root", photographs, "--device", "cpu")
    few = ("--set", "network.emotions=['happy', 'sad']", "--out", "few")
    code, _, err = call("train", "stargan", *common, *few)
    assert code == 0, err
    assert "left out of folder: 4 of label neutral, 4 of label surprised" in err
    assert "4 of label contempt" in err
    code, out, err = call("train", "stargan", *common, *few, "--dry-run")
    words = " ".join(out.split())
    assert "8 images (listed: 4 happy, 4 sad, 4 of neutral left out" in words
