"""Import and export lose nothing, whatever age the file is of."""

from __future__ import annotations

import json
import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import authors
import pytest
import torch
from safetensors.torch import save_file

import ganbench
from ganbench.baselines.stargan_v2 import StarGANv2, StarGANv2Config
from ganbench.emotions import EMOTIONS
from ganbench.errors import Unsupported
from ganbench.methods.weights import load_state, read_header, read_tensors, save_checkpoint, sha256
from ganbench.official import export_checkpoint, import_checkpoint


def assert_same_bits(ours: dict, theirs: dict) -> None:
    """Nested dictionaries of tensors: same keys, types and bits."""
    assert ours.keys() == theirs.keys()
    for key, tensor in theirs.items():
        if isinstance(tensor, dict):
            assert_same_bits(ours[key], tensor)
        else:
            assert ours[key].dtype == tensor.dtype
            assert torch.equal(ours[key], tensor), key


def read(path: Path) -> dict:
    return torch.load(path, weights_only=True)


def back(method: str, files: list[Path], folder: Path, **options: object) -> list[Path]:
    """Import and export: the exported files."""
    critic = files[1] if len(files) > 1 else None
    imported = import_checkpoint(
        method, files[0], discriminator=critic, out=folder / "ours.safetensors", **options
    )
    return export_checkpoint(imported.path, folder / "back")


@pytest.mark.parametrize("divisor", [None, pytest.param(1, marks=pytest.mark.equality)])
@pytest.mark.parametrize("layout", authors.LAYOUTS)
def test_published_checkpoints_come_back_bit_for_bit(layout, divisor, tmp_path):
    networks = authors.states(layout, divisor)  # divided by 1: at the published size
    if layout == "stargan-v2":
        networks["fan"] = {"conv1.weight": torch.randn(4, 3, 7, 7)}
    file, critic = authors.save(layout, networks, tmp_path)
    exported = back(authors.LAYOUTS[layout][0], [file, critic], tmp_path)
    if layout == "stargan-v2":
        assert [path.name for path in exported] == [file.name]
        assert_same_bits(read(exported[0]), networks)
    else:
        assert [path.name for path in exported] == [file.name, critic.name]
        for path, part in zip(exported, ("G", "D"), strict=True):
            assert_same_bits(read(path), networks[part])


@pytest.mark.parametrize("layout", ["linear", "gaussian", "stargan", "smit", "stargan-v2"])
def test_any_order_of_classes_comes_back_bit_for_bit(layout, tmp_path):
    networks = authors.states(layout)
    files = list(authors.save(layout, networks, tmp_path))
    order = [EMOTIONS[i] for i in (0, 3, 6, 1, 5, 2, 4)]
    exported = back(layout, files, tmp_path, emotions=order)
    if layout == "stargan-v2":
        assert_same_bits(read(exported[0]), networks)
    else:
        assert_same_bits(read(exported[0]), networks["G"])
        assert_same_bits(read(exported[1]), networks["D"])


@pytest.mark.parametrize("name", ["linear", "gaussian", "stargan", "ganimation", "smit", "stargan-v2"])  # fmt: skip
def test_what_ganbench_trained_goes_out_and_comes_in_again(name, tiny_method, tmp_path):
    # The critic's width is no fact of a generator's file: the default is what comes back.
    wide = {} if name == "stargan-v2" else {"critic_width": None if name == "smit" else 64}
    deep = {"bottleneck": 2} if name == "stargan-v2" else {}
    if name in ("linear", "gaussian", "stargan", "ganimation"):
        deep = {"image_size": 64, "critic_layers": 6}
    method = tiny_method(name, **wide, **deep)
    ours = tmp_path / "ours.safetensors"
    save_checkpoint(ours, method, "method", name, {"iteration": 200_000})
    (official,) = export_checkpoint(ours, tmp_path)
    assert "200000" in official.name
    size = method.config.image_size
    again = tmp_path / "again.safetensors"
    import_checkpoint(name, official, out=again, image_size=size)
    loaded = ganbench.load_method(name, again, device="cpu")
    emotions, noise = torch.arange(7), torch.randn(7, method.noise_dim)
    assert torch.equal(loaded.codes(emotions, noise), method.codes(emotions, noise))
    images, codes = torch.rand(7, 3, size, size), method.codes(emotions, noise)
    assert torch.equal(loaded.edit(images, codes).images, method.edit(images, codes).images)


