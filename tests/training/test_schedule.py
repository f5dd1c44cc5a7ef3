"""The learning rate of a run that is resumed with another length."""

from __future__ import annotations

import json

import pytest
import torch
from conftest import TinyFaces
from hypothesis import given
from hypothesis import strategies as st

from ganbench import reproduction as reproduce
from ganbench.config import parse_assignments
from ganbench.errors import BadInput
from ganbench.training.recipe import Recipe
from ganbench.training.schedule import Schedule, Segment
from ganbench.training.session import prepare

BASE = 1e-3  # the tiny recipe's learning rate, which falls over the last 4 iterations


@pytest.fixture
def train(tiny_recipe, tmp_path):
    """``train(iterations, until, rate)`` -> learning rates of its iterations, and the remark."""

    def go(iterations, until=None, rate="continue", *more):
        session = prepare(
            "stargan", tiny_recipe, parse_assignments((f"iterations={iterations}", "sample_every=99", *more)), device="cpu"
        )  # fmt: skip
        run, rates = session.run(TinyFaces(), tmp_path / "run", "ganbench train stargan"), []
        update = session.trainer.update

        def watched(*arguments):
            (group,) = session.trainer.optimizers["d"].param_groups
            rates.append(group["lr"] / BASE)
            return update(*arguments)

        session.trainer.update = watched
        said = ""
        if (tmp_path / "run" / "state.pt").exists():
            said = run.resume(rate)
        else:
            run.start()
        run.run(until)
        return rates, said

    return go


def test_a_falling_rate_falls_on(train, tmp_path):
    assert train(6, until=5)[0] == pytest.approx([1, 1, 1, 0.75, 0.5])
    rates, said = train(10)
    # The next rate would have been 1/4; from there to 0 at iteration 10.
    assert rates == pytest.approx([0.25, 0.2, 0.15, 0.1, 0.05])
    assert "0.0005 in iteration 5; it continues at 0.00025 and falls to 0 at 10" in said
    assert said.endswith("; --resume-rate restart gives the recipe's rate for 10 iterations, 0.001")


def test_a_finished_run_goes_on_at_its_last_rate(train, tmp_path):
    train(6)
    rates, said = train(10)
    assert rates == pytest.approx([0.25, 0.1875, 0.125, 0.0625])
    assert said
    # The recipe alone cannot make this checkpoint, and its card tells so.
    card = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert card["schedule"] == [[0, 6, None], [6, 10, 0.25]]
    claim = reproduce.Claim("stargan", tmp_path, card | {"iteration": 10})
    with pytest.raises(BadInput, match="resumed to another length while its learning rate fell"):
        reproduce.make_plan(claim, tmp_path)


def test_restarting_is_chosen_in_words(train):
    train(6)
    rates, said = train(10, rate="restart")
    assert rates == pytest.approx([1, 0.75, 0.5, 0.25])
    assert "--resume-rate restart" in said


def test_restarting_is_chosen_after_the_length_too():
    recipe = Recipe(iterations=200, decay_iterations=100)
    schedule = Schedule(recipe, [Segment(0, 100), Segment(80, 200, 0.2)])
    assert schedule.lengthened(90)[0].rate(150) < 0.1
    restarted, said = schedule.lengthened(90, "restart")
    assert [restarted.rate(i) for i in (90, 99, 150)] == [
        recipe.rate(i, 200) for i in (90, 99, 150)
    ]
    assert [restarted.rate(i) for i in (70, 85)] == [schedule.rate(i) for i in (70, 85)]
    assert said.endswith("(--resume-rate restart)")
    # If the rate is the recipe's already, "restart" changes nothing and tells so.
    for again, done in (
        (restarted, 120), (schedule, 200), (Schedule(recipe), 150), (Schedule(recipe, [Segment(0, 400)]), 50)
    ):  # fmt: skip
        same, said = again.lengthened(done, "restart")
        assert [same.rate(i) for i in range(done, 200)] == [
            again.rate(i) for i in range(done, 200)
        ] or done == 50
        assert said.endswith("--resume-rate restart makes no change")
        assert again.lengthened(done)[1] == ""


