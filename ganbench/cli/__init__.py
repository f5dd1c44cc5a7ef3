"""The command line. Subcommands are imported when called, so that help is instant."""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module

import click
from click.shell_completion import CompletionItem

from ganbench import __version__
from ganbench.cli.screen import Closed, leave_output, say, set_up_output
from ganbench.errors import GanbenchError
from ganbench.text import message

# Exit code after the reader of the output has closed the pipe; a shell reports it for SIGPIPE.
CLOSED = 141

# Each command lies in the module of its name. The help texts are here, so that a list imports nothing.
COMMANDS = {
    "eval": "Evaluate methods: Table 1, FED, ERE, plots, a page.",
    "score": "Score pictures that any program has edited.",
    "verify": "Check that a score is about a folder of pictures.",
    "leaderboard": "Build a leaderboard of runs; check its rows.",
    "protocol": "List the named protocols; write their tasks.",
    "compare": "Compare two evaluations: the gate for CI.",
    "claims": "Test the claims of the GANmut paper by an evaluation.",
    "validate": "Test the metrics on edits of known quality.",
    "figure": "Make the figures of the paper's supplement.",
    "train": "Train a method or the judge.",
    "plot": "Draw losses and probe accuracy of a training.",
    "reproduce": "Train a shipped checkpoint again and compare.",
    "edit": "Edit any number of pictures to an emotion.",
    "studio": "Edit photographs by hand on a page of this machine.",
    "data": "List, export, align and check data sets.",
    "cache": "Show, prune and verify what runs have stored.",
    "methods": "List the methods.",
    "cite": "Print BibTeX entries of ganbench and of the papers.",
    "checkpoints": "Import the authors' checkpoints; export, list, show, verify; model cards.",
    "completion": "Print a script that completes names in your shell.",
}


class LazyGroup(click.Group):
    """A group whose commands are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"ganbench.cli.{cmd_name}")
        command: click.Command = getattr(module, "evaluate" if cmd_name == "eval" else cmd_name)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = [
            CompletionItem(name, help=text)
            for name, text in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        # The options of the group; its own way to list commands would import them all.
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            from ganbench.errors import unknown

            raise unknown("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ganbench")
def cli() -> None:
    """Train and judge GANs that edit facial expressions."""


def main() -> None:
    """Entry point of the command line: prints errors as one line and exits with their codes."""
    set_up_output()
    code = _run()
    leave_output()
    if "TORCHELASTIC_RUN_ID" in os.environ:
        # Threads of torch outlive the process group. They sometimes abort a process that exits in the
        # usual way, and torchrun would report a failure although the work is done.
        os._exit(code)
    if code:
        sys.exit(code)


def _run() -> int:
    # ganbench's errors name the faults of a picture file; other warnings of Pillow do not matter.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        return _call()
    except Closed:
        return CLOSED


def _call() -> int:
    try:
        cli.main(sys.argv[1:] or ["--help"], prog_name="ganbench", standalone_mode=False)
    except click.ClickException as error:
        say(f"ganbench: {message(error.format_message())}; see 'ganbench --help'", err=True)
        return 2
    except click.exceptions.Exit as done:
        return done.exit_code
    except GanbenchError as error:
        say(f"ganbench: {message(error)}", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("ganbench: interrupted; what was finished is kept", err=True)
        return 130
    except OSError as error:
        say(f"ganbench: {message(_describe(error))}", err=True)
        return 2
    except (MemoryError, RuntimeError) as error:
        if not _lacks_memory(error):
            raise
        say("ganbench: out of memory; use a smaller --batch-size or a smaller image size", err=True)
        return 2
    except SystemExit as done:
        return int(done.code or 0)
    return 0


def _describe(error: OSError) -> str:
    """What the operating system refused, for example to write to a full disk."""
    places = " to ".join(str(p) for p in (error.filename, error.filename2) if p is not None)
    return (
        f"{places or 'a file'}: {error.strerror or error}; check path, permissions and free space"
    )


def _lacks_memory(error: Exception) -> bool:
    """Whether memory ran out. Torch has an exception for GPUs; on CPUs only the message tells."""
    words = ("OutOfMemoryError", "not enough memory", "can't allocate memory")
    return isinstance(error, MemoryError) or any(
        word in f"{type(error).__name__} {error}" for word in words
    )