@pytest.mark.parametrize("name", ["linear", "gaussian"])
def test_a_ganmut_trained_on_rgb_goes_out_for_bgr(name, tiny_method, tmp_path):
    method = tiny_method(name, channels="rgb", image_size=64, critic_layers=6)
    save_checkpoint(tmp_path / "ours.safetensors", method, "method", name, {})
    (official,) = export_checkpoint(tmp_path / "ours.safetensors", tmp_path)
    again = tmp_path / "again.safetensors"
    import_checkpoint(name, official, out=again, image_size=64)
    loaded = ganbench.load_method(name, again, device="cpu")
    assert loaded.config.channels == "bgr"
    images, codes = torch.rand(2, 3, 64, 64), method.codes(torch.tensor([1, 4]))
    edits = (m.edit(images, codes).images for m in (loaded, method))
    torch.testing.assert_close(*edits, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("stargan", {"norm": "residual"}),
        ("stargan-v2", {"bottleneck": 1}),
        *((name, {"output": "change"}) for name in ("stargan", "linear", "gaussian")),
    ],
)
def test_networks_that_the_authors_code_cannot_build_stay_here(
    name, network, tiny_method, tmp_path
):
    path = tmp_path / "ours.safetensors"
    save_checkpoint(path, tiny_method(name, **network), "method", name, {})
    with pytest.raises(Unsupported, match=f"{next(iter(network))} is"):
        export_checkpoint(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_files_of_one_name_do_not_meet(tmp_path):
    networks = authors.states("stargan")
    files = [tmp_path / part / "model.ckpt" for part in ("G", "D")]
    for file in files:
        file.parent.mkdir()
        torch.save(networks[file.parent.name], file)
    exported = back("stargan", files, tmp_path)
    assert len({path.name for path in exported}) == 2
    for path, part in zip(exported, ("G", "D"), strict=True):
        assert_same_bits(read(path), networks[part])


# -- older and other forms ----------------------------------------------------------------------------


def wrapped(state: dict) -> dict:
    return {f"module.{key}": tensor for key, tensor in state.items()}


def test_names_of_data_parallel_networks(tmp_path):
    networks = authors.states("stargan-v2")
    file = tmp_path / "nets.ckpt"
    torch.save({name: wrapped(state) for name, state in networks.items()}, file)
    (exported,) = back("stargan-v2", [file], tmp_path)
    assert_same_bits(read(exported), networks)


def flat(networks: dict, before: str = "") -> dict:
    """All networks' tensors under the keys that a file without levels gives them."""
    return {
        f"{name}.{before}{key}": tensor
        for name, state in networks.items()
        for key, tensor in state.items()
    }


@pytest.mark.parametrize("layout", [name for name in authors.LAYOUTS if name != "stargan-v2"])
def test_safetensors_of_the_authors_keys(layout, tmp_path):
    networks = authors.states(layout)
    files = [tmp_path / f"7-{part}.safetensors" for part in ("G", "D")]
    for file, part in zip(files, ("G", "D"), strict=True):
        save_file(networks[part], file)
    exported = back(authors.LAYOUTS[layout][0], files, tmp_path)
    # What comes back is for the authors' torch.load, and named so.
    assert [path.stem for path in exported] == ["7-G", "7-D"]
    assert {path.suffix for path in exported} <= {".ckpt", ".pth"}
    for path, part in zip(exported, ("G", "D"), strict=True):
        assert_same_bits(read(path), networks[part])


@pytest.mark.parametrize("wrap", ["", "module."])
def test_safetensors_of_stargan_v2_have_no_levels(wrap, tmp_path):
    networks = authors.states("stargan-v2")
    critic = {"discriminator": networks.pop("discriminator")}
    file, other = tmp_path / "nets_ema.safetensors", tmp_path / "nets.safetensors"
    save_file(flat(networks, wrap), file)
    save_file(flat(networks | critic, wrap), other)
    (exported,) = back("stargan-v2", [file, other], tmp_path)
    assert exported.name == "nets_ema.ckpt"
    assert_same_bits(read(exported), networks | critic)


def test_ganimation_as_torch_0_3_wrote_it(tmp_path):
    networks = authors.states("ganimation17")
    state = dict(networks["G"])
    for key in [key for key in state if key.endswith("bias")]:
        for statistic in ("running_mean", "running_var"):
            state[key.replace("bias", statistic)] = torch.randn_like(state[key])
    file = tmp_path / "net_epoch_30_id_G.pth"
    torch.save(wrapped(state), file, _use_new_zipfile_serialization=False)
    (exported,) = back("ganimation", [file], tmp_path)
    assert_same_bits(read(exported), state)


class Python2(pickle._Pickler):
    """Pickles as Python 2 and torch 0.3 did: text is bytes, a tensor has no more than its storage."""

    dispatch: ClassVar[dict] = dict(pickle._Pickler.dispatch)

    def __init__(self, file) -> None:
        super().__init__(file, protocol=2)
        self.tensors: dict[str, torch.Tensor] = {}

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, torch.Tensor):
            key = str(len(self.tensors))
            self.tensors[key] = obj
            sizes = (0, tuple(obj.shape), obj.stride())
            return self.save_reduce(torch._utils._rebuild_tensor, (Stored(key, obj), *sizes))
        if isinstance(obj, OrderedDict):
            return self.save_reduce(OrderedDict, ([list(item) for item in obj.items()],))
        return super().save(obj, save_persistent_id)

    def save_string(self, text):
        self.write(pickle.SHORT_BINSTRING + bytes([len(text)]) + text.encode())
        self.memoize(text)

    dispatch[str] = save_string

    def persistent_id(self, obj):
        if not isinstance(obj, Stored):
            return None
        return "storage", torch.FloatStorage, obj.key, "cpu", obj.tensor.numel(), None


