"""From a checkpoint of the authors to a checkpoint of ganbench, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ganbench import __version__
from ganbench import config as configuration
from ganbench.emotions import EMOTIONS, canonical
from ganbench.errors import BadInput
from ganbench.methods.interface import Method
from ganbench.methods.tensors import check_usual, fitted, grouped, mismatch
from ganbench.methods.weights import DISCRIMINATOR, UNUSED, save_checkpoint, sha256
from ganbench.official.files import read
from ganbench.official.kinds import identify, refusal, unwrapped
from ganbench.official.layout import Layout, Role, Tensors, expected_tensors
from ganbench.registry import METHODS
from ganbench.text import plural

IMAGE_SIZE = 128  # pixels: the size in all papers, for files that do not tell the size


@dataclass(frozen=True)
class Imported:
    """An imported checkpoint.

    Attributes:
        path: the file that was written.
        notes: one line for each fact that was assumed because the authors' file does not tell it, and
            for each part of the file that is not used.
    """

    path: Path
    notes: tuple[str, ...]


def import_checkpoint(
    method: str,
    file: Path,
    *,
    discriminator: Path | None = None,
    out: Path | None = None,
    image_size: int | None = None,
    emotions: Sequence[str] | None = None,
) -> Imported:
    """Turn the authors' checkpoint into a file that ``load_method`` takes.

    Args:
        method: a name of ``list_methods()``.
        file: the generator's file; of StarGAN-v2 the file of all networks.
        discriminator: the discriminator's file. Its tensors are stored beside the generator, for a
            training that starts from them.
        out: the file to write; ``METHOD-FILE.safetensors`` in the working folder if None.
        image_size: side in pixels; needed only where the shapes leave it open.
        emotions: names of the classes in the order of the file. In the result the seven of
            ganbench come first, in Table-1 order.

    Raises:
        BadInput: the file is of another method, does not fit the method's network or contradicts an
            option; or ``out`` exists or cannot be written.
        Unsupported: ganbench knows no layout of this method.
    """
    method = METHODS.canonical(method)
    cls: type[Method] = METHODS.load(method, Method)
    layout = cls.official()
    target = out or Path(f"{method}-{file.stem}.safetensors")
    if target.exists():
        raise BadInput(f"already there: {target}; choose another --out, or remove it first")
    tensors = _read(layout, method, file, "generator")
    if discriminator is not None:
        tensors |= _read(layout, method, discriminator, "discriminator")

    size = _image_size(layout, tensors, image_size)
    names = _class_names(layout, tensors, emotions)
    assumed = ["image_size"] if image_size is None and layout.image_size(tensors) is None else []
    assumed += ["classes"] if names and emotions is None else []
    order = sorted(range(len(names)), key=lambda i: _rank(names[i]))
    keys = {"image_size": size, **layout.network(tensors, len(names))}
    if names:
        keys["emotions"] = [names[i] for i in order]
    config = configuration.build(cls.Config, keys, f"network of {file.name}")

    has_critic = any(address.startswith(f"{layout.critic}.") for address in tensors)
    model, expected = expected_tensors(cls, layout, config, has_critic)
    addresses = {key: layout.address(key, config) for key in expected}
    used, unused = _divided(
        tensors, {addresses[key]: tensor for key, tensor in expected.items()}, layout, file
    )
    used = layout.reorder(used, order, config)
    state = {key: used[address] for key, address in addresses.items()}
    beside = {key: state.pop(key) for key in list(state) if key.startswith(DISCRIMINATOR)}
    notes = _notes(layout, config, names, assumed, bool(beside), unused)
    kinds = {str(t.dtype).removeprefix("torch.") for a, t in tensors.items() if a not in unused}
    if other := sorted(kinds - {"float32", "int64"}):
        notes += (f"stored as float32, which holds the same values: {' and '.join(other)} tensors",)
    beside |= {f"{UNUSED}{address}": tensor for address, tensor in unused.items()}
    model.load_state_dict(state, assign=True)
    card = {
        "name": method,
        "licence": layout.licence,
        "recipe_name": "official",
        "official": {
            "generator": _source(file),
            "discriminator": None if discriminator is None else _source(discriminator),
            "image_size": size,
            "classes": list(names),
            "assumed": assumed,
        },
        "versions": {"ganbench": __version__, "torch": torch.__version__},
    }
    try:
        save_checkpoint(target, model, "method", method, card, beside)
    except OSError as error:
        raise BadInput(
            f"cannot write: {target} ({error.strerror}); choose another --out"
        ) from error
    return Imported(target, notes)


def _read(layout: Layout, method: str, file: Path, role: Role) -> Tensors:
    """The tensors of the authors' file by address.

    Raises:
        BadInput: the file is not ``method``'s file of this role, or a tensor cannot be a weight.
    """
    content = unwrapped(read(file), role)
    kind = identify(content)
    if method not in kind.methods or role not in kind.roles:
        raise refusal(file, kind, method, role)
    tensors = layout.address_all(content, role)
    check_usual(tensors, file)
    return tensors


def _image_size(layout: Layout, tensors: Tensors, option: int | None) -> int:
    size = layout.image_size(tensors)
    if size is not None and option not in (None, size):
        raise BadInput(
            f"--image-size {option} contradicts the file, which is for {size} px; drop it"
        )
    return size or option or IMAGE_SIZE


def _class_names(layout: Layout, tensors: Tensors, option: Sequence[str] | None) -> tuple[str, ...]:
    """Names of the classes in the order of the file; none where the condition is no class."""
    count = layout.classes(tensors, None if option is None else len(option))
    if option is None:
        if count in (0, len(EMOTIONS)):
            return layout.file_order(EMOTIONS)[:count]
        raise BadInput(
            f"the file has {plural(count, 'class', 'classes')}, not the {len(EMOTIONS)} of ganbench, and "
            "does not name them; name them in the file's order with --emotions a,b,..."
        )
    names = tuple(canonical(name) for name in option)
    if len(names) != count or len(set(names)) < count or "" in names:
        raise BadInput(
            f"--emotions must name the {plural(count, 'class', 'classes')} of the file, each once: "
            f"{','.join(names)}; mend the list"
        )
    return names


def _divided(
    tensors: Tensors, expected: Tensors, layout: Layout, file: Path
) -> tuple[Tensors, Tensors]:
    """The tensors that ``expected`` asks for, and those that no computation reads; both by address.

    Raises:
        BadInput: missing, extra or mis-shaped tensors, or tensors that ``fitted`` refuses.
    """
    unused = {a: t for a, t in tensors.items() if a not in expected and layout.ignores(a)}
    used = {a: t for a, t in tensors.items() if a not in unused}
    if wrong := mismatch(expected, used):
        raise BadInput(
            f"tensors of {file} do not fit the sizes in the file: {wrong}; it is incomplete, or made by a "
            "changed network, which ganbench cannot compute"
        )
    return fitted(expected, used, file), unused


def _notes(
    layout: Layout,
    config: Any,
    names: tuple[str, ...],
    assumed: list[str],
    has_critic: bool,
    unused: Tensors,
) -> tuple[str, ...]:
    """What the user should know of an import, a line each."""
    notes = []
    if "image_size" in assumed:
        notes.append(
            f"image size is not in the file: {config.image_size} px assumed; --image-size says "
            "otherwise"
        )
    if "classes" in assumed:
        notes.append(
            f"class order is not in the file: {','.join(names)} assumed; --emotions says otherwise"
        )
    if unused:
        notes.append(f"kept for export, not used: {grouped(unused)}")
    if not has_critic:
        notes.append("no discriminator: to train on from it, give one with --discriminator")
    return (*notes, *layout.caveats(config))


def _rank(name: str) -> int:
    """Place of an emotion in Table-1 order; other classes follow."""
    return EMOTIONS.index(name) if name in EMOTIONS else len(EMOTIONS)


def _source(file: Path) -> dict[str, Any]:
    return {"file": file.name, "sha256": sha256(file)}
