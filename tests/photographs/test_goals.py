"""What an edit of a photograph can show, and the codes of it."""

import numpy as np
import pytest
import torch

from ganbench.errors import BadInput, GanbenchError
from ganbench.methods import load_method
from ganbench.photographs import goals


@pytest.fixture(scope="module")
def gaussian():
    return load_method("gaussian", device="cpu")


def test_emotions(tiny_method):
    method = tiny_method("linear")
    (goal,) = goals.emotion_goals(method, "Happiness")
    assert (goal.name, goal.said) == ("happy", "happy")
    torch.testing.assert_close(goal.code(None), method.codes(["happy"]))
    assert [goal.name for goal in goals.emotion_goals(method, "all")] == list(
        method.config.emotions
    )


def test_intensity_of_ganmut_is_the_distance_from_the_origin(tiny_method):
    method = tiny_method("linear")
    (goal,) = goals.emotion_goals(method, "sad", 0.3)
    torch.testing.assert_close(goal.code(None), 0.3 * method.codes(["sad"]))
    assert goal.name == "sad-0.3"


def test_intensity_of_gganmut_is_on_the_way_from_neutral(gaussian):
    neutral, sad = gaussian.codes(["neutral", "sad"])
    for share in (0, 0.25, 1):
        (goal,) = goals.emotion_goals(gaussian, "sad", share)
        torch.testing.assert_close(goal.code(None)[0], neutral + share * (sad - neutral))
    assert "25% of the way from neutral" in goals.emotion_goals(gaussian, "sad", 0.25)[0].said


@pytest.mark.parametrize("name", ["stargan", "smit", "stargan-v2"])
def test_others_have_no_intensity(name, tiny_method):
    with pytest.raises(BadInput, match=r"cannot show a part of an emotion \(--intensity 0.5\)"):
        goals.emotion_goals(tiny_method(name), "sad", 0.5)


def test_a_code_is_given(gaussian, tiny_method):
    goal = goals.code_goal(gaussian, goals.parse_code("0.4,-.2"))
    torch.testing.assert_close(goal.code(None), torch.tensor([[0.4, -0.2]]))
    with pytest.raises(BadInput, match="outside the conditional plane"):
        goals.code_goal(gaussian, (0.4, 1.2))
    with pytest.raises(GanbenchError, match="no anchors"):
        goals.code_goal(tiny_method("stargan"), (0.4, 0.2))
    for text in ("1", "1,2,3", "a,b", "nan,0", ""):
        with pytest.raises(BadInput, match="no code of two numbers"):
            goals.parse_code(text)


def test_a_mixture_is_the_nearest_code(gaussian):
    """No code of a grid of its own is nearer, and a p_z that a code has is found."""
    emotions = list(gaussian.config.emotions)
    code = torch.tensor([[0.35, 0.1]])
    p = gaussian.label_distribution(code)[0]
    goal = goals.mix_goal(gaussian, {name: float(v) for name, v in zip(emotions, p, strict=True)})
    torch.testing.assert_close(goal.code(None), code, atol=0.01, rtol=0)
    wanted = {"happy": 0.6, "surprised": 0.4}
    found = goals.mix_goal(gaussian, wanted)
    assert found.name == "happy+surprised"
    assert "p_z" in found.said
    random = np.random.default_rng(0).uniform(-1, 1, (4000, 2))
    others = gaussian.label_distribution(torch.from_numpy(random).float())

    def divergence(rows):
        return sum(v * torch.log(v / rows[:, emotions.index(name)]) for name, v in wanted.items())

    best = divergence(gaussian.label_distribution(found.code(None)))
    assert float(best) <= float(divergence(others).min()) + 1e-4


def test_what_a_mixture_must_be(gaussian, tiny_method):
    assert goals.parse_mix("happiness=.6, sad=.4") == {"happy": 0.6, "sad": 0.4}
    for text, message in (
        ("happy=.6", "have the sum 0.6; it must be 1"),
        ("happy", "no share of an emotion"),
        ("happy=.5,happiness=.5", "no share of an emotion"),
        ("happy=-1,sad=2", "no share of an emotion"),
    ):
        with pytest.raises(BadInput, match=message):
            goals.parse_mix(text)
    with pytest.raises(BadInput, match="hapy"):
        goals.mix_goal(gaussian, {"hapy": 1.0})
    with pytest.raises(GanbenchError, match="no label distribution"):
        goals.mix_goal(tiny_method("linear"), {"happy": 1.0})


def test_noise_reaches_the_code(tiny_method):
    method = tiny_method("smit")
    (goal,) = goals.emotion_goals(method, "sad")
    noise = method.draw_noise(1, torch.Generator().manual_seed(1))
    torch.testing.assert_close(goal.code(noise), method.codes(["sad"], noise=noise))
