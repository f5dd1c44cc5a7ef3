"""The command line. Subcommands are imported when called, so that help is instant."""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module

import click

from ganbench import __version__
from ganbench.cli.screen import Closed, leave_output, say, set_up_output
from ganbench.errors import GanbenchError
from ganbench.text import message

# The exit code of a command whose output nobody reads any more: what a shell reports of a program that
# SIGPIPE ended. It is none of the codes that mean something.
CLOSED = 141

# Name -> (module, attribute, help): the help is repeated here so that listing imports nothing.
COMMANDS = {
    "eval": (
        "ganbench.cli.eval",
        "evaluate",
        "Evaluate methods: Table 1, FED, ERE, plots, a page.",
    ),
    "compare": ("ganbench.cli.compare", "compare", "Compare two evaluations: the gate for CI."),
    "validate": (
        "ganbench.cli.validate",
        "validate",
        "Test the metrics on edits of known quality.",
    ),
    "figure": ("ganbench.cli.figure", "figure", "Make the figures of the paper's supplement."),
    "train": ("ganbench.cli.train", "train", "Train a method or the judge."),
    "plot": ("ganbench.cli.plot", "plot", "Draw losses and probe accuracy of a training."),
    "reproduce": (
        "ganbench.cli.reproduce",
        "reproduce",
        "Train a shipped checkpoint again and compare.",
    ),
    "edit": ("ganbench.cli.edit", "edit", "Edit any number of pictures to an emotion."),
    "data": ("ganbench.cli.data", "data", "Export and check data sets."),
    "cache": ("ganbench.cli.cache", "cache", "Show, prune and verify what runs have stored."),
    "methods": ("ganbench.cli.methods", "methods", "List the methods."),
    "checkpoints": (
        "ganbench.cli.checkpoints",
        "checkpoints",
        "Import the authors' checkpoints; export, list, show and verify.",
    ),
}


class LazyGroup(click.Group):
    """A group whose commands are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])

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
    """Entry point: errors of ours are one line on stderr and their exit code."""
    set_up_output()
    code = _run()
    leave_output()
    if "TORCHELASTIC_RUN_ID" in os.environ:
        # torch's threads, which outlive the group of processes, now and then abort one that ends in
        # the usual way after its work is done, and torchrun would take that for a failure.
        os._exit(code)
    if code:
        sys.exit(code)


def _run() -> int:
    # What a file has wrong is said in our own words, or does not matter.
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
        say(f"ganbench: {message(_of_the_system(error))}", err=True)
        return 2
    except (MemoryError, RuntimeError) as error:
        if not _lacks_memory(error):
            raise
        say("ganbench: the memory does not suffice; take a smaller --batch-size or size", err=True)
        return 2
    except SystemExit as done:
        return int(done.code or 0)
    return 0


def _of_the_system(error: OSError) -> str:
    """What the system refused, in words: a full disk, a folder that may not be read ..."""
    places = " to ".join(str(p) for p in (error.filename, error.filename2) if p is not None)
    return f"{places or 'a file'}: {error.strerror or error}; check place, rights and room"


def _lacks_memory(error: Exception) -> bool:
    """Whether an error is the machine's lack of memory; torch has a type for GPUs and none for CPUs."""
    words = ("OutOfMemoryError", "not enough memory", "can't allocate memory")
    return isinstance(error, MemoryError) or any(
        word in f"{type(error).__name__} {error}" for word in words
    )
