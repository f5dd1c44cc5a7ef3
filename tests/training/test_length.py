"""A run that would never train its generator against the critic is refused; a short run gets notes."""

from __future__ import annotations

import pytest

from ganbench.baselines.smit import SMITRecipe
from ganbench.config import parse_assignments
from ganbench.errors import BadInput
from ganbench.training.adversarial import AdversarialRecipe
from ganbench.training.augment import Augment
from ganbench.training.recipe import shipped_recipes
from ganbench.training.setup import configure

NAMES = ["linear", "gaussian", "stargan", "ganimation"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (("iterations=150", "warmup_iterations=400"), "ends within its warm-up: iterations = 150, warmup_iterations = 400"),
        (("iterations=400", "warmup_iterations=400"), "ends within its warm-up"),
        (("iterations=100", "warmup_iterations=0", "n_critic=101"), "generator is never trained: of 100"),
        (("iterations=403", "warmup_iterations=400", "n_critic=5"), "only every 5th trains it"),
    ],
)  # fmt: skip
def test_the_generator_would_never_play(tiny_recipe, name, changes, message):
    with pytest.raises(BadInput, match=message) as error:
        configure(name, tiny_recipe, parse_assignments(changes))
    assert "\n" not in str(error.value)
    assert "raise iterations" in str(error.value)


def test_the_command_refuses_too(call, tmp_path):
    for more in ((), ("--dry-run",)):
        code, _, err = call("train", "stargan", "--set", "iterations=150", *more)
        assert code == 2
        assert "ends within its warm-up: iterations = 150, warmup_iterations = 400" in err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("iterations", range(1, 30))
@pytest.mark.parametrize("warmup", [0, 1, 7, 10])
@pytest.mark.parametrize("n_critic", [1, 2, 5, 12])
def test_steps_are_those_of_the_trainer(iterations, warmup, n_critic):
    recipe = AdversarialRecipe(iterations=iterations, warmup_iterations=warmup, n_critic=n_critic)
    played = [i for i in range(warmup, iterations) if (i + 1) % n_critic == 0]
    assert recipe.generator_steps() == len(played)
    if played:
        recipe.check_length()
    else:
        with pytest.raises(BadInput):
            recipe.check_length()


def test_methods_without_critic_steps_of_their_own():
    assert SMITRecipe(iterations=9, warmup_iterations=3).generator_steps() == 6
    with pytest.raises(BadInput, match="ends within its warm-up"):
        SMITRecipe(iterations=3, warmup_iterations=3).check_length()


def test_what_a_short_run_is_told(call):
    recipe = AdversarialRecipe(iterations=100, decay_iterations=80, ema_decay=0.9)
    assert recipe.notes() == []
    (rate,) = AdversarialRecipe(iterations=100, decay_iterations=200).notes()
    assert "falls from the first step on: decay_iterations = 200 is more than the 100" in rate
    (average,) = AdversarialRecipe(iterations=100, decay_iterations=80, ema_decay=0.999).notes()
    assert "with ema_decay = 0.999 and 20 steps 98% of it are still the first weights" in average
    varied = Augment(flip=0.5, noise=0.1)
    shape = {"iterations": 100, "decay_iterations": 80, "augment": varied}
    assert AdversarialRecipe(**shape, augment_from=99).notes() == []
    (late,) = AdversarialRecipe(**shape, augment_from=100).notes()
    assert (
        "of augment only flip is ever applied: augment_from = 100 is not below iterations = 100"
        in late
    )
    _, out, _ = call("train", "stargan", "--dry-run", "--set", "iterations=420", "--set", "ema_decay=0.9999")  # fmt: skip
    assert "the shipped average hardly moves" in " ".join(out.split())


def test_shipped_recipes_need_no_comment():
    for name in (*NAMES, "smit", "stargan-v2", "judge"):
        for recipe in shipped_recipes():
            assert configure(name, recipe).recipe.notes() == [], (name, recipe)
