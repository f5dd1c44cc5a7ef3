"""A judge's card, on toys whose verdicts are known."""

import math

import numpy as np
import pytest
import torch
from toys import Reader, ToyPhotos

from ganbench.errors import BadInput
from ganbench.judges.card import calibration_error, judge_card
from ganbench.judges.interface import Judged


class Shrug(Reader):
    """Finds every emotion as likely as any other."""

    def judge(self, images):
        return Judged(torch.zeros(len(images), 7), torch.zeros(len(images), 4))


def test_a_judge_that_is_always_right():
    card = judge_card(Reader(), ToyPhotos(70), batch_size=32)
    assert (card.images, card.accuracy, card.high) == (70, 1.0, 1.0)
    assert card.confusion == (10 * np.eye(7, dtype=int)).tolist()
    assert max(card.nll, card.brier, card.calibration_error) < 1e-6


def test_a_judge_that_knows_nothing_and_knows_it():
    card = judge_card(Shrug(), ToyPhotos(70))
    assert card.accuracy == pytest.approx(1 / 7)
    assert card.low < 1 / 7 < card.high
    assert [row[0] for row in card.confusion] == [10] * 7
    assert card.nll == pytest.approx(math.log(7))
    assert card.brier == pytest.approx(6 / 7)
    assert card.calibration_error == pytest.approx(0, abs=1e-6)


def test_calibration_error_of_an_overconfident_judge():
    confidence = np.array([1.0, 1.0, 0.5, 0.5])
    assert calibration_error(confidence, np.array([True, False, True, False])) == 0.25


def test_an_empty_data_set_is_refused():
    with pytest.raises(BadInput, match="empty"):
        judge_card(Reader(), ToyPhotos(0))
