"""The authors' checkpoints into ours and back, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganbench import __version__
from ganbench import config as configuration
from ganbench.emotions import EMOTIONS, canonical, in_suite_order
from ganbench.errors import BadInput
from ganbench.methods.interface import Method
from ganbench.methods.locate import checkpoint_file
from ganbench.methods.tensors import check_usual, fill, fitted, grouped, mismatch
from ganbench.methods.weights import (
    DISCRIMINATOR,
    UNUSED,
    read_header,
    read_tensors,
    save_checkpoint,
    sha256,
)
from ganbench.official.files import SAFE, identify, read, refusal, unwrapped, write
from ganbench.official.layout import Layout, Role, Tensors
from ganbench.registry import METHODS
from ganbench.storage.store import is_file_name
from ganbench.text import plural

MOST = 10**12  # iterations: more than any training has

IMAGE_SIZE = 128  # pixels, as in all the papers, where neither file nor user tells


@dataclass(frozen=True)
class Imported:
    """An imported checkpoint.

    Attributes:
        path: the file that was written.
        notes: what the authors' file did not say and was assumed, and what of it is not used; a
            line each.
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
        discriminator: the discriminator's file, stored beside the generator to train on from.
        out: the file to write; ``METHOD-FILE.safetensors`` in the working folder if None.
        image_size: side in pixels; needed only where the shapes leave it open.
        emotions: names of the classes in the order of the file. In the result the seven of
            ganbench come first, in Table-1 order.

    Raises:
        BadInput: the file is none of this method's, does not fit it or contradicts an option; or
            ``out`` exists or cannot be written.
        Unsupported: no layout of this method is known.
    """
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
    model, wanted = _wanted(cls, layout, config, has_critic)
    addresses = {key: layout.address(key, config) for key in wanted}
    used, unused = _sorted_out(
        tensors, {addresses[key]: tensor for key, tensor in wanted.items()}, layout, file
    )
    used = layout.reorder(used, order, config)
    ours = {key: used[address] for key, address in addresses.items()}
    beside = {key: ours.pop(key) for key in list(ours) if key.startswith(DISCRIMINATOR)}
    notes = _notes(layout, config, names, assumed, bool(beside), unused)
    kinds = {str(t.dtype).removeprefix("torch.") for a, t in tensors.items() if a not in unused}
    if other := sorted(kinds - {"float32", "int64"}):
        notes += (f"stored as float32, which holds the same values: {' and '.join(other)} tensors",)
    beside |= {f"{UNUSED}{address}": tensor for address, tensor in unused.items()}
    model.load_state_dict(ours, assign=True)
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


def export_checkpoint(path: Path, folder: Path) -> list[Path]:
    """Write a method's checkpoint in its authors' layout, every tensor bit for bit.

    Tensors that nothing reads are those of the imported file, or what the authors' code starts
    with. Files have the names of the imported ones, or such as the authors' code gives them.

    Args:
        path: a checkpoint of a method, imported or trained by ganbench, or a finished run's folder.
        folder: where to write; made if missing.

    Returns:
        The files: the generator's, then the discriminator's if ``path`` holds one.

    Raises:
        BadInput: a judge's checkpoint, one that is damaged, or a file that exists or cannot be
            written.
        Unsupported: no layout of this method is known.
    """
    path = checkpoint_file(path)
    header = read_header(path)
    if header["kind"] != "method":
        raise BadInput(f"not a method: {path} is a {header['kind']}; only methods have authors")
    cls: type[Method] = METHODS.load(header["name"], Method)
    layout = cls.official()
    config = configuration.build(cls.Config, header["config"], f"checkpoint {path.name}")
    layout.check(config)
    source = header["card"].get("official", {})
    source = source if isinstance(source, dict) else {}

    stored = read_tensors(path)
    unused = {
        key.removeprefix(UNUSED): stored.pop(key) for key in list(stored) if key.startswith(UNUSED)
    }
    check_usual(unused, path)
    has_critic = any(key.startswith(DISCRIMINATOR) for key in stored)
    wanted = _wanted(cls, layout, config, has_critic)[1]
    tensors = {
        layout.address(key, config): tensor for key, tensor in fill(wanted, stored, path).items()
    }
    names = _classes(source, layout, config, path)
    tensors = layout.reorder(
        tensors,
        [config.emotions.index(name) for name in names],
        config,
        neutral=getattr(config, "neutral", 0),
    )
    tensors = layout.conventional(tensors, config)
    contents = layout.contents(layout.standard(tensors, config) | tensors | unused)

    number = header["card"].get("iteration", 0)
    if not isinstance(number, int) or not 0 <= number < MOST:
        raise BadInput(
            f"iteration in the card of {path} is no number of iterations: {str(number)[:80]!r}; the "
            "card was changed: take the file that the training wrote"
        )
    written = {role: layout.names[role].format(n=number) for role in contents}
    given = {
        role: _torch_name(name, written[role])
        for role in contents
        if (name := _imported_name(source, role))
    }
    if len(given) == len(set(given.values())):  # two imported files may have had one name
        written |= given
    places = {role: folder / name for role, name in written.items()}
    for place in places.values():
        if place.exists():
            raise BadInput(f"already there: {place}; choose another --out, or remove it first")
    for role, place in places.items():
        write(place, contents[role])
    return list(places.values())


def _wanted(
    cls: type[Method], layout: Layout, config: Any, has_critic: bool
) -> tuple[Method, dict[str, Tensor]]:
    """A method without values, and the tensors that a checkpoint of it holds, by our names."""
    with torch.device("meta"):
        model = cls(config)
        wanted = model.state_dict()
        if has_critic:
            critic = layout.discriminator(config).state_dict()
            wanted |= {f"{DISCRIMINATOR}{key}": tensor for key, tensor in critic.items()}
    return model, wanted


def _classes(source: dict[str, Any], layout: Layout, config: Any, path: Path) -> Sequence[str]:
    """The classes of the imported file in its order, as the card has them, or the authors' order.

    The authors' is Table 1's, which is AffectNet's (StarGAN-v2: alphabetical), whatever order the
    network lists them in.

    Raises:
        BadInput: the card names other classes than the network has.
    """
    names = source.get("classes") or layout.file_order(in_suite_order(config.emotions))
    if not isinstance(names, list | tuple) or sorted(map(str, names)) != sorted(config.emotions):
        raise BadInput(
            f"classes in the card of {path} are not those of its network, "
            f"{', '.join(config.emotions)}: {names!r}; the card was changed: import the file again"
        )
    return names


def _read(layout: Layout, method: str, file: Path, role: Role) -> Tensors:
    """The tensors of an authors' file by address, once it is known to be what it is given as.

    Raises:
        BadInput: it is something else, or holds tensors that are no weights.
    """
    content = unwrapped(read(file), role)
    kind = identify(content)
    if method not in kind.methods or role not in kind.roles:
        raise refusal(file, kind, method, role)
    tensors = layout.address_all(content, role)
    check_usual(tensors, file)
    return tensors


def _image_size(layout: Layout, tensors: Tensors, option: int | None) -> int:
    found = layout.image_size(tensors)
    if found is not None and option not in (None, found):
        raise BadInput(
            f"--image-size {option} contradicts the file, which is for {found} px; drop it"
        )
    return found or option or IMAGE_SIZE


def _class_names(layout: Layout, tensors: Tensors, option: Sequence[str] | None) -> tuple[str, ...]:
    """Names of the classes in the order of the file; none where the condition is no class."""
    count = layout.classes(tensors, None if option is None else len(option))
    if option is None:
        if count in (0, len(EMOTIONS)):
            return layout.file_order(EMOTIONS)[:count]
        raise BadInput(
            f"the file has {plural(count, 'class', 'classes')}, not the {len(EMOTIONS)} of ganbench, and no names; "
            "name them in its order with --emotions a,b,..."
        )
    names = tuple(canonical(name) for name in option)
    if len(names) != count or len(set(names)) < count or "" in names:
        raise BadInput(
            f"--emotions must name the {plural(count, 'class', 'classes')} of the file, each once: {','.join(names)}; "
            "mend the list"
        )
    return names


def _sorted_out(
    tensors: Tensors, wanted: Tensors, layout: Layout, file: Path
) -> tuple[Tensors, Tensors]:
    """The tensors that fill ``wanted``, all by address, and those that nothing reads.

    Raises:
        BadInput: missing, extra or mis-shaped tensors, or such as ``methods.tensors`` refuses.
    """
    unused = {a: t for a, t in tensors.items() if a not in wanted and layout.ignores(a)}
    used = {a: t for a, t in tensors.items() if a not in unused}
    if wrong := mismatch(wanted, used):
        raise BadInput(
            f"tensors of {file} do not fit its own sizes: {wrong}; it is incomplete, or made by a "
            "changed network, which ganbench cannot compute"
        )
    return fitted(wanted, used, file), unused


def _notes(
    layout: Layout,
    config: Any,
    names: tuple[str, ...],
    assumed: list[str],
    has_critic: bool,
    unused: Tensors,
) -> tuple[str, ...]:
    """What the user should know of an import."""
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


def _imported_name(source: dict[str, Any], role: Role) -> str:
    """Name of the imported file, as the card has it; empty if it has none that is a file's name."""
    facts = source.get(role)
    name = facts.get("file") if isinstance(facts, dict) else None
    return name if isinstance(name, str) and is_file_name(name) else ""


def _torch_name(imported: str, conventional: str) -> str:
    """Name of an exported file: as it was, but what ``torch.save`` writes is not called safetensors."""
    stem = imported.removesuffix(SAFE)
    return imported if stem == imported else stem + Path(conventional).suffix


def _source(file: Path) -> dict[str, Any]:
    return {"file": file.name, "sha256": sha256(file)}
