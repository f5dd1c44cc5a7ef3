"""The checks of a trial: what every metric must say about editors of known quality.

The checks follow from the definitions of the metrics. Some checks state what a metric *cannot* measure,
so that readers of this metric know it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ganbench.validation.measures import COLUMNS, Column

# The value of each column for each editor.
Table = Mapping[str, Mapping[str, float | None]]

BY_NAME: dict[str, Column] = {c.name: c for group in COLUMNS.values() for c in group}


@dataclass(frozen=True)
class Check:
    """What the values of some editors in one column must satisfy.

    Attributes:
        column: name of the column.
        editors: the editors whose values are compared.
        claim: the check in words.
        why: the reason for the claim.
        test: whether the values, in the order of ``editors``, satisfy the claim.
    """

    column: str
    editors: tuple[str, ...]
    claim: str
    why: str
    test: Callable[..., bool] = field(repr=False)

    def holds(self, table: Table) -> bool:
        """Whether the check holds in a table; it does not if a value is missing."""
        values = [table[editor][self.column] for editor in self.editors]
        return None not in values and self.test(*values)


def order(column: str, better: str, worse: str, why: str) -> Check:
    """One editor is strictly better than another in the direction of the column."""

    def test(a: float, b: float) -> bool:
        return a > b if BY_NAME[column].better == "higher" else a < b

    return Check(column, (better, worse), f"{better} better than {worse}", why, test)


def between(
    column: str,
    editor: str,
    low: float,
    high: float,
    why: str,
    zero: str = "lazy",
    one: str = "perfect",
) -> Check:
    """The value of an editor lies within bounds, if the editor ``zero`` is at 0 and ``one`` is at 1."""

    def test(value: float, start: float, end: float) -> bool:
        return start != end and low <= (value - start) / (end - start) <= high

    bound = f"{low:g} or more" if high == ANY else f"{high:g} or less"
    claim = f"{editor} at {bound} of the way from {zero} to {one}"
    return Check(column, (editor, zero, one), claim, why, test)


def at_most(column: str, editor: str, value: float, why: str) -> Check:
    """The value of an editor is not above a limit."""
    claim = f"{editor} at {value:g} or less"
    return Check(column, (editor,), claim, why, lambda actual: actual <= value)


def at_least(column: str, editor: str, value: float, why: str) -> Check:
    """The value of an editor is not below a limit."""
    claim = f"{editor} at {value:g} or more"
    return Check(column, (editor,), claim, why, lambda actual: actual >= value)


def equal(column: str, editor: str, value: float, why: str) -> Check:
    """An editor has exactly one value, to six decimals."""
    claim = f"{editor} is {value:g}"
    return Check(column, (editor,), claim, why, lambda actual: abs(actual - value) < 1e-6)


ANY = float("inf")

_NO_CHANGE = "it changes nothing"
_RIGHT = "it is the true edit"
_FOOLED = "it was made to convince this judge, so the metric alone cannot be trusted"
_NOT_FOOLED = "it convinces only the judge that it was made for; the face hardly moves"
_BLIND = "blind: it compares whole sets, and cannot tell that nothing was done"
_PERSON = "a new expression is a smaller change than a new person"
_FAR = "the data have no pictures with coarse grain"

EXPECTED: tuple[Check, ...] = (
    # What the judge says.
    order("accuracy", "perfect", "lazy", "only one of them shows the emotion"),
    order("accuracy", "perfect", "neighbour", "surprise is not fear"),
    between("accuracy", "wrong identity", 0.9, ANY, "blind: it asks for the emotion, not who shows it"),
    between("accuracy", "painter", 0.9, ANY, "blind: it asks for the emotion only"),
    between("accuracy", "texture", 0.9, ANY, _FOOLED),
    order("accuracy face-api", "perfect", "lazy", "only one of them shows the emotion"),
    order("accuracy face-api", "perfect", "half", "half an expression convinces less"),
    order("accuracy face-api", "half", "lazy", "half an expression convinces more than none"),
    between("accuracy face-api", "texture", -ANY, 0.2, _NOT_FOOLED),
    order("ere", "perfect", "half", "half an expression leaves doubt"),
    order("ere", "half", "lazy", "half an expression convinces more than none"),
    order("ere", "perfect", "neighbour", "surprise is not fear"),
    between("ere", "texture", 0.9, ANY, _FOOLED),
    order("neighbour_confusion", "perfect", "lazy", "some lazy edits show a neighbour of the target"),
    order("neighbour_confusion", "lazy", "neighbour", "it shows only neighbours"),
    order("neighbour_confusion", "collapsed", "neighbour", "a wrong person is not a wrong emotion"),
    equal("gain", "lazy", 0, _NO_CHANGE),
    order("gain", "perfect", "half", "half an expression convinces less"),
    order("gain", "half", "lazy", "half an expression convinces more than none"),
    between("gain", "texture", 0.9, ANY, _FOOLED),
    equal("intensity", "lazy", 0, "it does not respond to intensity"),
    order("intensity", "perfect", "abrupt", "it responds at every step"),
    order("intensity", "half", "abrupt", "it responds at every step, however weakly"),
    *(
        check
        for column in ("cls", "cls true intensity")
        for check in (
            equal(column, "lazy", 0, "it does not respond to intensity"),
            order(column, "perfect", "lazy", "it responds to intensity"),
            order(column, "perfect", "abrupt", "it responds evenly, and not in one jump"),
        )
    ),
    at_least("cls true intensity", "perfect", 0.99, "its intensities are those that are asked for"),
    order("cls true intensity", "half", "abrupt", "it responds evenly, however weakly"),
    equal("smoothness", "abrupt", 4, "a path of four steps that is one jump"),
    order("smoothness", "perfect", "abrupt", "the face moves evenly"),
    # Sets of images.
    order("fed", "varied", "grainy", _FAR),
    order("fed", "perfect", "grainy", _FAR),
    order("fed", "perfect", "half", "the data are nearer to full than to half intensity"),
    order("fed", "perfect", "collapsed", "one person is not the variety of the data"),
    order("fed", "lazy", "perfect", _BLIND),
    order("kid", "varied", "grainy", _FAR),
    order("kid", "perfect", "grainy", _FAR),
    order("kid", "perfect", "half", "the data are nearer to full than to half intensity"),
    order("kid", "perfect", "collapsed", "one person is not the variety of the data"),
    order("kid", "lazy", "perfect", _BLIND),
    equal("precision", "lazy", 1, "its edits are real images"),
    order("precision", "varied", "grainy", _FAR),
    order("precision", "perfect", "grainy", _FAR),
    order("density", "varied", "grainy", _FAR),
    order("density", "perfect", "grainy", _FAR),
    equal("recall", "lazy", 1, _BLIND),
    order("recall", "varied", "collapsed", "one person is not the variety of the data"),
    order("recall", "perfect", "collapsed", "one person is not the variety of the data"),
    equal("coverage", "lazy", 1, _BLIND),
    order("coverage", "varied", "collapsed", "one person is not the variety of the data"),
    order("coverage", "perfect", "collapsed", "one person is not the variety of the data"),
    equal("diversity", "collapsed", 0, "it makes the same picture for every noise"),
    equal("diversity", "perfect", 0, "it takes no noise"),
    order("diversity", "varied", "collapsed", "for another noise it renders another intensity and another face of the emotion"),
    order("diversity", "varied", "grainy", "an expression that varies is more than grain that does"),
    # What an edit must keep.
    equal("input_similarity", "lazy", 1, _NO_CHANGE),
    order("input_similarity", "perfect", "wrong identity", "it is the same person"),
    between("input_similarity", "perfect", 0.5, ANY, _PERSON, "wrong identity", "lazy"),
    order("input_similarity", "perfect", "collapsed", "one person is not all of them"),
    order("input_similarity", "perfect", "painter", "what is behind the head counts too"),
    order("input_similarity", "half", "perfect", "blind: the less is changed, the better"),
    equal("background", "lazy", 0, _NO_CHANGE),
    equal("background", "texture", 0, "it stays within the face"),
    order("background", "perfect", "wrong identity", "another person has other hair"),
    order("background", "perfect", "painter", "it repaints all that is behind the head"),
    order("background", "perfect", "collapsed", "one background for all"),
    # The person and the shape.
    equal("identity", "lazy", 1, _NO_CHANGE),
    between("identity", "perfect", 0.5, ANY, _PERSON, "wrong identity", "lazy"),
    between("identity", "neighbour", 0.5, ANY, "a wrong expression is no other person", "wrong identity", "lazy"),
    at_most("identity", "wrong identity", 0.1, "another person is nobody in particular"),
    order("identity", "grainy", "wrong identity", "grain hides a person, and is no other one"),
    order("identity", "half", "perfect", "blind in part: a smaller change of expression costs less"),
    order("hes", "perfect", "lazy", "only one of them shows the emotion"),
    order("hes", "perfect", "wrong identity", "only one of them keeps the person"),
    at_most("hes", "lazy", 0.1, "it keeps the person and shows nothing"),
    order("hes", "half", "wrong identity", "half an expression on the right person is worth more"),
    order("hes", "half", "collapsed", "one person is not all of them"),
    order("hes", "half", "perfect", "blind in part: a smaller change of expression costs less identity"),
    between("hes", "texture", 0.9, ANY, _FOOLED),
    equal("identity found again", "lazy", 100, _NO_CHANGE),
    between("identity found again", "perfect", 0.8, ANY, "it is the same person", "wrong identity", "lazy"),
    between("identity found again", "exaggerating", 0.7, ANY, "expression does not count", "wrong identity", "lazy"),
    at_most("identity found again", "collapsed", 10, "one person is not all of them"),
    at_most("identity found again", "wrong identity", 10, "it is another person"),
    *(
        check
        for column in ("landmarks", "landmarks brows", "landmarks mouth", "landmarks jaw")
        for check in (
            equal(column, "perfect", 0, _RIGHT),
            order(column, "varied", "lazy", "it shows the right emotion, with another intensity and variation"),
            order(column, "perfect", "half", "half of the true edit is not all of it"),
            order(column, "half", "lazy", "half of the true edit is more than nothing"),
            order(column, "varied", "wrong identity", "another person has another face"),
            between(column, "painter", 0.4, ANY, "blind: what is behind the head does not count"),
            between(column, "texture", -ANY, 0.3, _NOT_FOOLED),
        )
    ),
    order("landmarks brows", "grainy", "lazy", "coarse grain moves no point far"),
    order("landmarks mouth", "grainy", "lazy", "coarse grain moves no point far"),
    equal("landmarks nearer", "lazy", 0, _NO_CHANGE),
    equal("landmarks nearer", "perfect", 100, _RIGHT),
    order("landmarks nearer", "half", "texture", _NOT_FOOLED),
    order("landmarks nearer", "varied", "wrong identity", "another person has another face"),
    order("found", "perfect", "faceless", "blocks in another order are no face"),
    order("found", "lazy", "faceless", "blocks in another order are no face"),
    between("found", "wrong identity", 0.9, ANY, "blind: it asks for a face, not whose it is", "faceless", "perfect"),
    # The ground truth.
    *(
        check
        for column in (
            "gt_error",
            "gt_error mouth",
            "gt_error eyes",
            "gt_error face",
            "gt_error head",
            "gt_error features",
        )
        for check in (
            equal(column, "perfect", 0, _RIGHT),
            equal(column, "lazy", 1, _NO_CHANGE),
            order(column, "varied", "lazy", "it shows the right emotion, with another intensity and variation"),
            order(column, "perfect", "half", "half of the true edit is not all of it"),
            order(column, "half", "lazy", "half of the true edit is more than nothing"),
            order(column, "half", "neighbour", "surprise is not fear, not even in part"),
            between(column, "texture", -ANY, 0.1, _NOT_FOOLED),
        )
    ),
    order("gt_error", "lazy", "wrong identity", "another person is further off than no edit"),
    order("gt_error", "lazy", "collapsed", "another person in another place"),
    order("gt_error", "perfect", "painter", "it repaints all that is behind the head"),
    equal("gt_error mouth", "painter", 0, "the mouth is right, whatever is behind the head"),
    equal("gain parallel", "lazy", 0, _NO_CHANGE),
    equal("gain parallel", "perfect", 1, _RIGHT),
    order("gain parallel", "perfect", "half", "half of the true edit is not all of it"),
    order("gain parallel", "half", "lazy", "half of the true edit is more than nothing"),
    order("gain parallel", "exaggerating", "perfect", "it goes beyond the right amount"),
    between("gain parallel", "texture", -ANY, 0.1, _NOT_FOOLED),
    equal("gain orthogonal", "lazy", 0, _NO_CHANGE),
    equal("gain orthogonal", "perfect", 0, _RIGHT),
    order("gain orthogonal", "perfect", "exaggerating", "it goes further than the true edit"),
    order("gain orthogonal", "lazy", "texture", "the texture does not move towards the true edit"),
    order("gain orthogonal", "half", "wrong identity", "another person is far from the true edit"),
)  # fmt: skip
