"""Options of the commands that work under a protocol: ``protocol export``, ``score`` and ``verify``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ganbench.cli import names
from ganbench.cli.names import list_of, one_of
from ganbench.cli.options import PIXELS, Command, DataOptions, data_options, several

if TYPE_CHECKING:
    from collections.abc import Callable

    from ganbench.cli.screen import Bar
    from ganbench.submission.opened import Opened

# What a frozen protocol decides, so that it cannot be given with one.
_DECIDED = ("data", "framing", "skip_bad", "max_pixels", "size", "judge", "metrics")


@dataclass(frozen=True)
class ProtocolOptions(DataOptions):
    """The values of ``protocol_options``, and the device of the judges."""

    size: int
    judge: str
    metrics: str
    device: str = "auto"

    def open(self, name: str, move: Bar) -> Opened:
        """Load a protocol.

        Args:
            name: of a frozen protocol, or ``folder`` for the data of the options.
            move: the progress bar.

        Raises:
            BadInput: there is no such protocol, an option contradicts it, or its data are missing.
        """
        from ganbench.data.dataset import only
        from ganbench.emotions import EMOTIONS
        from ganbench.errors import BadInput
        from ganbench.judges import ONNX, load_judge
        from ganbench.protocols import FOLDER, load_protocol
        from ganbench.scoring import select_metrics
        from ganbench.submission.opened import Opened, open_protocol

        if name != FOLDER:
            protocol = load_protocol(name)
            if given := _given(*_DECIDED, *(("root", "label_order") if protocol.shipped else ())):
                raise BadInput(
                    f"{given} with --protocol {name}, which decides it; leave it out, or give --protocol "
                    f"{FOLDER} for your own data"
                )
            more: dict[str, Any] = {"label_order": self.label_order}
            progress = partial(move, f"data {protocol.data}")
            return open_protocol(protocol, self.root, self.device, progress, **more)
        if not _given("data"):
            raise BadInput(f"no data: --protocol {FOLDER} needs --data, and --root for most kinds")
        names = [part.strip() for part in self.judge.split(",")]
        if any(one.startswith(ONNX) for one in names):
            raise BadInput(
                f"an ONNX judge: --judge {self.judge}; use ganbench.score with an Opened from Python"
            )
        metrics = tuple(part.strip() for part in self.metrics.split(","))
        select_metrics(metrics)  # errors in names come before data are loaded
        judge, *others = (load_judge(one, device=self.device) for one in names)
        dataset = only(self.load("test", self.size, move), EMOTIONS)
        return Opened(FOLDER, dataset, judge, tuple(others), metrics)


def _given(*names: str) -> str:
    """The first of some options that the user has given, as it is written; empty without any."""
    context = click.get_current_context()
    for name in names:
        source = context.get_parameter_source(name)
        if source not in (None, click.core.ParameterSource.DEFAULT):
            return "--" + name.replace("_", "-")
    return ""


# The options that describe a user's own data, for ``--protocol folder``.
own_data_options = several(
    data_options,
    click.option(
        "--size",
        type=PIXELS,
        default=64,
        show_default=True,
        help="Side of the images in pixels, for your own data.",
    ),
    click.option(
        "--judge",
        default="vgg",
        show_default=True,
        metavar="vgg|face-api|FILE|RUN,...",
        shell_complete=list_of(names.judges),
        help="Judges, for your own data; the first is the main judge.",
    ),
    click.option(
        "--metrics",
        default="default",
        show_default=True,
        metavar="all|NAME,...",
        shell_complete=list_of(names.metrics),
        help="Metrics, for your own data; as for 'ganbench eval'.",
    ),
)


def protocol_option(default: str | None) -> Callable[[Command], Command]:
    """--protocol."""
    return click.option(
        "--protocol",
        default=default,
        show_default=default is not None,
        metavar="NAME",
        shell_complete=one_of(names.protocols),
        help="A name of 'ganbench protocol list', or folder for your own data."
        + ("" if default else "  [default: that of the run]"),
    )