def test_a_rate_that_has_not_fallen_is_that_of_the_new_length(train, tmp_path):
    train(6, until=2)
    rates, said = train(10)
    assert rates == pytest.approx([1, 1, 1, 1, 1, 0.75, 0.5, 0.25])
    assert said == ""
    assert "schedule" not in json.loads((tmp_path / "run" / "recipe.json").read_text())


def test_a_shorter_run_does_not_jump_either(train):
    train(20, until=8)
    # The recipe's rate for 10 iterations would have been 3/4 in iteration 8 and is 1/2 now.
    assert train(10)[0] == pytest.approx([1, 0.5])


def test_the_same_length_has_nothing_to_say(train):
    train(6, until=5)
    rates, said = train(6)
    assert rates == pytest.approx([0.25])
    assert said == ""


def test_every_resumption_is_remembered(train):
    train(6)
    assert train(10, until=8)[0] == pytest.approx([0.25, 0.1875])
    assert train(10, until=9)[0] == pytest.approx([0.125])
    # Raised once more: 0.0625 was next.
    assert train(13)[0] == pytest.approx([0.0625, 0.046875, 0.03125, 0.015625])


def test_a_resumption_that_made_no_step_changes_nothing(train):
    train(6, until=5)
    train(10, until=5)
    rates, said = train(6)
    assert rates == pytest.approx([0.25])
    assert said == ""


def test_states_without_a_schedule_go_by_their_card(train, tmp_path):
    train(6, until=5)
    path = tmp_path / "run" / "state.pt"
    state = torch.load(path, weights_only=True)
    del state["schedule"]
    torch.save(state, path)
    assert train(10)[0] == pytest.approx([0.25, 0.2, 0.15, 0.1, 0.05])


def test_the_command_says_what_it_does(call, tiny_recipe, tiny_faces, monkeypatch):
    monkeypatch.setattr("ganbench.data.load_dataset", lambda *_, **__: tiny_faces())
    command = ["train", "stargan", "--recipe", tiny_recipe, "--device", "cpu", "--out", "run"]
    assert call(*command)[0] == 0
    longer = [*command, "--resume", "--set", "iterations=9"]
    plan = call(*longer, "--dry-run")
    assert plan[0] == 0
    assert "from iteration 6 on 0.00025, falling to 0 at 9" in " ".join(plan[1].split())
    code, _, err = call(*longer)
    assert code == 0
    assert "it continues at 0.00025 and falls to 0 at 9" in err


@given(
    decay=st.integers(0, 30), warmup=st.integers(0, 5),
    visits=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), min_size=1, max_size=4),
)  # fmt: skip
def test_a_rate_never_rises_after_the_warm_up(decay, warmup, visits):
    done, schedule, rates = 0, None, []
    for more, taken in visits:
        recipe = Recipe(
            iterations=done + more, decay_iterations=decay, warmup_iterations=warmup
        )  # fmt: skip
        before = schedule or Schedule(recipe)
        schedule, _ = Schedule.read(recipe, before.plain, 0).lengthened(done)
        end = min(done + taken, recipe.iterations)
        rates += [schedule.rate(i) for i in range(done, end)]
        done = end
    played = rates[warmup:]
    assert played == sorted(played, reverse=True)
    assert all(rate > 0 for rate in rates)


def test_segments_are_read_back():
    recipe = Recipe(iterations=20, decay_iterations=4)
    schedule = Schedule(recipe, [Segment(0, 10), Segment(8, 20, 0.5)])
    assert Schedule.read(recipe, schedule.plain, 0).segments == schedule.segments
    with pytest.raises(ValueError, match="unpack"):
        Schedule.read(recipe, [[0, 1]], 0)
