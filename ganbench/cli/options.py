"""Options that several subcommands share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ganbench.cli import names
from ganbench.cli.names import one_of
from ganbench.data.framing import CENTRE, FRAMINGS
from ganbench.seeds import LARGEST

if TYPE_CHECKING:
    from ganbench.cli.screen import Bar
    from ganbench.data.dataset import Dataset

# Limits of a batch and of a data set. No machine holds more, so a larger number is a typing error.
BATCH, COUNT = click.IntRange(1, 65_536), click.IntRange(1, 1_000_000_000)
PATH = click.Path(path_type=Path)
PIXELS = click.IntRange(1, 4096)
# The type of all seeds.
SEED = click.IntRange(0, LARGEST)

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class DataOptions:
    """The values of ``data_options``: the data set, its folder, and how its pictures are read.

    A root without a kind of data set is looked at, and has the kind that it is recognised as.
    """

    data: str
    root: str | None
    label_order: str | None
    framing: str
    max_pixels: int
    skip_bad: bool
    cameras: str | None

    def __post_init__(self) -> None:
        from ganbench.data import AUTO, find_dataset

        if self.data == AUTO:
            name, root = ("faces", None) if self.root is None else find_dataset(self.root)
            object.__setattr__(self, "data", name)
            object.__setattr__(self, "root", None if root is None else str(root))

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> DataOptions:
        """The data options among all parsed options of a command."""
        return cls(**{field.name: given[field.name] for field in fields(cls)})

    @property
    def kind(self) -> str:
        """The name of the data set."""
        from ganbench.data import parse_data

        return parse_data(self.data)[0]

    @property
    def data_values(self) -> dict[str, Any]:
        """The values that ``data`` gives, by key: ``{"train": 70}`` for ``faces:train=70``."""
        from ganbench.data import parse_data

        return parse_data(self.data)[1]

    def load(self, split: str, size: int, move: Bar, **more: Any) -> Dataset:
        """Open a split.

        Args:
            split: ``"train"`` or ``"test"``.
            size: side of the images, pixels.
            move: the progress bar.
            more: further arguments of ``load_dataset``.
        """
        from ganbench.data import load_dataset

        return load_dataset(
            self.kind,
            split,
            root=self.root,
            size=size,
            skip_bad=self.skip_bad,
            label_order=self.label_order,
            framing=self.framing,
            max_pixels=self.max_pixels,
            cameras=self.cameras,
            progress=partial(move, f"data {self.data}"),
            **self.data_values,
            **more,
        )

    def notes(
        self, dataset: Dataset, networks: Iterable[tuple[str, Mapping[str, Any]]] = ()
    ) -> Iterator[str]:
        """What a user must know about a data set, a line each.

        Args:
            dataset: the result of ``load``.
            networks: title and card of each method and judge that will process the images.
        """
        from ganbench.data.framing import mismatch

        if dataset.left_out:
            yield f"left out of {self.data}: {dataset.left_out}"
        for note in dataset.notes:
            yield f"{self.data}: {note}"
        for title, card in networks:
            if warning := mismatch(title, card, dataset.framing):
                yield f"warning: {warning}"


def several(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """A decorator that adds several options to a command, in the order of ``--help``."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def renamed_option(old: str, new: str, flag: bool = False) -> Callable[[Command], Command]:
    """A hidden option for an old name, whose use is an error that tells the new name.

    Args:
        new: an option that is written in the same way, or a text with ``{}`` where the value stands.
        flag: the option has no value.
    """

    def refuse(context: click.Context, parameter: click.Parameter, value: object) -> None:
        if value:
            now = new.format(value) if "{" in new else new if flag else f"{new} {value}"
            raise click.UsageError(f"{old} is called {now.partition(' ')[0]} now: give {now}")

    more: dict[str, Any] = {"is_flag": True} if flag else {}
    return click.option(old, hidden=True, expose_value=False, callback=refuse, **more)


