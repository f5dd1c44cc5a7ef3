"""``ganbench validate``."""

import json

import pytest


def test_a_trial_of_few_faces(call, tmp_path):
    out = tmp_path / "trial"
    code, printed, err = call(
        "validate", "--device", "cpu", "--limit", 14, "--seed", 3, "--out", out
    )
    found = json.loads((out / "validation.json").read_text())
    assert (found["faces"], found["seed"]) == (14, 3)
    news = [check for check in found["checks"] if not check["passed"] and not check["known"]]
    # Sets of fourteen images say little; everything else must hold.
    assert {check["column"] for check in news} <= {"fed", "recall", "density", "coverage"}
    assert code == (1 if news else 0), err
    texture = found["table"]["texture"]
    assert texture["accuracy"] > 80 > 30 > texture["accuracy face-api"]
    assert texture["gt_error"] > 1
    for word in (
        "wrong identity",
        "Ground-truth error, mouth",
        "half better than lazy",
        "checks hold.",
    ):
        assert word in printed
        assert word in (out / "validation.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--judge", "face-api"], "gradients"),
        (["--judge", "vggg"], "did you mean 'vgg'"),
        (["--limit", "7"], "limit"),
    ],
)
def test_bad_input_is_one_line(call, arguments, message):
    code, _, error = call("validate", "--device", "cpu", *arguments)
    assert code == 2
    assert message in error
    assert "Traceback" not in error
