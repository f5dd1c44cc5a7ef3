"""The checks of a trial: what every metric must say about editors of known quality.

The checks follow from the definitions of the metrics. Some checks state what a metric *cannot* measure,
so that readers of this metric know it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ganbench.validation.measures import COLUMNS, Column

# The value of each column for each editor.
Table = Mapping[str, Mapping[str, float | None]]

BY_NAME: dict[str, Column] = {c.name: c for group in COLUMNS.values() for c in group}


@dataclass(frozen=True)
class Order:
    """One editor is strictly better than another in the direction of the column."""

    column: str
    better: str
    worse: str
    why: str

    @property
    def claim(self) -> str:
        """The check in words."""
        return f"{self.better} better than {self.worse}"

    @property
    def editors(self) -> tuple[str, ...]:
        """The editors whose values it compares."""
        return self.better, self.worse

    def holds(self, table: Table) -> bool:
        """Whether it holds in a table; it does not if a value is missing."""
        a, b = (table[editor][self.column] for editor in self.editors)
        if a is None or b is None:
            return False
        return a > b if BY_NAME[self.column].better == "higher" else a < b


@dataclass(frozen=True)
class Between:
    """The value of an editor lies within bounds, if another editor is at 0 and a third one at 1."""

    column: str
    editor: str
    low: float
    high: float
    why: str
    zero: str = "lazy"
    one: str = "perfect"

    @property
    def claim(self) -> str:
        """The check in words."""
        bound = f"{self.low:g} or more" if self.high == ANY else f"{self.high:g} or less"
        return f"{self.editor} at {bound} of the way from {self.zero} to {self.one}"

    @property
    def editors(self) -> tuple[str, ...]:
        """The editors whose values it compares."""
        return self.editor, self.zero, self.one

    def holds(self, table: Table) -> bool:
        """Whether it holds in a table; it does not if a value is missing or both ends are equal."""
        value, zero, one = (table[editor][self.column] for editor in self.editors)
        if value is None or zero is None or one is None or zero == one:
            return False
        return self.low <= (value - zero) / (one - zero) <= self.high


@dataclass(frozen=True)
class Value:
    """An editor has exactly one value."""

    column: str
    editor: str
    value: float
    why: str

    @property
    def claim(self) -> str:
        """The check in words."""
        return f"{self.editor} is {self.value:g}"

    @property
    def editors(self) -> tuple[str, ...]:
        """The editors whose values it compares."""
        return (self.editor,)

    def holds(self, table: Table) -> bool:
        """Whether it holds in a table, to six decimals."""
        value = table[self.editor][self.column]
        return value is not None and abs(value - self.value) < 1e-6


Check = Order | Between | Value

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
    Order("accuracy", "perfect", "lazy", "only one of them shows the emotion"),
    Order("accuracy", "perfect", "neighbour", "surprise is not fear"),
    Between("accuracy", "wrong identity", 0.9, ANY, "blind: it asks for the emotion, not who shows it"),
    Between("accuracy", "painter", 0.9, ANY, "blind: it asks for the emotion only"),
    Between("accuracy", "texture", 0.9, ANY, _FOOLED),
    Order("accuracy face-api", "perfect", "lazy", "only one of them shows the emotion"),
    Order("accuracy face-api", "perfect", "half", "half an expression convinces less"),
    Order("accuracy face-api", "half", "lazy", "half an expression convinces more than none"),
    Between("accuracy face-api", "texture", -ANY, 0.2, _NOT_FOOLED),
    Order("ere", "perfect", "half", "half an expression leaves doubt"),
    Order("ere", "half", "lazy", "half an expression convinces more than none"),
    Order("ere", "perfect", "neighbour", "surprise is not fear"),
    Between("ere", "texture", 0.9, ANY, _FOOLED),
    Order("neighbour_confusion", "perfect", "lazy", "some lazy edits show a neighbour of the target"),
    Order("neighbour_confusion", "lazy", "neighbour", "it shows only neighbours"),
    Order("neighbour_confusion", "collapsed", "neighbour", "a wrong person is not a wrong emotion"),
    Value("gain", "lazy", 0, _NO_CHANGE),
    Order("gain", "perfect", "half", "half an expression convinces less"),
    Order("gain", "half", "lazy", "half an expression convinces more than none"),
    Between("gain", "texture", 0.9, ANY, _FOOLED),
    Value("intensity", "lazy", 0, "it does not respond to intensity"),
    Order("intensity", "perfect", "abrupt", "it responds at every step"),
    Order("intensity", "half", "abrupt", "it responds at every step, however weakly"),
    Value("smoothness", "abrupt", 4, "a path of four steps that is one jump"),
    Order("smoothness", "perfect", "abrupt", "the face moves evenly"),
    # Sets of images.
    Order("fed", "varied", "grainy", _FAR),
    Order("fed", "perfect", "grainy", _FAR),
    Order("fed", "perfect", "half", "the data are nearer to full than to half intensity"),
    Order("fed", "perfect", "collapsed", "one person is not the variety of the data"),
    Order("fed", "lazy", "perfect", _BLIND),
    Order("kid", "varied", "grainy", _FAR),
    Order("kid", "perfect", "grainy", _FAR),
    Order("kid", "perfect", "half", "the data are nearer to full than to half intensity"),
    Order("kid", "perfect", "collapsed", "one person is not the variety of the data"),
    Order("kid", "lazy", "perfect", _BLIND),
    Value("precision", "lazy", 1, "its edits are real images"),
    Order("precision", "varied", "grainy", _FAR),
    Order("precision", "perfect", "grainy", _FAR),
    Order("density", "varied", "grainy", _FAR),
    Order("density", "perfect", "grainy", _FAR),
    Value("recall", "lazy", 1, _BLIND),
    Order("recall", "varied", "collapsed", "one person is not the variety of the data"),
    Order("recall", "perfect", "collapsed", "one person is not the variety of the data"),
    Value("coverage", "lazy", 1, _BLIND),
    Order("coverage", "varied", "collapsed", "one person is not the variety of the data"),
    Order("coverage", "perfect", "collapsed", "one person is not the variety of the data"),
    Value("diversity", "collapsed", 0, "it draws the same picture every time"),
    Value("diversity", "perfect", 0, "it takes no noise"),
    Order("diversity", "varied", "collapsed", "it draws other intensities and other faces of an emotion"),
    Order("diversity", "varied", "grainy", "an expression that varies is more than grain that does"),
    # What an edit must keep.
    Value("input_similarity", "lazy", 1, _NO_CHANGE),
    Order("input_similarity", "perfect", "wrong identity", "it is the same person"),
    Between("input_similarity", "perfect", 0.5, ANY, _PERSON, "wrong identity", "lazy"),
    Order("input_similarity", "perfect", "collapsed", "one person is not all of them"),
    Order("input_similarity", "perfect", "painter", "what is behind the head counts too"),
    Order("input_similarity", "half", "perfect", "blind: the less is changed, the better"),
    Value("background", "lazy", 0, _NO_CHANGE),
    Value("background", "texture", 0, "it stays within the face"),
    Order("background", "perfect", "wrong identity", "another person has other hair"),
    Order("background", "perfect", "painter", "it repaints all that is behind the head"),
    Order("background", "perfect", "collapsed", "one background for all"),
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
            Value(column, "perfect", 0, _RIGHT),
            Value(column, "lazy", 1, _NO_CHANGE),
            Order(column, "varied", "lazy", "it shows the right emotion, with another intensity and variation"),
            Order(column, "perfect", "half", "half of the true edit is not all of it"),
            Order(column, "half", "lazy", "half of the true edit is more than nothing"),
            Order(column, "half", "neighbour", "surprise is not fear, not even in part"),
            Between(column, "texture", -ANY, 0.1, _NOT_FOOLED),
        )
    ),
    Order("gt_error", "lazy", "wrong identity", "another person is further off than no edit"),
    Order("gt_error", "lazy", "collapsed", "another person in another place"),
    Order("gt_error", "perfect", "painter", "it repaints all that is behind the head"),
    Value("gt_error mouth", "painter", 0, "the mouth is right, whatever is behind the head"),
    Value("gain parallel", "lazy", 0, _NO_CHANGE),
    Value("gain parallel", "perfect", 1, _RIGHT),
    Order("gain parallel", "perfect", "half", "half of the true edit is not all of it"),
    Order("gain parallel", "half", "lazy", "half of the true edit is more than nothing"),
    Order("gain parallel", "exaggerating", "perfect", "it goes beyond the right amount"),
    Between("gain parallel", "texture", -ANY, 0.1, _NOT_FOOLED),
    Value("gain orthogonal", "lazy", 0, _NO_CHANGE),
    Value("gain orthogonal", "perfect", 0, _RIGHT),
    Order("gain orthogonal", "perfect", "exaggerating", "it goes further than the true edit"),
    Order("gain orthogonal", "lazy", "texture", "the texture does not move towards the true edit"),
    Order("gain orthogonal", "half", "wrong identity", "another person is far from the true edit"),
)  # fmt: skip
