"""The arguments of ``evaluate``: loaded objects, or the names that stand for them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import torch

from ganbench.data import AUTO, load_dataset, parse_data
from ganbench.data.dataset import Dataset
from ganbench.errors import BadInput
from ganbench.evaluation import labels
from ganbench.judges import list_judges, load_judge
from ganbench.judges.interface import Judge
from ganbench.methods import Method
from ganbench.text import shown

MethodLike = str | Method | tuple[str, str | os.PathLike[str] | Method | None]
"""A name, a method, or a pair: a name and a checkpoint, or a label and a method.

A name may begin with a label: ``"mine:gaussian"``. The label names the method in results, tables, pictures
and files, so that two checkpoints of one method can be evaluated together.
"""

Methods = Sequence[MethodLike] | Mapping[str, MethodLike]
"""Several methods, or methods by their labels."""


def methods_of(
    methods: Methods | MethodLike,
) -> list[tuple[str, str, Method | str | os.PathLike[str] | None]]:
    """Label, registered name, and origin of each method; see ``_parse``.

    Raises:
        BadInput: one is not a method.
    """
    if isinstance(methods, str):
        methods = labels.parse_methods(methods)
    if isinstance(methods, Method):
        methods = [methods]
    if isinstance(methods, Mapping):
        return [_parse(like, label) for label, like in methods.items()]
    if not isinstance(methods, Sequence):
        raise _no_method(methods)
    return [_parse(like) for like in cast("Sequence[MethodLike]", methods)]


def _parse(
    like: MethodLike, label: str | None = None
) -> tuple[str, str, Method | str | os.PathLike[str] | None]:
    """Label, registered name, and the method or the checkpoint to load it from; None is the shipped one."""
    pair = isinstance(like, tuple) and len(like) == 2 and isinstance(like[0], str)
    if not pair and not isinstance(like, (str, Method)):
        raise _no_method(like)
    text, origin = (like, None) if isinstance(like, (str, Method)) else like
    if isinstance(text, Method):
        text, origin = text.name, text
    if isinstance(origin, Method):
        before, name = text, origin.name
    else:
        before, name = labels.split(text)
    label = before if label is None else label
    labels.check(label, name)
    return label, name, origin


def _no_method(given: object) -> BadInput:
    return BadInput(
        f"not a method: {shown(given)}; give a name such as 'gaussian', (name, checkpoint), or what load_method "
        "returns"
    )


def check_counts(**given: int | None) -> None:
    """Refuse arguments that are no whole numbers.

    Raises:
        BadInput: one is not; ``limit`` may be None.
    """
    for name, value in given.items():
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not whole and not (name == "limit" and value is None):
            raise BadInput(f"{name} is no whole number: {shown(value)}; give one, such as {name}=1")


def judge_of(judge: Judge | str, device: str | torch.device) -> Judge:
    """A judge, or the one that a name stands for.

    Raises:
        BadInput: it is neither, or cannot be loaded.
    """
    if isinstance(judge, str):
        return load_judge(judge, device=device)
    if not hasattr(judge, "judge") or not hasattr(judge, "spec"):
        names = " or ".join(map(repr, list_judges()))
        raise BadInput(f"not a judge: {shown(judge)}; give {names}, or what load_judge returns")
    return judge


def test_split(data: Dataset | str, root: str | os.PathLike[str] | None, size: int) -> Dataset:
    """A test split, or the one that a name stands for, at a side of ``size`` pixels.

    Raises:
        BadInput: it is neither, or cannot be opened.
    """
    if isinstance(data, str):
        name, options = (data, {}) if data == AUTO else parse_data(data)
        place = None if root is None else os.fspath(root)
        return load_dataset(name, "test", root=place, size=size, **options)
    if not isinstance(data, Dataset):
        raise BadInput(
            f"not a data set: {shown(data)}; give a name such as 'faces:test=14', or what load_dataset "
            "returns"
        )
    if root is not None:
        raise BadInput(f"root {shown(root)} with a data set that is open; leave it out")
    return data
