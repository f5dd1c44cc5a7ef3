"""What methods and judges promise, tried on a few images before anything is computed for the others.

A plug-in that breaks its promise is named at once, and not after hours, in the middle of a table.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn

from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput, GanbenchError
from ganbench.evaluation import protocol
from ganbench.judges.interface import Judge, ask
from ganbench.methods.conditions import Category
from ganbench.methods.interface import Edit, Method
from ganbench.methods.outputs import MEND, MUCH, check_range, checked, cut, cut_note
from ganbench.methods.tensors import check_parameters

Part = TypeVar("Part")

# Where every module lists its buffers, parameters, children and hooks.
_LISTED = {key for key, value in vars(nn.Module()).items() if isinstance(value, dict | set)}

IMAGES = 7  # of a trial: one towards each emotion


def edit(
    method: Method, images: Tensor, codes: Tensor, label: str = "", first: bool = False
) -> Edit:
    """``method.edit``, checked also where a plug-in has an ``edit`` of its own.

    Args:
        method, images, codes: as for ``Method.edit``.
        label: what the method is called in messages; its registered name without.
        first: whether this is the first edit of the method, which tells whether its range is [0, 1].

    Raises:
        BadInput: the edit is not what ``Edit`` says, or any error of the method's code.
    """
    name = label or method.name
    with blamed(name):
        if type(method).edit is Method.edit:
            raw, mask = method.unclamped(images, codes)
            found = Edit(raw.clamp(0, 1), mask, cut(raw))
        else:
            found = method.edit(images, codes)
            if not isinstance(found, Edit):
                raise BadInput(
                    f"{name} returns {type(found).__name__} where an Edit is wanted; {MEND}"
                )
            checked(name, found.images, found.mask, images.shape)
            raw, mask = found.images, found.mask
            found = Edit(raw.clamp(0, 1), mask, _cut_in_all(found, raw))
    if first:
        if method.bounded:
            check_range(name, raw)
        if mask is not None and not bool(((mask >= -1e-3) & (mask <= 1.001)).all()):
            raise BadInput(f"values outside [0, 1]: {name} returns a mask that leaves it; {MEND}")
    return found


def _cut_in_all(found: Edit, raw: Tensor) -> Tensor:
    """The shares that a plug-in says were cut, where it cut itself, or those that are cut now."""
    now, told = cut(raw), found.clamped
    if not isinstance(told, Tensor) or told.shape != now.shape:
        return now
    return torch.maximum(now, told.to(now))


@torch.no_grad()
def try_method(method: Method, images: Tensor, codes: Tensor | None = None, label: str = "") -> str:
    """Edit a few images as an evaluation would, and check what comes of it.

    Args:
        method: the method.
        images: float32 [n, 3, S, S]; the first ``IMAGES`` are used.
        codes: a code for each image; None takes the protocol's for emotions.
        label: what the method is called in messages; its registered name without.

    Returns:
        A remark, if much of the edits lies outside [0, 1]; empty if there is nothing to say.

    Raises:
        BadInput: weights or edits that are not finite, edits of another shape or type, values that
            are nowhere near [0, 1], or any error of the method's code.
    """
    name = label or method.name
    check_parameters(method, name)
    method = _apart(method)
    images = images[:IMAGES]
    n = len(images)
    with torch.random.fork_rng(devices=[]), blamed(name):
        if codes is None and Category not in method.conditions:
            return ""  # who conditions it otherwise has to give codes
        if codes is None:
            codes = protocol.codes(method, protocol.code_sets(method)[0], 0, 0)[0]
            _check_codes(name, method, codes)
            codes = codes[[len(EMOTIONS) * i + i % len(EMOTIONS) for i in range(n)]]
        _check_codes(name, method, codes)
        found = edit(method, images, codes[:n], name, first=True)
    share = 0.0 if found.clamped is None else float(found.clamped.mean())
    return cut_note(method.title, share) if share > MUCH else ""


def try_judge(judge: Judge, images: Tensor) -> None:
    """Have a few images judged, and check the verdicts.

    Raises:
        BadInput: verdicts that are not finite, of another shape or type, or any error of its code.
    """
    spec = judge.spec
    with torch.random.fork_rng(devices=[]), blamed(f"judge {spec.name}"):
        ask(_apart(judge), images[:IMAGES], spec)


def _apart(part: Part) -> Part:
    """A copy that shares the weights, so that a trial leaves no trace in a plug-in that counts or keeps.

    A module's buffers, parameters and children are listed anew, and the children are copied likewise.
    Lists and dicts of the plug-in's own are shared: its hooks may fill them.
    """
    try:
        found = copy.copy(part)
        if isinstance(found, nn.Module):
            held = vars(found)
            for key in _LISTED & held.keys():
                held[key] = copy.copy(held[key])
            if not _aliased(held):
                children = held["_modules"]
                children |= {
                    key: child if child is None else _apart(child)
                    for key, child in children.items()
                }
    except Exception:  # what a plug-in holds may refuse; then it is tried itself
        return part
    return found


def _aliased(held: dict[str, object]) -> bool:
    """Whether a module also holds modules outside of its list of children, where copies are not met."""
    lists = [value for key, value in held.items() if key not in _LISTED]
    return any(
        isinstance(one, nn.Module)
        for value in lists
        if isinstance(value, list | tuple | dict)
        for one in (value.values() if isinstance(value, dict) else value)
    )


def _check_codes(name: str, method: Method, codes: object) -> None:
    if (
        not isinstance(codes, Tensor)
        or codes.ndim != 2
        or codes.shape[1] != method.code_dim
        or not codes.is_floating_point()
    ):
        found = (
            f"{str(codes.dtype).removeprefix('torch.')} {list(codes.shape)}"
            if isinstance(codes, Tensor)
            else type(codes).__name__
        )
        raise BadInput(
            f"{name} encodes emotions as {found}; codes must be floating point "
            f"[N, code_dim {method.code_dim}]: {MEND}"
        )
    if not bool(codes.isfinite().all()):
        raise BadInput(f"not finite: {name} encodes emotions as NaN or infinite codes; {MEND}")


def try_all(methods: Sequence[tuple[str, Method]], images: Tensor) -> list[str]:
    """Try methods, given with their labels, before anything is computed for one of them.

    Returns:
        The remarks.

    Raises:
        BadInput: as for ``try_method``.
    """
    found = [try_method(method, images, label=label) for label, method in methods]
    return [remark for remark in found if remark]


@contextmanager
def blamed(name: str) -> Iterator[None]:
    """Whatever the code of a plug-in raises is told with its name."""
    try:
        yield
    except GanbenchError:
        raise
    except Exception as error:  # a plug-in may raise anything
        first = (str(error).splitlines() or [""])[0]
        raise BadInput(
            f"{name} fails: {type(error).__name__}: {first[:200]}; mend its code"
        ) from error
