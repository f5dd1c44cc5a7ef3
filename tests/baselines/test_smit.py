"""SMIT against the published layout and against plain re-computations of its equations."""

import dataclasses

import numpy as np
import pytest
import torch
from by_hand import binary_cross_entropy, cross_entropy, draws, total_variation
from torch import Tensor

from ganbench.baselines.smit import (
    SMIT,
    AdaINBlock,
    Discriminator,
    LayerNorm,
    SMITConfig,
    SMITRecipe,
    SMITTrainer,
    SpectralConv,
    relativistic_hinge,
)
from ganbench.errors import BadInput, Diverged, Unsupported
from ganbench.methods.conditions import ActionUnits, Category
from ganbench.training.augment import Augment
from ganbench.training.batches import Batch

TINY = SMITConfig(image_size=32, width=4, blocks=2, critic_width=4)


def parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_parameter_counts_are_the_published_ones() -> None:
    with torch.device("meta"):
        method = SMIT(SMITConfig())
        small = Discriminator(SMITConfig())
        large = Discriminator(SMITConfig(image_size=256))
    assert parameters(method) == 8_165_472
    assert sum(b.numel() for b in method.embedding.buffers()) == 172_032
    assert parameters(small) == 3_699_024
    assert parameters(large) == pytest.approx(58.9e6, rel=2e-3)


# -- layers ---------------------------------------------------------------------------------------


