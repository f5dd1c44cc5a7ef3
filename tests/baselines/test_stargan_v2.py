"""StarGAN-v2 against the published layout and against plain re-computations of its equations."""

import copy
import dataclasses
from math import sqrt

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ganbench.baselines.stargan_v2 import (
    AdaINResBlock,
    Discriminator,
    ResBlock,
    StarGANv2,
    StarGANv2Config,
    StarGANv2Recipe,
    StarGANv2Trainer,
    StyleTarget,
)
from ganbench.errors import BadInput, Unsupported
from ganbench.methods.conditions import ActionUnits, Category, ReferenceImage
from ganbench.training.batches import Batch

TINY = StarGANv2Config(
    image_size=32, channel_base=128, max_channels=8, style_dim=6, latent_dim=5, hidden=12
)


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("config", "counts"),
    [
        (
            StarGANv2Config(image_size=256, emotions=("female", "male"), w_hpf=1.0),
            (43_467_395, 2_438_272, 20_916_928, 20_852_290),
        ),
        (StarGANv2Config(), (33_632_003, 6_542_272, 20_963_904, 20_737_671)),
    ],
)
def test_parameter_counts_are_the_published_ones(
    config: StarGANv2Config, counts: tuple[int, ...]
) -> None:
    with torch.device("meta"):
        method, d = StarGANv2(config), Discriminator(config)
    networks = (method.generator, method.mapping_network, method.style_encoder, d)
    assert tuple(map(parameters, networks)) == counts


@pytest.mark.parametrize("change", [{"image_size": 48}, {"image_size": 16}, {"channel_base": 64}])
def test_impossible_sizes_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(BadInput, match="stargan-v2 must be"):
        StarGANv2Config(**{"image_size": 128, **change})


# -- layers ---------------------------------------------------------------------------------------


