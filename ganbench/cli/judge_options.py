"""Options that choose the judges of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from ganbench.cli import names
from ganbench.cli.names import list_of
from ganbench.cli.options import PIXELS, DataOptions, several

if TYPE_CHECKING:
    from ganbench.judges import Judge
    from ganbench.judges.onnx import OnnxInput


@dataclass(frozen=True)
class JudgeOptions(DataOptions):
    """The values of ``data_options`` and ``judge_options``."""

    judge: str
    labels: str | None
    judge_size: int | None
    judge_mean: str | None
    judge_std: str | None

    def load_judges(self, device: str) -> list[Judge]:
        """The judges of ``--judge``, the main one first.

        Raises:
            BadInput: an empty name, a judge that does not load, or labels without an ONNX judge.
        """
        from ganbench.errors import BadInput
        from ganbench.judges import ONNX, load_judge

        names = [name.strip() for name in self.judge.split(",")]
        if not all(names):
            raise BadInput(
                f"not a list of judges: {self.judge!r}; write --judge vgg, or vgg,face-api"
            )
        onnx = [name for name in names if name.startswith(ONNX)]
        # A description without an ONNX judge goes to all judges, which refuse it.
        described = onnx or names
        expects = self.onnx_input()
        return [
            load_judge(name, device=device, expects=expects if name in described else None)
            for name in names
        ]

    def onnx_input(self) -> OnnxInput | None:
        """The description of ONNX judges; None if no part of it is given.

        Raises:
            BadInput: no labels, or not three numbers.
        """
        from ganbench.errors import BadInput
        from ganbench.judges.onnx import OnnxInput

        if self.labels is None:
            if self.judge_size is None and self.judge_mean is None and self.judge_std is None:
                return None
            raise BadInput(
                "no labels for the ONNX judge: --judge-size, --judge-mean and --judge-std need --labels"
            )
        return OnnxInput(
            tuple(self.labels.split(",")),
            self.judge_size,
            _three_numbers("--judge-mean", self.judge_mean or "0,0,0"),
            _three_numbers("--judge-std", self.judge_std or "1,1,1"),
        )


def _three_numbers(option: str, text: str) -> tuple[float, ...]:
    from ganbench.errors import BadInput

    try:
        return tuple(map(float, text.split(",")))
    except ValueError:
        raise BadInput(f"not three numbers: {option} {text}; write 0.485,0.456,0.406") from None


judge_options = several(
    click.option(
        "--judge",
        default="vgg",
        show_default=True,
        metavar="vgg|face-api|FILE|RUN|onnx:FILE,...",
        shell_complete=list_of(names.judges),
        help="Judges: the suite's VGG, the independent face-api, a checkpoint of 'ganbench train judge', or an "
        "ONNX classifier with --labels. The first is the main judge, the others are extra judges.",
    ),
    click.option(
        "--labels",
        metavar="NAME,...",
        help="ONNX judge: the emotions of its outputs, in order; emotions beside the seven are left out.",
    ),
    click.option(
        "--judge-size",
        type=PIXELS,
        help="ONNX judge: side of its images in pixels, if the file does not state it.",
    ),
    click.option(
        "--judge-mean",
        metavar="R,G,B",
        help="ONNX judge: mean that is subtracted from RGB in [0, 1].  [default: 0,0,0]",
    ),
    click.option(
        "--judge-std",
        metavar="R,G,B",
        help="ONNX judge: divisor of RGB after the subtraction.  [default: 1,1,1]",
    ),
)