def adain(h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    mean, variance = h.mean((2, 3), keepdim=True), h.var((2, 3), correction=0, keepdim=True)
    x_hat = (h - mean) / (variance + 1e-5).sqrt()
    return weight[:, :, None, None] * x_hat + bias[:, :, None, None]


def test_adain_block_reads_bias_before_weight() -> None:
    torch.manual_seed(0)
    block, x, p = AdaINBlock(3), torch.randn(2, 3, 5, 5), torch.randn(2, 12)
    h = torch.conv2d(x, block.conv1.weight, padding=1)
    h = torch.relu(adain(h, weight=p[:, 3:6], bias=p[:, :3]))
    h = torch.conv2d(h, block.conv2.weight, padding=1)
    expected = x + adain(h, weight=p[:, 9:], bias=p[:, 6:9])
    torch.testing.assert_close(block(x, p), expected, rtol=1e-4, atol=1e-5)


def test_generator_hands_each_block_its_own_parameters() -> None:
    torch.manual_seed(0)
    generator = SMIT(TINY).generator
    x, p = torch.randn(1, 3, 32, 32), torch.randn(1, TINY.adain_dim)
    h = generator.down(x)
    for block, own in zip(generator.blocks, p.split(4 * 8 * TINY.width, dim=1), strict=True):
        h = block(h, own)
    h = generator.up(h)
    colour, mask = generator(x, p)
    torch.testing.assert_close(colour, torch.tanh(generator.colour(h)))
    torch.testing.assert_close(mask, torch.sigmoid(generator.attention(h)))


def test_layer_norm_is_munits() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(2.0, 3.0, (2, 3, 4, 4)).astype(np.float32)
    norm = LayerNorm(3)
    gamma, beta = np.array([0.5, 1.0, 2.0]), np.array([0.0, -1.0, 3.0])
    with torch.no_grad():
        norm.gamma.copy_(torch.from_numpy(gamma))
        norm.beta.copy_(torch.from_numpy(beta))
        got = norm(torch.from_numpy(x)).numpy()
    flat = x.astype(np.float64).reshape(2, -1)
    mean, std = flat.mean(1)[:, None, None, None], flat.std(1, ddof=1)[:, None, None, None]
    expected = gamma[:, None, None] * (x - mean) / (std + 1e-5) + beta[:, None, None]
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_spectral_norm_takes_one_power_iteration_a_training_pass() -> None:
    torch.manual_seed(0)
    conv, x = SpectralConv(2, 5), torch.randn(1, 2, 8, 8)
    w = conv.weight_bar.detach().numpy().reshape(5, -1).astype(np.float64)
    u = conv.weight_u.numpy().astype(np.float64)
    v = w.T @ u / np.linalg.norm(w.T @ u)
    u = w @ v / np.linalg.norm(w @ v)
    weight = torch.from_numpy(w / (u @ w @ v)).float().view_as(conv.weight_bar)
    expected = torch.conv2d(x, weight, conv.bias, stride=2, padding=1)
    torch.testing.assert_close(conv(x), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(conv.weight_u, u, atol=1e-6)
    np.testing.assert_allclose(conv.weight_v, v, atol=1e-6)

    conv.eval()(x)
    np.testing.assert_allclose(conv.weight_u, u, atol=1e-6)
    conv.train()
    for _ in range(200):
        conv(x)
    sigma = float(conv.weight_u @ (conv.weight_bar.detach().flatten(1) @ conv.weight_v))
    assert sigma == pytest.approx(np.linalg.svd(w, compute_uv=False)[0], rel=1e-4)


def test_spectral_norm_is_differentiated_through_sigma() -> None:
    torch.manual_seed(0)
    conv, x = SpectralConv(1, 2), torch.randn(1, 1, 4, 4)
    (conv(x) * torch.randn(1, 2, 2, 2)).sum().backward()
    # The output does not change when W is scaled, so the gradient is orthogonal to W.
    grad = conv.weight_bar.grad
    assert grad.abs().max() > 1e-4
    assert float((grad * conv.weight_bar.detach()).sum()) == pytest.approx(0.0, abs=1e-5)


# -- the method -----------------------------------------------------------------------------------


@pytest.fixture
def method() -> SMIT:
    torch.manual_seed(1)
    return SMIT(TINY)


def test_a_code_is_noise_then_label(method: SMIT) -> None:
    noise = torch.randn(2, 20)
    codes = method.codes(torch.tensor([0, 6]), noise)
    assert codes.shape == (2, 27)
    assert method.spec.code_dim == 27
    assert method.spec.stochastic
    torch.testing.assert_close(codes[:, :20], noise)
    assert codes[:, 20:].tolist() == [[1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1]]


def test_edit_is_the_mask_rule_and_stays_in_range(method: SMIT) -> None:
    images, codes = torch.rand(2, 3, 32, 32), method.codes(torch.tensor([3, 4]))
    edit = method.edit(images, codes)
    assert edit.mask is not None
    assert edit.mask.shape == (2, 1, 32, 32)
    assert 0 <= float(edit.mask.min()) <= float(edit.mask.max()) <= 1
    assert 0 <= float(edit.images.min()) <= float(edit.images.max()) <= 1
    with torch.no_grad():
        colour, mask = method.colour_and_mask(images * 2 - 1, codes)
    expected = mask * images + (1 - mask) * (colour + 1) / 2
    torch.testing.assert_close(edit.images, expected, rtol=1e-4, atol=1e-5)


def test_conditions_it_was_not_trained_on_are_refused(method: SMIT) -> None:
    with pytest.raises(Unsupported, match="ActionUnits"):
        method.encode(ActionUnits(torch.rand(1, 17)), torch.zeros(1, 20))
    with pytest.raises(Unsupported):
        method.encode(
            Category(torch.tensor([1]), intensity=torch.tensor([0.5])), torch.zeros(1, 20)
        )
    with pytest.raises(BadInput, match="draw_noise"):
        method.encode(Category(torch.tensor([1])))


@pytest.mark.parametrize("size", [48, 8])
def test_sizes_that_do_not_halve_down_are_refused(size: int) -> None:
    with pytest.raises(BadInput, match="power of two"):
        SMITConfig(image_size=size)


def test_the_label_gain_scales_the_label_s_columns_alone() -> None:
    maps = []
    for gain in (1.0, 4.0):
        torch.manual_seed(0)
        maps.append(SMIT(dataclasses.replace(TINY, label_gain=gain)).embedding.weight)
    torch.testing.assert_close(maps[1][:, 20:], 4 * maps[0][:, 20:])
    assert torch.equal(maps[1][:, :20], maps[0][:, :20])
    with pytest.raises(BadInput, match="label_gain must be positive: 0"):
        dataclasses.replace(TINY, label_gain=0)


def test_the_critic_gain_scales_the_class_logits_alone() -> None:
    outputs = []
    for gain in (1.0, 4.0):
        torch.manual_seed(0)
        critic = Discriminator(dataclasses.replace(TINY, critic_gain=gain)).eval()
        outputs.append(critic(torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))))
    for (patch, logits), (same_patch, larger) in zip(*outputs, strict=True):
        assert torch.equal(patch, same_patch)
        torch.testing.assert_close(larger, 4 * logits)
    with pytest.raises(BadInput, match="critic_gain must be positive: -1"):
        dataclasses.replace(TINY, critic_gain=-1)


