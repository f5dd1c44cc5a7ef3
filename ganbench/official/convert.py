"""The authors' checkpoints into ours and back, bit for bit."""

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
from ganbench.methods.weights import (
    DISCRIMINATOR,
    UNUSED,
    grouped,
    mismatch,
    read_header,
    read_tensors,
    save_checkpoint,
    sha256,
)
from ganbench.official.files import SAFE, identify, read, refusal, write
from ganbench.official.layout import Layout, Role, Tensors
from ganbench.registry import METHODS

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

    with torch.device("meta"):
        model = cls(config)
        wanted = model.state_dict()
        if any(address.startswith(f"{layout.critic}.") for address in tensors):
            critic = layout.discriminator(config).state_dict()
            wanted |= {f"{DISCRIMINATOR}{key}": tensor for key, tensor in critic.items()}
    addresses = {key: layout.address(key, config) for key in wanted}
    used, unused = _sorted_out(
        tensors, {addresses[key]: tensor for key, tensor in wanted.items()}, layout, file
    )
    used = layout.reorder(used, order, config)
    ours = {key: used[address] for key, address in addresses.items()}
    beside = {key: ours.pop(key) for key in list(ours) if key.startswith(DISCRIMINATOR)}
    notes = _notes(layout, config, names, assumed, bool(beside), unused)
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
        path: a checkpoint of a method, imported or trained by ganbench.
        folder: where to write; made if missing.

    Returns:
        The files: the generator's, then the discriminator's if ``path`` holds one.

    Raises:
        BadInput: a judge's checkpoint, or a file that exists or cannot be written.
        Unsupported: no layout of this method is known.
    """
    header = read_header(path)
    if header["kind"] != "method":
        raise BadInput(f"not a method: {path} is a {header['kind']}; only methods have authors")
    cls: type[Method] = METHODS.load(header["name"], Method)
    layout = cls.official()
    config = configuration.build(cls.Config, header["config"], f"checkpoint {path.name}")
    layout.check(config)
    source = header["card"].get("official", {})

    tensors: Tensors = {}
    unused: Tensors = {}
    for key, tensor in read_tensors(path).items():
        if key.startswith(UNUSED):
            unused[key.removeprefix(UNUSED)] = tensor
        else:
            tensors[layout.address(key, config)] = tensor
    names = source.get("classes", layout.file_order(config.emotions))
    tensors = layout.reorder(tensors, [config.emotions.index(name) for name in names], config)
    tensors = layout.conventional(tensors, config)
    contents = layout.contents(layout.standard(tensors, config) | tensors | unused)

    number = header["card"].get("iteration", 0)
    written = {role: layout.names[role].format(n=number) for role in contents}
    given = {
        role: _torch_name(source[role]["file"], written[role])
        for role in contents
        if source.get(role)
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


def _read(layout: Layout, method: str, file: Path, role: Role) -> Tensors:
    """The tensors of an authors' file by address, once it is known to be what it is given as."""
    content = read(file)
    kind = identify(content)
    if method not in kind.methods or role not in kind.roles:
        raise refusal(file, kind, method, role)
    return layout.address_all(content, role)


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
            f"the file has {count} classes, not the {len(EMOTIONS)} of ganbench, and no names; "
            "name them in its order with --emotions a,b,..."
        )
    names = tuple(canonical(name) for name in option)
    if len(names) != count or len(set(names)) < count or "" in names:
        raise BadInput(
            f"--emotions must name the {count} classes of the file, each once: {','.join(names)}; "
            "mend the list"
        )
    return names


def _sorted_out(
    tensors: Tensors, wanted: Tensors, layout: Layout, file: Path
) -> tuple[Tensors, Tensors]:
    """The tensors that fill ``wanted``, all by address, and those that nothing reads.

    Raises:
        BadInput: missing, extra or mis-shaped tensors.
    """
    unused = {a: t for a, t in tensors.items() if a not in wanted and layout.ignores(a)}
    used = {a: t for a, t in tensors.items() if a not in unused}
    if wrong := mismatch(wanted, used):
        raise BadInput(
            f"tensors of {file} do not fit its own sizes: {wrong}; it is incomplete, or made by a "
            "changed network, which ganbench cannot compute"
        )
    return used, unused


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


def _torch_name(imported: str, conventional: str) -> str:
    """Name of an exported file: as it was, but what ``torch.save`` writes is not called safetensors."""
    name = Path(imported).name
    return Path(name).stem + Path(conventional).suffix if name.endswith(SAFE) else name


def _source(file: Path) -> dict[str, Any]:
    return {"file": file.name, "sha256": sha256(file)}
