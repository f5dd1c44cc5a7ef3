"""``ganbench completion``."""

from __future__ import annotations

import click

from ganbench.cli.names import examples
from ganbench.cli.screen import emit

# The variable by which a shell asks for completions, as click derives it from the name of the program.
VARIABLE = "_GANBENCH_COMPLETE"


@click.command(
    epilog=examples(
        "ganbench completion bash >> ~/.bashrc",
        "ganbench completion zsh >> ~/.zshrc",
        "ganbench completion fish > ~/.config/fish/completions/ganbench.fish",
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script with which SHELL completes commands, options and names.

    Methods, emotions, judges, protocols, metrics, kinds of data and figures are completed, also those of plug-ins.
    """
    from click.shell_completion import ShellComplete, get_completion_class

    from ganbench.cli import cli

    kind = get_completion_class(shell)
    assert kind is not None  # click knows these three
    # The class of bash would start bash to ask for its version, which a script need not.
    emit(ShellComplete.source(kind(cli, {}, "ganbench", VARIABLE)) + "\n")