def test_state_dict_round_trip_restores_the_random_embedding(method: SMIT) -> None:
    torch.manual_seed(99)
    other = SMIT(TINY)
    images, codes = torch.rand(1, 3, 32, 32), method.codes(torch.tensor([5]))
    assert not torch.equal(other.edit(images, codes).images, method.edit(images, codes).images)
    other.load_state_dict(method.state_dict())
    assert torch.equal(other.edit(images, codes).images, method.edit(images, codes).images)


# -- losses ---------------------------------------------------------------------------------------


def hinge(real: list[np.ndarray], fake: list[np.ndarray]) -> float:
    total = 0.0
    for r, f in zip(real, fake, strict=True):
        total += 0.5 * np.maximum(0, 1 - (r - f.mean())).mean()
        total += 0.5 * np.maximum(0, 1 + (f - r.mean())).mean()
    return total


def test_relativistic_hinge_equals_its_definition() -> None:
    rng = np.random.default_rng(0)
    real, fake = ([rng.normal(size=(4, 1, 2, 2)) for _ in range(3)] for _ in range(2))
    got = relativistic_hinge([*map(torch.from_numpy, real)], [*map(torch.from_numpy, fake)])
    assert float(got) == pytest.approx(hinge(real, fake))


class Bench:
    """A trainer whose networks answer with fixed tensors, and those tensors in numpy."""

    def __init__(self, recipe: SMITRecipe) -> None:
        rng = np.random.default_rng(3)
        self.trainer = SMITTrainer(SMIT(TINY), recipe)
        self.x = rng.uniform(-1, 1, (4, 3, 32, 32)).astype(np.float32)
        self.batch = Batch(torch.from_numpy(self.x), torch.tensor([0, 2, 2, 5]))
        # edit, reconstruction and identity, in this order
        self.images = [rng.uniform(-1, 1, self.x.shape).astype(np.float32) for _ in range(3)]
        self.masks = [rng.uniform(0, 1, (4, 1, 32, 32)).astype(np.float32) for _ in range(3)]
        self.scores = {
            side: [(rng.normal(size=(4, 1, 2, 2)), rng.normal(size=(4, 7))) for _ in range(3)]
            for side in ("real", "fake")
        }
        self.calls: list[tuple[Tensor, Tensor]] = []
        self.trainer.translate = self.translate
        self.trainer.discriminator = self.discriminate

    def translate(self, x: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        place = len(self.calls)
        self.calls.append((x, codes))
        return torch.from_numpy(self.images[place]), torch.from_numpy(self.masks[place])

    def discriminate(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        sides = ["real" if np.array_equal(part, self.x) else "fake" for part in x.split(4)]
        per_side = [self.scores[side] for side in sides]
        return [
            tuple(torch.from_numpy(np.concatenate(parts)) for parts in zip(*scale, strict=True))
            for scale in zip(*per_side, strict=True)
        ]

    def targets(self) -> np.ndarray:
        return self.calls[0][1][:, 20:].argmax(1).numpy()

    def src(self, side: str) -> list[np.ndarray]:
        return [src for src, _ in self.scores[side]]


@pytest.mark.parametrize("classification", ["softmax", "binary"])
def test_discriminator_terms(classification: str) -> None:
    recipe = SMITRecipe(classification=classification, lambda_cls=3.0)
    bench = Bench(recipe)
    x = bench.batch.images
    terms = bench.trainer.discriminator_terms(x, bench.batch, draws(0))
    loss = cross_entropy if classification == "softmax" else binary_cross_entropy
    labels = np.array([0, 2, 2, 5])
    cls = sum(loss(aux, labels) for _, aux in bench.scores["real"])
    assert {name: weight for name, (weight, _) in terms.items()} == {"d_adv": 1.0, "d_cls": 3.0}
    assert float(terms["d_adv"][1]) == pytest.approx(hinge(bench.src("real"), bench.src("fake")))
    assert float(terms["d_cls"][1]) == pytest.approx(cls)
    assert sorted(bench.targets()) == [0, 2, 2, 5]


def test_edits_may_be_classified_as_what_they_were_made_from() -> None:
    bench = Bench(SMITRecipe(lambda_source=0.25))
    x = bench.batch.images
    terms = bench.trainer.discriminator_terms(x, bench.batch, draws(0))
    weight, value = terms["d_source"]
    assert weight == 0.25
    by_hand = sum(cross_entropy(aux, np.array([0, 2, 2, 5])) for _, aux in bench.scores["fake"])
    assert float(value) == pytest.approx(by_hand)


def test_a_critic_sees_real_images_and_edits_through_the_same_changes() -> None:
    bench = Bench(SMITRecipe(critic_augment=Augment(flip=1.0)))
    x, shown = bench.batch.images, []
    bench.trainer.discriminator = lambda y: [shown.append(y), *bench.discriminate(y)][1:]
    bench.trainer.discriminator_terms(x, bench.batch, draws(0))
    edits = torch.from_numpy(bench.images[0])
    assert torch.equal(shown.pop(), torch.cat([x, edits]).flip(-1))
    bench.calls.clear()
    bench.trainer.generator_terms(x, bench.batch, draws(0))
    assert torch.equal(shown[0], x.flip(-1))
    assert torch.equal(shown[1], edits.flip(-1))


def test_generator_terms() -> None:
    bench = Bench(SMITRecipe())
    x = bench.batch.images
    terms = bench.trainer.generator_terms(x, bench.batch, draws(1))
    fake, rec, same = bench.images
    mask, mask_rec, _ = bench.masks
    cls = sum(cross_entropy(aux, bench.targets()) for _, aux in bench.scores["fake"])
    expected = {
        "g_adv": (1.0, hinge(bench.src("fake"), bench.src("real"))),
        "g_cls": (2.0, cls),
        "g_rec": (10.0, np.abs(bench.x - rec).mean()),
        "g_idt": (10.0, np.abs(bench.x - same).mean()),
        "g_mask": (1.0, mask.mean()),
        "g_mask_rec": (1.0, mask_rec.mean()),
        "g_tv": (1e-5, total_variation(mask) + total_variation(mask_rec)),
    }
    assert terms.keys() == expected.keys()
    for name, (weight, value) in expected.items():
        assert terms[name][0] == weight
        assert float(terms[name][1]) == pytest.approx(value, rel=1e-5), name

    (in1, code1), (in2, code2), (in3, code3) = bench.calls
    assert torch.equal(in1, x)
    assert torch.equal(in2, torch.from_numpy(fake))
    assert torch.equal(in3, x)
    own = [0, 2, 2, 5]
    assert code2[:, 20:].argmax(1).tolist() == own
    assert code3[:, 20:].argmax(1).tolist() == own
    assert not torch.equal(code1[:, :20], code2[:, :20])  # each pass has a fresh style
    assert not torch.equal(code2[:, :20], code3[:, :20])


def test_identity_can_be_left_out() -> None:
    bench = Bench(SMITRecipe(lambda_idt=0.0))
    terms = bench.trainer.generator_terms(bench.batch.images, bench.batch, draws(1))
    assert "g_idt" not in terms
    assert len(bench.calls) == 2


def test_warmup_reconstructs_with_the_colours_alone() -> None:
    torch.manual_seed(0)
    trainer = SMITTrainer(SMIT(TINY), SMITRecipe(warmup_iterations=1, batch_size=2))
    trainer.model.generator.attention.weight.data.fill_(1e3)  # a mask of 0s and 1s
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    batch = Batch(x, torch.tensor([0, 1]))
    terms = trainer.warmup_terms(x, batch, draws(0))
    codes = trainer.code(batch.emotions, draws(0))
    colour, _ = trainer.model.colour_and_mask(x, codes)
    torch.testing.assert_close(terms["g_warmup"][1], (colour - x).abs().mean())


# -- training -------------------------------------------------------------------------------------


def data(count: int, seed: int = 0) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    return Batch(torch.rand(count, 3, 32, 32, generator=draw), torch.arange(count) % 7)


def test_an_iteration_moves_both_networks_but_not_the_embedding() -> None:
    torch.manual_seed(0)
    trainer = SMITTrainer(SMIT(TINY), SMITRecipe(batch_size=4, ema_decay=0.9))
    before = {
        name: {key: t.clone() for key, t in network.state_dict().items()}
        for name, network in trainer.networks.items()
    }
    average = {key: t.clone() for key, t in trainer.ema.state_dict().items()}
    values = trainer.step(0, data(8), torch.Generator().manual_seed(0))
    assert all(torch.isfinite(value) for value in values.values())
    for name, network in trainer.networks.items():
        for key, tensor in network.state_dict().items():
            moved = not torch.equal(tensor, before[name][key])
            assert moved != key.startswith("embedding."), key
    assert any(not torch.equal(t, average[key]) for key, t in trainer.ema.state_dict().items())


def test_steps_of_d_and_g_see_different_images() -> None:
    trainer = SMITTrainer(SMIT(TINY), SMITRecipe(batch_size=4))
    indices = trainer.indices(np.zeros(100, dtype=np.int64), iteration=3, seed=0)
    assert len(set(indices.tolist())) == 8
    seen = {}
    for name in ("discriminator_terms", "generator_terms"):
        original = getattr(trainer, name)

        def spy(x, batch, random, name=name, original=original):
            seen[name] = x
            return original(x, batch, random)

        setattr(trainer, name, spy)
    batch = data(8)
    trainer.step(0, batch, torch.Generator().manual_seed(0))
    torch.testing.assert_close(seen["discriminator_terms"], batch.images[:4] * 2 - 1)
    torch.testing.assert_close(seen["generator_terms"], batch.images[4:] * 2 - 1)


@pytest.mark.parametrize("mean", [0.9995, 0.0005])
def test_a_saturated_mask_ends_the_training(mean: float) -> None:
    trainer = SMITTrainer(SMIT(TINY), SMITRecipe())
    trainer.check({"g_mask": 0.5, "g_adv": 1.0})
    with pytest.raises(Diverged, match="mask saturated"):
        trainer.check({"g_mask": mean, "g_adv": 1.0})
    with pytest.raises(Diverged, match="g_adv"):
        trainer.check({"g_adv": float("nan")})


def test_logged_mask_is_the_mean_attention_of_the_edits() -> None:
    torch.manual_seed(0)
    trainer = SMITTrainer(SMIT(TINY), SMITRecipe(batch_size=2))
    trainer.model.generator.attention.weight.data.zero_()
    values = trainer.step(0, data(4), torch.Generator().manual_seed(0))
    assert float(values["g_mask"]) == pytest.approx(0.5)
