"""``ganbench checkpoints`` as a user meets it, and what docs/checkpoints.md promises."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import authors
import pytest
import torch
from safetensors.torch import load_file, save_file

import ganbench
from ganbench.methods.locate import shipped
from ganbench.methods.weights import read_header

DOCS = (Path(__file__).parents[2] / "docs" / "checkpoints.md").read_text()
COMMANDS = re.findall(r"^(ganbench checkpoints .+)$", DOCS, re.MULTILINE)


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def ganbench_process(*args: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ganbench", *map(str, args)]
    return subprocess.run(command, cwd=folder, text=True, capture_output=True, timeout=60)


def test_import_and_refusal_as_processes(tmp_path):
    authors.save("linear", authors.states("linear"), tmp_path)
    done = ganbench_process("checkpoints", "import", "linear", "1000000-G.ckpt", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "linear-1000000-G.safetensors\n"
    assert "128 px assumed; --image-size" in done.stderr
    method = ganbench.load_method("linear", tmp_path / done.stdout.strip(), device="cpu")
    assert method.spec.image_size == 128

    done = ganbench_process("checkpoints", "import", "smit", "1000000-G.ckpt", folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(
        r"ganbench: not a generator of smit: .*import it as linear.*\n", done.stderr
    )


def test_help_imports_no_torch():
    ask = (
        "import sys; from ganbench.cli import main; sys.argv = ['ganbench', 'checkpoints', '--help']"
        "\ntry: main()\nexcept SystemExit: pass\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True)


def test_every_command_of_the_page_runs(call, tmp_path):
    for layout in ("gaussian", "stargan", "stargan-v2"):
        authors.save(layout, authors.states(layout), tmp_path)
    assert len(COMMANDS) >= 7
    for command in COMMANDS:
        code, _, err = call(*shlex.split(command)[1:])
        assert code == 0, (command, err)
    assert (tmp_path / "official" / "1800000-G.ckpt").is_file()
    assert (tmp_path / "official" / "1800000-D.ckpt").is_file()
    assert (tmp_path / "my-stargan-v2.safetensors").is_file()


def test_the_page_s_way_out_makes_a_plain_file(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    network = torch.nn.Linear(2, 3)
    torch.save(network, "whole.pth")
    (code,) = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    exec(code, {})  # our own page
    plain = torch.load("plain.pth", weights_only=True)
    assert torch.equal(plain["weight"], network.weight)


def test_list_names_every_shipped_checkpoint(call):
    code, out, _ = call("checkpoints", "list")
    assert code == 0
    for name in ["judge", *ganbench.list_methods()[:6]]:
        size = f"{shipped(name).stat().st_size / 1e6:.1f} MB"
        licence = read_header(shipped(name))["card"]["licence"]
        assert re.search(rf"{name} .*{size}.*{licence}.*faces", out), out


def test_show_tells_card_network_and_counts(call, tmp_path):
    file, critic = authors.save("smit", authors.states("smit"), tmp_path)
    assert call("checkpoints", "import", "smit", file, "--discriminator", critic)[0] == 0
    code, out, _ = call("checkpoints", "show", "smit-0059_1000_G.safetensors")
    assert code == 0
    counts = {
        part: sum(
            t.numel()
            for key, t in state.items()
            if not re.search("running|weight_[uv]|Domain_Embedding", key)
        )
        for part, state in authors.states("smit").items()
    }
    for line in (
        "official.generator.file +0059_1000_G.pth",
        "licence +unknown; ask the authors",
        "noise_dim +20",
        "emotions +neutral, happy, sad, ",
        f"generator +{counts['G']:,}",
        f"discriminator +{counts['D']:,}",
    ):
        assert re.search(rf"^  {line}", out, re.MULTILINE), (line, out)


def test_show_takes_shipped_names(call):
    code, out, _ = call("checkpoints", "show", "judge")
    assert code == 0
    assert re.search(r"^  kind +judge$", out, re.MULTILINE)
    assert re.search(r"^  fc3 +[\d,]+$", out, re.MULTILINE)


def test_show_tells_where_a_checkpoint_was_made_again(call, tmp_path):
    folder = shipped("judge").parent
    shutil.copy(folder / "ganimation.safetensors", tmp_path)
    manifest = (folder / "MANIFEST.toml").read_text()
    mark = '[ganimation]\nreproduced = { weights = "bit-identical", iteration = 6000 }'
    manifest = re.sub("^reproduced = .*\n", "", manifest, flags=re.MULTILINE)
    (tmp_path / "MANIFEST.toml").write_text(manifest.replace("[ganimation]", mark))
    _, out, _ = call("checkpoints", "show", tmp_path / "ganimation.safetensors")
    assert "\nreproduced\n  weights                        bit-identical\n" in out
    # It is the file that was made again, not the name.
    shutil.copy(folder / "smit.safetensors", tmp_path / "ganimation.safetensors")
    _, out, _ = call("checkpoints", "show", tmp_path / "ganimation.safetensors")
    assert "reproduced" not in out


def test_verify_passes_what_is_shipped(call):
    code, out, _ = call("checkpoints", "verify")
    assert code == 0
    assert out.count("complete, hash as in MANIFEST.toml\n") == 7


@pytest.fixture
def folder(tmp_path):
    """A copy of a shipped checkpoint with its manifest."""
    for name in ("MANIFEST.toml", "stargan.safetensors"):
        (tmp_path / name).write_bytes((shipped("judge").parent / name).read_bytes())
    return tmp_path


def resaved(path: Path, change) -> None:
    tensors, header = load_file(path), read_header(path)
    change(tensors)
    save_file(tensors, path, metadata={"ganbench": json.dumps(header)})


def test_verify_finds_damage(call, folder):
    def failure(match: str) -> None:
        code, out, err = call("checkpoints", "verify", "smit", "stargan.safetensors")
        assert code == 2
        assert out == "smit: complete, hash as in MANIFEST.toml\nstargan.safetensors: FAILED\n"
        assert re.fullmatch(rf"ganbench: 1 of 2 checkpoints failed: .*{match}.*\n", err), err

    path = folder / "stargan.safetensors"
    resaved(path, lambda tensors: tensors.popitem())
    failure("another hash than in MANIFEST.toml")
    (folder / "MANIFEST.toml").unlink()
    failure("does not fit its own configuration.*missing")
    path.write_bytes(path.read_bytes()[:-10])
    failure("not a ganbench checkpoint")


def test_verify_finds_a_diverged_network(call, folder):
    def diverge(tensors: dict) -> None:
        next(iter(tensors.values())).fill_(float("nan"))

    (folder / "MANIFEST.toml").unlink()
    resaved(folder / "stargan.safetensors", diverge)
    code, _, err = call("checkpoints", "verify", "stargan.safetensors")
    assert code == 2
    assert "not finite" in err


def test_verify_looks_into_the_discriminator(call, tmp_path):
    file, critic = authors.save("stargan", authors.states("stargan"), tmp_path)
    call("checkpoints", "import", "stargan", file, "--discriminator", critic, "--out", "s")
    assert call("checkpoints", "verify", "s")[:2] == (0, "s: complete\n")
    resaved(tmp_path / "s", lambda tensors: tensors.pop("discriminator.conv1.weight"))
    code, _, err = call("checkpoints", "verify", "s")
    assert code == 2
    assert "missing conv1.weight" in err


def test_export_needs_to_know_the_layout(call):
    code, _, err = call("checkpoints", "export", "linear")
    assert code == 2
    assert "--official" in err