@dataclass
class Stored:
    key: str
    tensor: torch.Tensor


def test_ganimation_as_python_2_pickled_it(tmp_path):
    state = authors.states("ganimation17")["G"]
    file = tmp_path / "net_epoch_30_id_G.pth"
    with file.open("wb") as stream:
        sizes = {"short": 2, "int": 4, "long": 4}
        facts = {"protocol_version": 1001, "little_endian": True, "type_sizes": sizes}
        for head in (0x1950A86A20F9469CFC6C, 1001, facts):
            Python2(stream).dump(head)
        pickler = Python2(stream)
        pickler.dump(OrderedDict(state))
        Python2(stream).dump(list(pickler.tensors))
        for tensor in pickler.tensors.values():
            stream.write(struct.pack("<q", tensor.numel()) + tensor.numpy().tobytes())
    (exported,) = back("ganimation", [file], tmp_path)
    assert_same_bits(read(exported), state)


def test_smit_with_its_older_embedding(tmp_path):
    networks = authors.states("smit")
    older = {
        key.replace("Domain_Embedding.model.output", "adain_net"): tensor
        for key, tensor in networks["G"].items()
    }
    file = tmp_path / "0059_1000_G.pth"
    torch.save(older, file)
    (exported,) = back("smit", [file], tmp_path)
    assert_same_bits(read(exported), networks["G"])


@pytest.mark.parametrize("stored", [None, 0.5])
def test_stargan_v2_with_re_injected_edges(stored, tmp_path):
    config = StarGANv2Config(image_size=32, channel_base=128, max_channels=8, w_hpf=1.0)
    networks: dict[str, dict] = {"generator": {}, "mapping_network": {}, "style_encoder": {}}
    for key, tensor in StarGANv2(config).state_dict().items():  # the authors' names are the same
        network, _, name = key.partition(".")
        networks[network][name] = tensor
    laplacian = torch.tensor([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]])
    if stored is not None:
        networks["generator"]["hpf.filter"] = laplacian / stored
    file = tmp_path / "100000_nets_ema.ckpt"
    torch.save(networks, file)
    imported = import_checkpoint("stargan-v2", file, out=tmp_path / "ours.safetensors")
    assert any("landmarks" in note for note in imported.notes)
    method = ganbench.load_method("stargan-v2", imported.path, device="cpu")
    assert method.config.w_hpf == (stored or 1.0)
    (exported,) = export_checkpoint(imported.path, tmp_path / "back")
    # The published file lacks the filter, without which the authors' code does not load it.
    networks["generator"].setdefault("hpf.filter", laplacian)
    assert_same_bits(read(exported), networks)


# -- what the file holds ------------------------------------------------------------------------------


