"""``ganbench figure`` with tiny networks and a folder of tiny pictures."""

import re
from pathlib import Path

import pytest
import torch
from PIL import Image
from toys import photograph

from ganbench.cli.figure import parse_code, parse_codes, parse_numbers
from ganbench.errors import BadInput
from ganbench.figures import FIGURES
from ganbench.judges.vgg import VGG, VGGConfig
from ganbench.methods.weights import save_checkpoint

DOCS = Path(__file__).parents[2] / "docs" / "figures.md"

# The arguments of each figure except data and output.
ARGUMENTS = {
    "tsne": ["--method", "stargan", "--limit", "21"],
    "complex": ["--method", "gaussian"],
    "nuance": ["--method", "linear", "--code", "-0.1,0.3"],
    "same-label": ["--method", "gaussian", "--tolerance", "0.2"],
    "compare": ["--methods", "stargan=stargan.safetensors,linear=linear.safetensors"],
    "wheel": ["--method", "linear", "--rho", "0.6"],
    "styles": ["--method", "smit", "--emotion", "sad"],
    "gamut": ["--method", "gaussian"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures of seven emotions, two pictures that are not square, and a judge."""
    place = tmp_path_factory.mktemp("figures")
    for split in ("train", "test"):
        photograph(place / "photos" / split, 3, (20, 20), ".jpg")
    Image.effect_noise((50, 30), 80).save(place / "me.png")
    torch.manual_seed(0)
    judge = VGG(VGGConfig(image_size=16, stages=(1, 1), widths=(4, 6), hidden=8))
    save_checkpoint(place / "judge.safetensors", judge, "judge", "judge", {})
    Image.effect_noise((30, 50), 80).save(place / "you.jpg")
    return place


@pytest.fixture
def run(folder, tiny_method, monkeypatch, call):
    """``run(name, *arguments)`` -> exit code, stdout, stderr; the checkpoints are tiny ones."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GANBENCH_CACHE", str(folder / "cache"))
    for name in ("stargan", "linear", "gaussian", "smit"):
        if not (folder / f"{name}.safetensors").exists():
            save_checkpoint(folder / f"{name}.safetensors", tiny_method(name), "method", name, {})

    def figure(name, *arguments):
        given = [name, *arguments]
        if "--method" in given and "=" not in given[place := given.index("--method") + 1]:
            given[place] += f"={given[place]}.safetensors"
        if name in FIGURES and "judge" in FIGURES[name].inputs and "--judge" not in given:
            given += ["--judge", "judge.safetensors"]
        return call("figure", *given, "--device", "cpu")

    return figure


FACES = ["--data", "folder", "--root", "photos"]


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_written(run, folder, name):
    kind, start = ("pdf", b"%PDF") if name in ("compare", "gamut") else ("png", b"\x89PNG")
    out = folder / "out" / f"{name}.{kind}"
    code, printed, err = run(name, *ARGUMENTS[name], *FACES, "--out", str(out))
    assert (code, err) == (0, "")
    caption, path = printed.splitlines()
    assert len(caption) > 40
    assert path == str(out)
    assert out.read_bytes().startswith(start)
    if kind == "png":
        with Image.open(out) as image:
            assert 3.4 * 300 < image.width <= 7.21 * 300


def test_pictures_of_the_user_follow_images(run, folder):
    images = ["--images", "me.png", "you.jpg"]
    code, _, err = run("complex", *ARGUMENTS["complex"], *images, "--out", "own.png")
    assert code == 0
    assert err == (
        "note: 2 images are not square, of 2: their middle square is cut out (--framing centre; or "
        "stretch)\n"
    )
    code, _, _ = run("complex", *ARGUMENTS["complex"], "--images", "me.png", "--out", "one.png")
    assert code == 0
    sizes = [Image.open(folder / name).width for name in ("own.png", "one.png")]
    assert sizes[0] == pytest.approx(3.53 * 300, abs=3)
    assert sizes[1] == pytest.approx(3.5 * 300, abs=3)


def test_a_figure_is_never_written_over_its_pictures(run, folder):
    before = (folder / "me.png").read_bytes()
    for name in ("me.png", "../" + folder.name + "/me.png"):
        code, _, err = run("complex", *ARGUMENTS["complex"], "--images", "me.png", "--out", name)
        assert (code, err.count("\n")) == (2, 1)
        assert "would be written over the picture me.png; choose another --out" in err
    assert (folder / "me.png").read_bytes() == before


def test_the_seed_chooses_the_faces(run, folder):
    made = []
    for seed in ("0", "0", "1"):
        run("wheel", *ARGUMENTS["wheel"], *FACES, "--seed", seed, "--out", "seed.png")
        made.append((folder / "seed.png").read_bytes())
    assert made[0] == made[1] != made[2]


OUT = ["--out", "bad.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["weel"], "unknown figure: 'weel'; did you mean 'wheel'"),
        (["wheel", *OUT], "Missing option '--method'"),
        (["wheel", "--method", "linear"], "Missing option '--out'"),
        (["wheel", "--method", "linear", "--out", "x.gif"], "png or pdf: 'x.gif'; name it x.pdf"),
        (["wheel", "--method", "linaer", *OUT], "did you mean 'linear'"),
        (["wheel", "--method", "linear=gaussian.safetensors", *OUT], "holds 'gaussian'"),
        (["wheel", "--method", "linear", "--rho", "a", *OUT], "not numbers: 'a'"),
        (["wheel", "--method", "linear", "--rho", "2", *OUT], "rho must be"),
        (["wheel", "--method", "linear", "--tolerance", "1", *OUT], "No such option"),
        (["complex", "--method", "gaussian", "--codes", "1,2,3", *OUT], "not codes of a plane: '1,2,3'"),
        (["complex", "--method", "gaussian", "--codes", "3,0", *OUT], "outside the conditional plane"),
        (["complex", "--method", "gaussian", "me.png", *OUT], "unexpected argument: 'me.png'"),
        (["complex", "--method", "gaussian", "--images", "me.png", "--root", "photos", *OUT], "--images with --data"),
        (["complex", "--method", "gaussian", "--images", "no.png", *OUT], "No such file or directory): no.png"),
        (["complex", "--method", "gaussian", "--images", "linear.safetensors", *OUT], "not a picture"),
        (["complex", "--method", "gaussian", "--data", "folder", "--root", "nowhere", *OUT], "nowhere"),
        (["nuance", "--method", "linear", "--code", "1,0;0,1", *OUT], "one code is needed, not 2"),
        (["nuance", "--method", "linear", "--step", "0", *OUT], "--step"),
        (["same-label", "--method", "stargan", *OUT], "ganbench: stargan defines no label distribution of a code; use gaussian\n"),
        (["same-label", "--method", "gaussian", "--tolerance", "1e-12", *OUT], "raise --tolerance"),
        (["styles", "--method", "smit", "--emotion", "jolly", *OUT], "unknown emotion: 'jolly'"),
        (["gamut", "--method", "linear", "--judge", "linear.safetensors", *OUT], "not a judge"),
        (["tsne", "--method", "linear", "--images", "me.png", *OUT], "No such option"),
        (["compare", "--methods", "stargan=stargan.safetensors,smit=smit.safetensors", *OUT], "differ in image size"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_bad_input_is_one_line_and_leaves_nothing(run, folder, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1, err
    assert message in err
    assert "Traceback" not in err
    assert not (folder / "bad.png").exists()


def test_an_unwritable_place_is_refused(run):
    code, _, err = run("wheel", *ARGUMENTS["wheel"], *FACES, "--out", "me.png/x.png")
    assert code == 2
    assert "cannot write" in err


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_help_and_a_place_in_the_docs(run, name):
    code, out, _ = run(name, "--help")
    assert code == 0
    assert " ".join(FIGURES[name].text.split()) in " ".join(out.split())
    text = DOCS.read_text()
    assert re.search(rf"^## .*`{name}`", text, re.MULTILINE)
    assert f"ganbench figure {name} " in text


def test_lists_are_parsed():
    assert parse_numbers("0.4, 1") == [0.4, 1]
    assert parse_codes("-0.5,0.2;1,1").tolist() == [[-0.5, 0.2], [1, 1]]
    assert parse_code("0,1").tolist() == [0, 1]
    for text in ("", ",", "1,nan", "1;2", "inf,0"):
        with pytest.raises(BadInput):
            parse_codes(text)
