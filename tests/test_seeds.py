"""Random streams by name: equal for equal names, independent for different ones."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench.seeds import generator
from ganbench.training.draws import Draws

NAMES = st.lists(st.one_of(st.integers(0, 20), st.text("ab1", max_size=2)), max_size=3)
KEYS = st.tuples(st.integers(0, 3), NAMES)


@settings(max_examples=80, deadline=None)
@given(KEYS, KEYS)
def test_streams_of_different_names_are_different(a, b):
    one, two = (torch.rand(4, generator=generator(seed, *key)) for seed, key in (a, b))
    assert torch.equal(one, two) == (a == b)


def test_streams_do_not_depend_on_each_other():
    expected = torch.rand(5, generator=generator(1, "augment", 7))
    torch.manual_seed(99)
    other = generator(1, "step", 7)
    torch.rand(1000, generator=other)
    assert torch.equal(torch.rand(5, generator=generator(1, "augment", 7)), expected)
    together = torch.stack([torch.rand(2000, generator=generator(0, "step", i)) for i in range(5)])
    correlation = torch.corrcoef(together) - torch.eye(5)
    assert correlation.abs().max() < 0.1


def test_streams_stay_the_same_between_versions():
    """A changed stream would change what every recorded seed means."""
    assert generator(0, "weights").initial_seed() == 5147875554478041081


def test_uniform_bounds():
    draws = Draws(generator(0)).uniform(-2.0, 3.0, 2000)
    assert -2 <= draws.min() < -1.98
    assert 2.98 < draws.max() <= 3
    assert draws.dtype == torch.float32