def normalised(x: Tensor) -> Tensor:
    variance = x.var((2, 3), correction=0, keepdim=True)
    return (x - x.mean((2, 3), keepdim=True)) / (variance + 1e-5).sqrt()


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("down", [True, False])
@pytest.mark.parametrize("outputs", [3, 5])
def test_residual_block_order(norm: bool, down: bool, outputs: int) -> None:
    torch.manual_seed(0)
    block, x = ResBlock(3, outputs, norm, down), torch.randn(2, 3, 8, 8)
    if norm:
        for layer in (block.norm1, block.norm2):
            nn.init.normal_(layer.weight)
            nn.init.normal_(layer.bias)

    def affine(h: Tensor, layer: nn.Module) -> Tensor:
        if not norm:
            return h
        return layer.weight[:, None, None] * normalised(h) + layer.bias[:, None, None]

    h = leaky_relu(affine(x, block.norm1), 0.2)
    h = torch.conv2d(h, block.conv1.weight, block.conv1.bias, padding=1)
    if down:
        h = h.unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))
    h = leaky_relu(affine(h, block.norm2), 0.2)
    h = torch.conv2d(h, block.conv2.weight, block.conv2.bias, padding=1)
    shortcut = x if outputs == 3 else torch.conv2d(x, block.conv1x1.weight)
    if down:
        shortcut = shortcut.unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))
    torch.testing.assert_close(block(x), (shortcut + h) / sqrt(2), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("up", [True, False])
def test_adain_block_order(up: bool) -> None:
    torch.manual_seed(0)
    block = AdaINResBlock(4, 3, style_dim=6, up=up)
    x, style = torch.randn(2, 4, 8, 8), torch.randn(2, 6)

    def double(h: Tensor) -> Tensor:
        return h.repeat_interleave(2, 2).repeat_interleave(2, 3) if up else h

    def adain(h: Tensor, layer: nn.Module) -> Tensor:
        out = style @ layer.fc.weight.T + layer.fc.bias
        gamma, beta = out[:, : h.shape[1], None, None], out[:, h.shape[1] :, None, None]
        return (1 + gamma) * normalised(h) + beta

    h = double(leaky_relu(adain(x, block.norm1), 0.2))
    h = torch.conv2d(h, block.conv1.weight, block.conv1.bias, padding=1)
    h = leaky_relu(adain(h, block.norm2), 0.2)
    h = torch.conv2d(h, block.conv2.weight, block.conv2.bias, padding=1)
    expected = (h + torch.conv2d(double(x), block.conv1x1.weight)) / sqrt(2)
    torch.testing.assert_close(block(x, style), expected, rtol=1e-4, atol=1e-5)


# -- the method -----------------------------------------------------------------------------------


@pytest.fixture
def method() -> StarGANv2:
    torch.manual_seed(1)
    return StarGANv2(TINY)


def test_he_initialisation(method: StarGANv2) -> None:
    weight = StarGANv2(StarGANv2Config(image_size=32, channel_base=2048)).generator.encode[0].conv1
    assert float(weight.weight.detach().std()) == pytest.approx(sqrt(2 / (9 * 64)), rel=0.05)
    assert float(weight.bias.detach().abs().max()) == 0
    assert all(not b.any() for n, b in method.named_parameters() if n[-4:] == "bias")


def test_category_code_is_the_mapping_of_the_noise_by_the_domains_branch(method: StarGANv2) -> None:
    noise = torch.randn(2, 5)
    codes = method.codes(torch.tensor([0, 6]), noise)
    network = method.mapping_network
    shared = network.shared(noise)
    expected = torch.stack([network.unshared[0](shared[0]), network.unshared[6](shared[1])])
    assert codes.shape == (2, method.spec.code_dim)
    torch.testing.assert_close(codes, expected)


def test_reference_code_is_the_style_of_the_image(method: StarGANv2) -> None:
    images, emotions = torch.rand(3, 3, 32, 32), torch.tensor([4, 4, 1])
    with torch.no_grad():
        codes = method.encode(ReferenceImage(images, emotions))
        features = method.style_encoder.shared(images * 2 - 1).flatten(1)
        heads = method.style_encoder.unshared
        expected = torch.stack([heads[e](f) for e, f in zip([4, 4, 1], features, strict=True)])
    torch.testing.assert_close(codes, expected)
    assert "ReferenceImage" in method.spec.conditions


def test_conditions_that_cannot_be_encoded_are_refused(method: StarGANv2) -> None:
    with pytest.raises(BadInput, match="give the emotion"):
        method.encode(ReferenceImage(torch.rand(1, 3, 32, 32)))
    with pytest.raises(BadInput, match="resize"):
        method.encode(ReferenceImage(torch.rand(1, 3, 16, 16), torch.tensor([1])))
    with pytest.raises(BadInput, match="draw_noise"):
        method.encode(Category(torch.tensor([1])))
    with pytest.raises(Unsupported, match="ActionUnits"):
        method.encode(ActionUnits(torch.rand(1, 17)))
    with pytest.raises(Unsupported):
        method.encode(Category(torch.tensor([1]), torch.tensor([0.5])), torch.zeros(1, 5))


def test_the_landmark_variant_can_be_built_but_not_used() -> None:
    config = StarGANv2Config(image_size=32, channel_base=128, max_channels=8, w_hpf=1.0)
    method = StarGANv2(config)
    plain = StarGANv2(StarGANv2Config(image_size=32, channel_base=128, max_channels=8))
    assert len(method.generator.encode) == len(plain.generator.encode) + 1
    with pytest.raises(Unsupported, match="landmarks"):
        method.edit(torch.rand(1, 3, 32, 32), method.codes(torch.tensor([1])))
    with pytest.raises(Unsupported, match="w_hpf = 0"):
        StarGANv2Trainer(method, StarGANv2Recipe())


# -- losses ---------------------------------------------------------------------------------------


def bce(logits: np.ndarray, target: int) -> float:
    p = 1 / (1 + np.exp(-logits.astype(np.float64)))
    return float(-np.log(p if target else 1 - p).mean())


class Critic:
    """D_y(x) = <w, x> + y."""

    def __init__(self, w: np.ndarray) -> None:
        self.w = torch.from_numpy(w)

    def logits(self, x: Tensor) -> Tensor:
        return (x * self.w).sum((1, 2, 3))[:, None] + torch.arange(7)

    def __call__(self, x: Tensor, domains: Tensor) -> Tensor:
        return (x * self.w).sum((1, 2, 3)) + domains


class Bench:
    """A trainer whose generator, style encoder and discriminator are simple known functions.

    G(x, s) returns prepared images in turn; E_y(x) = mean(x) + y in every entry; the discriminator
    is D_y(x) = <w, x> + y, so that its input gradient is w.
    """

    def __init__(self, recipe: StarGANv2Recipe) -> None:
        torch.manual_seed(0)
        rng = np.random.default_rng(3)
        self.trainer = StarGANv2Trainer(StarGANv2(TINY), recipe)
        shape = (3, 3, 32, 32)
        self.x, *self.images = (rng.uniform(-1, 1, shape).astype(np.float32) for _ in range(4))
        self.w = (rng.normal(size=shape[1:]) / 20).astype(np.float32)
        self.emotions, self.domains = np.array([0, 1, 2]), np.array([3, 3, 5])
        self.calls: list[tuple[Tensor, Tensor, bool]] = []
        self.trainer.generate = self.generate
        self.trainer.discriminator = Critic(self.w)
        self.trainer.model.style = self.style

    def generate(self, x: Tensor, styles: Tensor) -> Tensor:
        self.calls.append((x, styles, torch.is_grad_enabled()))
        return torch.from_numpy(self.images[len(self.calls) - 1])

    def style(self, x: Tensor, domains: Tensor) -> Tensor:
        return (x.mean((1, 2, 3)) + domains)[:, None].expand(-1, 6)

    def logits(self, images: np.ndarray, domains: np.ndarray) -> np.ndarray:
        return (images * self.w).sum((1, 2, 3)) + domains

    def encoded(self, images: np.ndarray, domains: np.ndarray) -> np.ndarray:
        return np.repeat((images.mean((1, 2, 3)) + domains)[:, None], 6, axis=1)

    def aim(self, kind: str) -> tuple[StyleTarget, np.ndarray, np.ndarray]:
        """The target of a step and its two styles."""
        domains = torch.from_numpy(self.domains)
        if kind == "latent":
            z = (torch.randn(3, 5), torch.randn(3, 5))
            styles = [self.trainer.model.mapping_network(part, domains) for part in z]
            return StyleTarget(domains, latents=z), *(s.detach().numpy() for s in styles)
        references = [np.full(self.x.shape, v, np.float32) for v in (0.25, -0.5)]
        styles = [self.encoded(r, self.domains) for r in references]
        return StyleTarget(domains, references=tuple(map(torch.from_numpy, references))), *styles


@pytest.mark.parametrize("kind", ["latent", "reference"])
def test_discriminator_terms(kind: str) -> None:
    bench = Bench(StarGANv2Recipe(lambda_reg=0.7))
    aim, style, _ = bench.aim(kind)
    emotions = torch.from_numpy(bench.emotions)
    terms = bench.trainer.discriminator_terms(torch.from_numpy(bench.x), emotions, aim)
    expected = {
        "d_real": (1.0, bce(bench.logits(bench.x, bench.emotions), 1)),
        "d_fake": (1.0, bce(bench.logits(bench.images[0], bench.domains), 0)),
        "d_reg": (0.7, 0.5 * (bench.w.astype(np.float64) ** 2).sum()),
    }
    assert terms.keys() == expected.keys()
    for name, (weight, value) in expected.items():
        assert terms[name][0] == weight
        assert float(terms[name][1].detach()) == pytest.approx(value, rel=1e-4), name
    ((x, used, with_graph),) = bench.calls
    assert np.array_equal(x, bench.x)
    np.testing.assert_allclose(used, style, rtol=1e-5)
    assert not with_graph


def test_r1_is_that_of_the_own_domain_on_the_real_images() -> None:
    class Bowl:
        """D_y(x) = (y + 1) |x|^2 / 2, whose gradient is (y + 1) x."""

        def logits(self, x: Tensor) -> Tensor:
            return x.flatten(1).square().sum(1)[:, None] / 2 * torch.arange(1, 8)

        def __call__(self, x: Tensor, domains: Tensor) -> Tensor:
            return self.logits(x)[torch.arange(len(x)), domains]

    bench = Bench(StarGANv2Recipe())
    bench.trainer.discriminator = Bowl()
    emotions = torch.from_numpy(bench.emotions)
    terms = bench.trainer.discriminator_terms(
        torch.from_numpy(bench.x), emotions, bench.aim("latent")[0]
    )
    gradient = (bench.emotions + 1)[:, None] * bench.x.reshape(3, -1).astype(np.float64)
    expected = 0.5 * (gradient**2).sum(1).mean()
    assert float(terms["d_reg"][1].detach()) == pytest.approx(expected, rel=1e-5)


def test_matching_aware_term_makes_real_images_fakes_of_other_domains() -> None:
    bench = Bench(StarGANv2Recipe(lambda_match=0.3))
    aim, _, _ = bench.aim("latent")
    emotions = torch.from_numpy(bench.emotions)
    terms = bench.trainer.discriminator_terms(torch.from_numpy(bench.x), emotions, aim)
    others = [
        bench.logits(bench.x[i : i + 1], np.array([domain]))
        for i, own in enumerate(bench.emotions)
        for domain in range(7)
        if domain != own
    ]
    weight, value = terms["d_match"]
    assert weight == 0.3
    assert float(value.detach()) == pytest.approx(bce(np.concatenate(others), 0), rel=1e-4)


@pytest.mark.parametrize("kind", ["latent", "reference"])
def test_generator_terms(kind: str) -> None:
    bench = Bench(StarGANv2Recipe(lambda_sty=1.5, lambda_cyc=2.5))
    bench.trainer.weight["g_ds"] = torch.tensor(-0.4)
    aim, style, other = bench.aim(kind)
    emotions = torch.from_numpy(bench.emotions)
    terms = bench.trainer.generator_terms(torch.from_numpy(bench.x), emotions, aim, diverse=True)
    fake, rec, second = bench.images
    expected = {
        "g_adv": (1.0, bce(bench.logits(fake, bench.domains), 1)),
        "g_sty": (1.5, np.abs(bench.encoded(fake, bench.domains) - style).mean()),
        "g_ds": (-0.4, np.abs(fake - second).mean()),
        "g_cyc": (2.5, np.abs(rec - bench.x).mean()),
    }
    assert terms.keys() == expected.keys()
    for name, (weight, value) in expected.items():
        assert float(terms[name][0]) == pytest.approx(weight)
        assert float(terms[name][1].detach()) == pytest.approx(value, rel=1e-4), name

    (in1, s1, graph1), (in2, s2, graph2), (in3, s3, graph3) = bench.calls
    assert np.array_equal(in1, bench.x)
    assert np.array_equal(in2, fake)
    assert np.array_equal(in3, bench.x)
    np.testing.assert_allclose(s1.detach(), style, rtol=1e-5)
    np.testing.assert_allclose(s2, bench.encoded(bench.x, bench.emotions), rtol=1e-5)
    np.testing.assert_allclose(s3, other, rtol=1e-5)
    assert (graph1, graph2, graph3) == (True, True, False)


def test_diversity_weight_falls_to_zero_after_the_warmup() -> None:
    recipe = StarGANv2Recipe(lambda_ds=2.0, ds_iterations=100, warmup_iterations=50)
    assert [recipe.diversity(i) for i in (50, 75, 150, 500)] == [2.0, 1.5, 0.0, 0.0]
    bench = Bench(recipe)
    for iteration, weight in ((75, -1.5), (50, -2.0)):
        bench.trainer.set_rates(iteration)
        assert float(bench.trainer.weight["g_ds"]) == weight
    emotions = torch.from_numpy(bench.emotions)
    aim, _, _ = bench.aim("latent")
    terms = bench.trainer.generator_terms(torch.from_numpy(bench.x), emotions, aim, diverse=False)
    assert "g_ds" not in terms
    assert len(bench.calls) == 2


# -- training -------------------------------------------------------------------------------------


def data(count: int, seed: int = 0) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    return Batch(torch.rand(3 * count, 3, 32, 32, generator=draw), torch.arange(3 * count) % 7)


def trainer(**changes: object) -> StarGANv2Trainer:
    torch.manual_seed(0)
    return StarGANv2Trainer(StarGANv2(TINY), StarGANv2Recipe(batch_size=2, **changes))


def test_an_iteration_moves_all_four_networks_and_the_average() -> None:
    t = trainer(mapping_learning_rate=1e-4)
    before = copy.deepcopy({name: n.state_dict() for name, n in t.networks.items()})
    average = copy.deepcopy(t.ema.state_dict())
    values = t.step(0, data(2), torch.Generator().manual_seed(0))
    assert all(torch.isfinite(value) for value in values.values())
    assert {"d_reg", "d_reg_ref", "g_ds", "g_ds_ref"} <= values.keys()
    moved = {
        f"{name}.{key}".split(".")[1 if name == "model" else 0]
        for name, network in t.networks.items()
        for key, tensor in network.state_dict().items()
        if not torch.equal(tensor, before[name][key])
    }
    assert moved == {"generator", "mapping_network", "style_encoder", "discriminator"}
    shipped = {
        key.split(".")[0]
        for key, v in t.ema.state_dict().items()
        if not torch.equal(v, average[key])
    }
    assert shipped == {"generator", "mapping_network", "style_encoder"}


@pytest.mark.parametrize(("iteration", "both"), [(0, True), (1, False), (2, False), (3, True)])
def test_mapping_and_encoder_step_once_and_references_every_kth_time(
    iteration: int, both: bool
) -> None:
    t = trainer(reference_every=3)
    counts = dict.fromkeys(t.optimizers, 0)
    for name, optimizer in t.optimizers.items():

        def step(name: str = name, original: object = optimizer.step) -> None:
            counts[name] += 1
            original()

        optimizer.step = step
    t.step(iteration, data(2), torch.Generator().manual_seed(0))
    assert counts == {"d": 1 + both, "g": 1 + both, "f": 1, "e": 1}
    assert all(p.requires_grad for n in t.networks.values() for p in n.parameters())


def test_warmup_trains_the_generator_alone() -> None:
    t = trainer(warmup_iterations=1)
    frozen = copy.deepcopy([t.model.style_encoder.state_dict(), t.discriminator.state_dict()])
    before = t.model.generator.from_rgb.weight.detach().clone()
    assert t.step(0, data(2), torch.Generator().manual_seed(0)).keys() == {"g_warmup"}
    assert not torch.equal(t.model.generator.from_rgb.weight, before)
    after = [t.model.style_encoder.state_dict(), t.discriminator.state_dict()]
    for old, new in zip(frozen, after, strict=True):
        assert all(torch.equal(old[key], new[key]) for key in old)
    assert "d_real" in t.step(1, data(2), torch.Generator().manual_seed(1))


def test_with_the_matching_aware_term_the_warmup_trains_d_as_well() -> None:
    t = trainer(warmup_iterations=1, lambda_match=1.0)
    before = t.discriminator.main[0].weight.detach().clone()
    values = t.step(0, data(2), torch.Generator().manual_seed(0))
    assert values.keys() == {"g_warmup", "d_real", "d_match"}
    assert not torch.equal(t.discriminator.main[0].weight, before)


def test_the_warmup_of_a_change_trains_d_alone() -> None:
    torch.manual_seed(0)
    model = StarGANv2(dataclasses.replace(TINY, output="change"))
    t = StarGANv2Trainer(model, StarGANv2Recipe(batch_size=2, warmup_iterations=1, lambda_match=1))
    before = copy.deepcopy(model.state_dict())
    assert t.step(0, data(2), torch.Generator().manual_seed(0)).keys() == {"d_real", "d_match"}
    assert all(torch.equal(before[key], tensor) for key, tensor in model.state_dict().items())


def test_the_average_starts_from_a_copy_or_as_the_authors_do() -> None:
    weights = [
        (t.ema.generator.from_rgb.bias, t.model.generator.from_rgb.bias)
        for t in (trainer(), trainer(ema_init="official"))
    ]
    assert torch.equal(*weights[0])
    assert float(weights[1][0].abs().min()) > 0  # biases of torch's layers, not he_init's zeros


def test_learning_rate_of_the_mapping_network() -> None:
    t = trainer()
    t.set_rates(99_999)  # the rate never falls
    rates = {name: o.param_groups[0]["lr"] for name, o in t.optimizers.items()}
    assert rates == {"g": 1e-4, "f": 1e-6, "e": 1e-4, "d": 1e-4}
    assert all(o.param_groups[0]["weight_decay"] == 1e-4 for o in t.optimizers.values())
    assert t.optimizers["g"].param_groups[0]["betas"] == (0.0, 0.99)


def test_sampler_balances_classes_and_pairs_references() -> None:
    t = trainer()
    labels = np.repeat([0, 1, 4], [900, 90, 10]).astype(np.int64)
    drawn = np.stack([t.indices(labels, i, seed=0) for i in range(600)]).reshape(600, 3, 2)
    assert 0 <= drawn.min() <= drawn.max() < 1000
    classes = labels[drawn]
    assert np.array_equal(classes[:, 1], classes[:, 2])
    assert (drawn[:, 1] != drawn[:, 2]).mean() > 0.9
    for part in (0, 1):
        shares = [(classes[:, part] == c).mean() for c in (0, 1, 4)]
        assert shares == pytest.approx([1 / 3] * 3, abs=0.05)
    assert np.array_equal(t.indices(labels, 7, 0), t.indices(labels, 7, 0))
    assert not np.array_equal(t.indices(labels, 7, 0), t.indices(labels, 7, 1))


@pytest.mark.parametrize("change", [{"reference_every": 0}, {"ds_iterations": 0}])
def test_impossible_recipes_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(BadInput, match="at least 1"):
        StarGANv2Recipe(**change)