def test_the_card_says_where_it_is_from_and_what_was_assumed(tmp_path):
    file, critic = authors.save("gaussian", authors.states("gaussian"), tmp_path)
    alone = import_checkpoint("gaussian", file, out=tmp_path / "alone.safetensors")
    card = read_header(alone.path)["card"]
    assert "non-commercial" in card["licence"]
    assert card["official"] == {
        "generator": {"file": "1800000-G.ckpt", "sha256": sha256(file)},
        "discriminator": None,
        "image_size": 128,
        "classes": list(EMOTIONS),
        "assumed": ["image_size", "classes"],
    }
    assert str(tmp_path) not in json.dumps(card)
    text = "\n".join(alone.notes)
    for part in ("128 px", "neutral,happy", "num_batches_tracked (", "--discriminator"):
        assert part in text

    both = import_checkpoint(
        "gaussian", file, discriminator=critic, emotions=EMOTIONS, out=tmp_path / "both.safetensors"
    )
    official = read_header(both.path)["card"]["official"]
    assert official["discriminator"] == {"file": "1800000-D.ckpt", "sha256": sha256(critic)}
    assert official["assumed"] == []
    method = ganbench.load_method("gaussian", both.path, device="cpu")
    assert method.spec.licence == card["licence"]


def test_the_discriminator_tells_the_image_size(tmp_path):
    networks = authors.states("stargan")
    del networks["D"]["main.10.weight"], networks["D"]["main.10.bias"]
    for key in ("conv1.weight", "conv2.weight"):
        networks["D"][key] = networks["D"][key][:, ::2].contiguous()
    file, critic = authors.save("stargan", networks, tmp_path)
    out = tmp_path / "ours.safetensors"
    import_checkpoint("stargan", file, discriminator=critic, out=out)
    config = ganbench.load_method("stargan", out, device="cpu").config
    assert (config.image_size, config.critic_layers, config.critic_width) == (64, 5, 4)


def test_other_numbers_of_classes_and_names(tmp_path):
    networks = authors.states("stargan")
    networks["G"]["main.0.weight"] = networks["G"]["main.0.weight"][:, :8].contiguous()
    file, _ = authors.save("stargan", networks, tmp_path)
    out = tmp_path / "ours.safetensors"
    names = ["bored", "sad", "neutral", "smug", "happy"]
    import_checkpoint("stargan", file, out=out, emotions=names)
    method = ganbench.load_method("stargan", out, device="cpu")
    assert method.spec.emotions == ("neutral", "happy", "sad", "bored", "smug")
    weight = networks["G"]["main.0.weight"]
    assert torch.equal(method.generator.main[0].weight[:, 3:], weight[:, [5, 7, 4, 3, 6]])


def test_smit_with_styles_of_another_length(tmp_path):
    networks = authors.states("smit")
    key = "Domain_Embedding.model.output.weight"
    networks["G"][key] = networks["G"][key][:, :11].contiguous()
    file, critic = authors.save("smit", networks, tmp_path)
    for name, options in (("a", {"discriminator": critic}), ("b", {"emotions": EMOTIONS})):
        out = tmp_path / f"{name}.safetensors"
        import_checkpoint("smit", file, out=out, **options)
        assert ganbench.load_method("smit", out, device="cpu").spec.noise_dim == 4


def test_seventeen_entries_are_action_units_unless_named(tmp_path):
    file, critic = authors.save("ganimation17", authors.states("ganimation17"), tmp_path)
    options = {"discriminator": critic, "out": tmp_path / "units.safetensors"}
    import_checkpoint("ganimation", file, **options)
    assert read_header(options["out"])["config"]["condition"] == "action_units"
    options = {"emotions": [f"mood{i}" for i in range(17)], "out": tmp_path / "moods.safetensors"}
    import_checkpoint("ganimation", file, **options)
    assert len(ganbench.load_method("ganimation", options["out"], device="cpu").spec.emotions) == 17


def test_loading_passes_over_what_lies_beside_the_method(tiny_method, tmp_path):
    method = tiny_method("stargan")
    path = tmp_path / "ours.safetensors"
    beside = {"discriminator.a": torch.ones(2), "unused.G.b": torch.tensor(7)}
    save_checkpoint(path, method, "method", "stargan", {}, beside)
    other = tiny_method("stargan", seed=1)
    load_state(path, other)
    assert_same_bits(dict(other.state_dict()), dict(method.state_dict()))
    assert_same_bits(read_tensors(path, "discriminator."), {"a": torch.ones(2)})