def split_method(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """The name in ``NAME=FILE``; the file becomes the parameter ``checkpoint``.

    Raises:
        BadInput: no name, or no file after the sign.
    """
    from ganbench.errors import BadInput

    name, separator, file = (part.strip() for part in value.partition("="))
    if not name or (separator and not file):
        raise BadInput(f"not a method: {value!r}; write --method gaussian, or gaussian=FILE")
    context.params["checkpoint"] = file or None
    return name


def seed_option(help: str) -> Callable[[Command], Command]:
    """--seed; ``help`` says what it decides."""
    return click.option("--seed", type=SEED, default=0, show_default=True, help=help)


def au_scale_of(text: str) -> float | None:
    """The value of --au-scale for ``load_dataset``."""
    return None if text == "auto" else float(text)


max_pixels_option = click.option(
    "--max-pixels",
    type=click.IntRange(1, 10**12),
    default=64_000_000,
    show_default=True,
    help="Refuse pictures whose headers announce more pixels.",
)
picture_options = several(
    click.option(
        "--framing",
        type=click.Choice(FRAMINGS),
        default=CENTRE,
        show_default=True,
        help="How a picture becomes square: its middle square is cut out, or the whole picture is stretched.",
    ),
    max_pixels_option,
)
source_options = several(
    click.option(
        "--label-order",
        metavar="NAME|NAME,...",
        help="Meaning of labels that are numbers: table1 (AffectNet's), alphabetical, fer2013, raf-db, or the "
        "names in the order of the numbers; 1:NAME,... if the numbers begin with 1.  [default: table1]",
    ),
    click.option(
        "--cameras",
        metavar="NAME,...|all",
        help="Cameras whose pictures are used, of RaFD (0,45,90,135,180) or KDEF (FL,HL,S,HR,FR).  [default: "
        "the one in front of the face]",
    ),
)
data_options = several(
    click.option(
        "--data",
        default="auto",
        metavar="KIND",
        shell_complete=one_of(names.datasets),
        help="Kind of data set; see 'ganbench data list'.  [default: the one found under --root; without "
        "--root the embedded faces, 7,000 for training and 700 for testing] faces:train=70,test=70,seed=1 has "
        "other faces.",
    ),
    click.option("--root", help="Folder of the data set; the embedded faces need none."),
    click.option(
        "--skip-bad", is_flag=True, help="Leave out unreadable images instead of stopping."
    ),
    source_options,
    picture_options,
)
au_scale_option = click.option(
    "--au-scale",
    type=click.Choice(["auto", "5", "1"]),
    default="auto",
    show_default=True,
    help="Largest value of action units in a list: 5, as in OpenFace, or 1. auto: 5 if a value is above 1; 1 if "
    "at least 100 rows have no value above 1, and one has a value above 0.5; otherwise an error.",
)
allow_leaks_option = click.option(
    "--allow-leaks",
    is_flag=True,
    help="Continue if an image is in both splits, or under two emotions.",
)
leak_options = several(
    allow_leaks_option,
    click.option(
        "--same-data",
        is_flag=True,
        help="Allow the same images for training and testing: the numbers are then those of training images.",
    ),
)
method_options = several(
    click.option(
        "--method",
        required=True,
        metavar="NAME[=FILE|RUN]",
        callback=split_method,
        shell_complete=one_of(names.methods),
        help="The method, such as gaussian or its alias gganmut; 'ganbench methods' lists them. NAME=FILE takes "
        "your checkpoint or its run folder instead of the shipped checkpoint.",
    ),
    renamed_option("--checkpoint", "--method NAME={}"),
)
overwrite_option = several(
    click.option(
        "--overwrite",
        is_flag=True,
        help="Write into a folder that is not empty; files of the same names are replaced, none is removed.",
    ),
    renamed_option("--force", "--overwrite", flag=True),
)
batch_size_option = click.option(
    "--batch-size",
    type=BATCH,
    default=32,
    show_default=True,
    help="Number of edits made at once; it changes speed and memory, but no result.",
)
device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda, cuda:1, mps; auto takes a CUDA GPU if there is one.",
)
all_codes_option = click.option(
    "--all-codes",
    is_flag=True,
    help="Edit all images with noisy and uniform codes, too, not only the first 140; FED then uses noisy codes.",
)
faces_options = several(
    click.option(
        "--all-faces",
        is_flag=True,
        help="Identity, landmarks and found faces of all images and edits, not only of the first 140 images.",
    ),
    click.option(
        "--by",
        multiple=True,
        metavar="age|sex|ancestry|pose|light|all",
        shell_complete=one_of(lambda: ["age", "sex", "ancestry", "pose", "light", "all"]),
        help="Print the numbers by a property of the rendered faces, too; may be given several times. The page "
        "and results.json have all groups.",
    ),
)
edit_precision_option = click.option(
    "--precision",
    type=click.Choice(["float32", "tf32", "bf16"]),
    default="float32",
    show_default=True,
    help="Arithmetic of the methods; judges compute in float32. Numbers of another arithmetic are not compared. "
    "tf32 needs CUDA.",
)
