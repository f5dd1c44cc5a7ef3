"""Every term of every objective, written again from the papers' formulas and compared.

Networks are replaced by ones whose output can be computed by hand: a critic that is linear in the
pixels and a generator that halves its input and shifts it by its code.
"""

from __future__ import annotations

import dataclasses

import by_hand
import numpy as np
import pytest
import torch
from by_hand import binary_cross_entropy, cross_entropy, draws, gradient_penalty, input_gradient
from scipy.special import softmax
from torch import nn

from ganbench import devices
from ganbench.baselines.ganimation import GANimationRecipe, GANimationTrainer
from ganbench.baselines.stargan import StarGANRecipe, StarGANTrainer
from ganbench.errors import BadInput, Diverged
from ganbench.ganmut.gaussian import GaussianRecipe, GaussianTrainer
from ganbench.ganmut.linear import LinearRecipe, LinearTrainer
from ganbench.training.adversarial import Target, permuted
from ganbench.training.augment import Augment
from ganbench.training.batches import Batch
from ganbench.training.losses import check_mask, r1_penalty, total_variation

N, SIZE = 9, 16
TRAINERS = {
    "stargan": (StarGANTrainer, StarGANRecipe),
    "linear": (LinearTrainer, LinearRecipe),
    "gaussian": (GaussianTrainer, GaussianRecipe),
    "ganimation": (GANimationTrainer, GANimationRecipe),
}


class LinearCritic(nn.Module):
    """Scores that are linear in the pixels: a patch map [N, 1, 2, 2] and flat heads."""

    def __init__(self, heads: list[int]) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(7)
        pixels = 3 * SIZE * SIZE
        draw = [torch.randn(pixels, k, generator=random, dtype=torch.float64) for k in (4, *heads)]
        self.weights = nn.ParameterList([w * 0.02 for w in draw])

    def forward(self, x):
        src, *heads = (x.double().flatten(1) @ w for w in self.weights)
        return (src.unflatten(1, (1, 2, 2)), *heads)

    def gradient(self, x):
        return input_gradient(lambda images: self(images)[0], x)


class Halver(nn.Module):
    """G(x, z) = x / 2 + s(z), where s sums the code with fixed weights."""

    def __init__(self) -> None:
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(()))  # ``device`` is that of the parameters

    def forward(self, x, codes):
        return x / 2 + self.shift(codes)[:, None, None, None]

    @staticmethod
    def shift(codes):
        return codes.double() @ (0.1 + 0.05 * torch.arange(codes.shape[1]).double())


class Veil(Halver):
    """The same generator with a mask that depends on position, image and code."""

    def forward(self, x, codes):
        ramp = torch.linspace(-1, 1, SIZE).double()
        mask = torch.sigmoid(
            ramp[:, None] + 2 * ramp[None, :] + x.double().mean((1, 2, 3), keepdim=True) * 3
            + self.shift(codes)[:, None, None, None]
        )  # fmt: skip
        return super().forward(x, codes), mask


@pytest.fixture
def make(tiny_method):
    """``make(name, network, **recipe)``: a trainer with the stub networks, in float64."""

    def build(name: str, network: dict | None = None, **recipe: object):
        method = tiny_method(name, **(network or {})).double().requires_grad_(True)
        trainer_class, recipe_class = TRAINERS[name]
        trainer = trainer_class(method, recipe_class(**{"batch_size": N, **recipe}))
        heads = [
            module.out_channels
            for key, module in trainer.discriminator.named_children()
            if key in ("conv2", "conv3", "conv4")
        ]
        trainer.discriminator = LinearCritic(heads)
        method.generator = Veil() if name == "ganimation" else Halver()
        # Float32 is what users get; here it would only hide differences.
        trainer.translate = method.translate
        return trainer

    return build


@pytest.fixture
def batch():
    random = torch.Generator().manual_seed(1)
    return Batch(
        torch.rand(N, 3, SIZE, SIZE, generator=random, dtype=torch.float64),
        torch.tensor([0, 1, 2, 3, 4, 5, 6, 1, 0]),
        torch.rand(N, 17, generator=random, dtype=torch.float64),
    )


@pytest.fixture
def fake():
    random = torch.Generator().manual_seed(2)
    return torch.rand(N, 3, SIZE, SIZE, generator=random, dtype=torch.float64) * 2 - 1


@pytest.fixture
def random():
    return draws(3)


TARGETS = torch.tensor([3, 0, 6, 2, 2, 5, 1, 0, 4])


def hot(emotions, classes: int = 7) -> torch.Tensor:
    return torch.eye(classes, dtype=torch.float64)[emotions]


def agree(terms, **expected: tuple[float, float]) -> None:
    """Terms have the same names, weights and values."""
    assert set(terms) == set(expected)
    for name, (weight, value) in expected.items():
        found = float(terms[name][1].detach())
        value = float(torch.as_tensor(value).detach())
        assert terms[name][0] == pytest.approx(weight), f"weight of {name}"
        assert found == pytest.approx(value, rel=1e-6), f"value of {name}"


def penalty_by_hand(critic: LinearCritic) -> float:
    """(||grad|| - 1)^2 of a linear critic: the gradient of the sum of its patches, everywhere."""
    return float((critic.weights[0].detach().sum(1).norm() - 1) ** 2)


# -- penalties ------------------------------------------------------------------------------------


def test_gradient_penalty_of_a_linear_critic():
    w = torch.tensor([3.0, 4.0]).double().view(1, 1, 1, 2)  # norm 5

    def critic(x):
        return (x * w).sum((1, 2, 3)) + 11

    real, fake = torch.rand(4, 1, 1, 2).double(), torch.rand(4, 1, 1, 2).double()
    mix = torch.rand(4, 1, 1, 1).double()
    assert float(gradient_penalty(critic, real, fake, mix)) == pytest.approx(16)
    assert float(r1_penalty(critic, real)) == pytest.approx(12.5)


def numeric_gradient(critic, x, step=1e-5):
    gradient = torch.zeros_like(x)
    critic = torch.no_grad()(critic)
    for place in np.ndindex(*x.shape):
        up, down = x.clone(), x.clone()
        up[place] += step
        down[place] -= step
        gradient[place] = (critic(up).sum() - critic(down).sum()) / (2 * step)
    return gradient


def test_penalties_against_finite_differences():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 3, 3, 2, 1), nn.Tanh(), nn.Conv2d(3, 1, 1)).double()
    real, fake = torch.randn(3, 2, 4, 4).double(), torch.randn(3, 2, 4, 4).double()
    mix = torch.rand(3, 1, 1, 1).double()
    at = numeric_gradient(net, mix * real + (1 - mix) * fake).flatten(1)
    expected = float(((at.norm(dim=1) - 1) ** 2).mean())
    assert float(gradient_penalty(net, real, fake, mix).detach()) == pytest.approx(expected)
    at = numeric_gradient(net, real).flatten(1)
    expected = float(0.5 * (at**2).sum(1).mean())
    assert float(r1_penalty(net, real).detach()) == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["gp", "r1"])
def test_penalties_move_the_critic(kind):
    critic = nn.Linear(4, 1).double()
    x = torch.randn(5, 4).double()
    if kind == "gp":
        loss = gradient_penalty(critic, x, -x, torch.rand(5, 1).double())
        # d/dw (|w| - 1)^2 = 2 (|w| - 1) w / |w|
        length = critic.weight.norm()
        expected = 2 * (length - 1) * critic.weight / length
    else:
        loss, expected = r1_penalty(critic, x), critic.weight  # d/dw |w|^2 / 2
    (gradient,) = torch.autograd.grad(loss, critic.weight)
    torch.testing.assert_close(gradient, expected.detach())


class Bowl(LinearCritic):
    """The same with D_src(x) = |x|^2 / 2, whose gradient is x; it stores its inputs."""

    def __init__(self, heads: list[int]) -> None:
        super().__init__(heads)
        self.seen: list[torch.Tensor] = []

    def forward(self, x):
        self.seen.append(x)
        _, *heads = super().forward(x)
        return (x.flatten(1).square().sum(1).view(-1, 1, 1, 1) / 2, *heads)


@pytest.mark.parametrize("name", ["stargan", "linear", "gaussian", "ganimation"])
def test_the_penalty_is_taken_between_each_real_image_and_its_edit(make, batch, fake, random, name):
    trainer = make(name)
    trainer.discriminator = Bowl([])
    x = trainer.method.to_native(batch.images)
    penalty = trainer.gradient_penalty(x, fake, random)
    (points,) = (seen.detach().flatten(1) for seen in trainer.discriminator.seen)
    start, way = fake.flatten(1), (x - fake).flatten(1)
    share = ((points - start) * way).sum(1) / way.square().sum(1)
    torch.testing.assert_close(points, start + share[:, None] * way)
    # Each pair of images has its random share of the real image.
    assert 0 <= float(share.min()) < 0.3
    assert 0.7 < float(share.max()) <= 1
    assert len(set(share.tolist())) == N
    expected = ((points.norm(dim=1) - 1) ** 2).mean()
    assert float(penalty.detach()) == pytest.approx(float(expected))


@pytest.mark.parametrize("name", ["stargan", "linear", "gaussian", "ganimation"])
def test_what_an_edit_changes_can_have_a_weight(make, batch, name):
    changes = {}
    for weight in (0.0, 2.0):
        trainer = make(name, lambda_change=weight)
        x = trainer.method.to_native(batch.images)
        target = trainer.target(batch, draws(3))
        changes[weight] = trainer.generator_terms(x, batch, target, draws(4)).get("g_change")
    edits = trainer.method.translate(x, target.codes)[0]
    agree({"g_change": changes[2.0]}, g_change=(2, (edits - x).abs().mean()))
    assert changes[0.0] is None


def test_r1_is_taken_on_the_real_images(make, batch, fake, placed, random):
    trainer = make("linear", penalty="r1")
    trainer.discriminator = Bowl([7, 2])
    x = trainer.method.to_native(batch.images)
    weight, value = trainer.discriminator_terms(x, fake, batch, placed, random)["d_gp"]
    assert weight == 10
    expected = x.flatten(1).square().sum(1).mean() / 2
    assert float(value.detach()) == pytest.approx(float(expected))


def test_ganimation_s_second_critic_step_is_the_penalty_alone(make, batch, random):
    trainer = make("ganimation")
    steps = []

    def minimise(terms, *optimizers):
        steps.append(({name: weight for name, (weight, _) in terms.items()}, optimizers))
        return {}

    trainer.minimise = minimise
    trainer.discriminator_step(2 * batch.images - 1, batch, random)
    assert steps == [
        ({"d_real": -1, "d_fake": 1, "d_cond": 4000}, ("d",)),
        ({"d_gp": 10}, ("d",)),
    ]


# -- StarGAN ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["softmax", "binary"])
def test_stargan_discriminator(make, batch, fake, random, kind):
    trainer = make("stargan", classification=kind)
    x = 2 * batch.images - 1
    src, cls = trainer.discriminator(x)
    loss = cross_entropy if kind == "softmax" else binary_cross_entropy
    terms = trainer.discriminator_terms(x, fake, batch, Target(hot(TARGETS), TARGETS), random)
    agree(
        terms,
        d_real=(-1, src.mean()),
        d_fake=(1, trainer.discriminator(fake)[0].mean()),
        d_gp=(10, penalty_by_hand(trainer.discriminator)),
        d_cls=(1, loss(cls, batch.emotions)),
    )


@pytest.mark.parametrize("kind", ["softmax", "binary"])
def test_stargan_generator(make, batch, random, kind):
    trainer = make("stargan", classification=kind, lambda_cls=3.0, lambda_rec=7.0)
    x = 2 * batch.images - 1
    codes = hot(TARGETS)
    y = x / 2 + Halver.shift(codes)[:, None, None, None]
    back = y / 2 + Halver.shift(hot(batch.emotions))[:, None, None, None]
    src, cls = trainer.discriminator(y)
    loss = cross_entropy if kind == "softmax" else binary_cross_entropy
    terms = trainer.generator_terms(x, batch, Target(codes, TARGETS), random)
    agree(
        terms,
        g_fake=(-1, src.mean()),
        g_cls=(3, loss(cls, TARGETS)),
        g_rec=(7, (x - back).abs().mean()),
    )


def test_stargan_targets_are_the_batch_s_own_labels_in_another_order(make, batch, random):
    target = make("stargan").target(batch, random)
    assert sorted(target.emotions.tolist()) == sorted(batch.emotions.tolist())
    assert target.emotions.tolist() != batch.emotions.tolist()
    assert torch.equal(target.codes.double(), hot(target.emotions))


def test_permutations_reach_every_place():
    labels = torch.arange(4)
    seen = {tuple(permuted(labels, draws(i)).tolist()) for i in range(200)}
    assert len(seen) == 24


# -- GANmut -----------------------------------------------------------------------------------------


@pytest.fixture
def placed():
    """A target of the linear model with codes of every strength."""
    angle = torch.linspace(0, 6, N).double()
    strength = torch.tensor([0.1, 0.9, 0.2, 0.21, 1.0, 0.5, 0.05, 0.7, 0.3]).double()
    codes = torch.stack([strength * angle.cos(), strength * angle.sin()], 1)
    return Target(codes, TARGETS, strength)


@pytest.mark.parametrize("penalty", ["gp", "r1"])
def test_linear_discriminator(make, batch, fake, placed, random, penalty):
    trainer = make("linear", penalty=penalty)
    x = trainer.method.to_native(batch.images)
    assert torch.equal(x, (2 * batch.images - 1).flip(1))
    src, cls, _ = trainer.discriminator(x)
    src_fake, _, coor = trainer.discriminator(fake)
    value = penalty_by_hand(trainer.discriminator)
    if penalty == "r1":
        value = float(trainer.discriminator.weights[0].detach().sum(1).square().sum() / 2)
    agree(
        trainer.discriminator_terms(x, fake, batch, placed, random),
        d_real=(-1, src.mean()),
        d_fake=(1, src_fake.mean()),
        d_gp=(10, value),
        d_cls=(1, cross_entropy(cls, batch.emotions)),
        d_coor=(1, ((coor - placed.codes) ** 2).mean()),
    )


def expected_linear(trainer, x, target, own):
    """The generator's terms when ``own`` are the codes of the inputs."""
    y = x / 2 + Halver.shift(target.codes)[:, None, None, None]
    back = y / 2 + Halver.shift(own)[:, None, None, None]
    src, cls, coor = trainer.discriminator(y)
    confidence = softmax(cls.detach().numpy(), 1).max(1)
    rho = target.strength.numpy()
    strong = rho > 0.2
    return {
        "g_fake": (-1, src.mean()),
        "g_cls": (1, cross_entropy(cls[5:], target.emotions[5:])),
        "g_rec": (10, (x - back).abs().mean()),
        "g_coor": (1, ((coor - target.codes) ** 2).mean()),
        "g_strength": (4, ((confidence - rho)[strong] ** 2).mean()),
    }


def test_linear_generator(make, batch, placed, random):
    trainer = make("linear")
    x = trainer.method.to_native(batch.images)
    _, cls, _ = trainer.discriminator(x)
    confidence = cls.softmax(1).max(1).values
    axes = trainer.method.axes.weight.detach()
    units = torch.cat([torch.zeros(1, 2).double(), axes / axes.norm(dim=1, keepdim=True)])
    own = confidence[:, None] * units[batch.emotions]
    terms = trainer.generator_terms(x, batch, placed, random)
    agree(terms, **expected_linear(trainer, x, placed, own))


def test_linear_generator_with_the_critic_s_own_code(make, batch, placed, random):
    trainer = make("linear", cycle="original")
    x = trainer.method.to_native(batch.images)
    own = trainer.discriminator(x)[2]
    terms = trainer.generator_terms(x, batch, placed, random)
    agree(terms, **expected_linear(trainer, x, placed, own))


def test_linear_sources_have_a_head_of_their_own(make, batch, fake, placed, random):
    trainer = make("linear", source_head=True, lambda_source=0.25, weigh_by_strength=True)
    x = trainer.method.to_native(batch.images)
    _, cls, _, own = trainer.discriminator(torch.cat([x, fake]))
    terms = trainer.discriminator_terms(x, fake, batch, placed, random)
    agree(
        {key: terms[key] for key in ("d_cls", "d_source", "d_source_real")},
        d_cls=(1, cross_entropy(cls[:N], batch.emotions)),
        d_source=(0.25, cross_entropy(own[N:], batch.emotions)),
        d_source_real=(1, cross_entropy(own[:N], batch.emotions)),
    )
    y = x / 2 + Halver.shift(placed.codes)[:, None, None, None]
    _, cls, _, own = trainer.discriminator(y)
    rho, emotions = placed.strength[5:], placed.emotions[5:]
    each = -own[5:].log_softmax(1)[torch.arange(N - 5), emotions]
    strong = placed.strength > 0.2
    error = (cls.softmax(1).amax(1) - placed.strength).square()
    terms = trainer.generator_terms(x, batch, placed, random)
    agree(
        {key: terms[key] for key in ("g_cls", "g_strength")},
        g_cls=(1, (each * torch.where(emotions == 0, 1.0, rho)).mean()),
        g_strength=(4, error[strong].mean()),
    )
    with pytest.raises(BadInput, match="source_head must be false where lambda_source is 0"):
        make("linear", source_head=True)


def test_the_official_cycle_is_partly_random(make, batch):
    trainer = make("linear", cycle="official")
    x = trainer.method.to_native(batch.images)
    confidence = trainer.discriminator(x)[1].softmax(1).max(1).values
    own = confidence[:, None] * trainer.method.codes(batch.emotions)
    codes = torch.stack([trainer.input_codes(x, batch, draws(i)) for i in range(300)])
    # The first five have random directions, with the strength of their label's code,
    torch.testing.assert_close(codes[:, :5].norm(dim=2), confidence[:5].expand(300, 5))
    turned = torch.atan2(codes[:, :5, 1], codes[:, :5, 0]).flatten().sort().values
    assert (turned.diff() < 0.2).all()
    # and the others have the code of their label, with noise.
    torch.testing.assert_close(codes[:, 5:].mean(0), own[5:], atol=0.03, rtol=0)
    assert float((codes[:, 5:] - own[5:]).detach().std()) == pytest.approx(0.1, rel=0.05)


def test_no_strong_item_leaves_the_strength_loss_at_zero(make, batch, placed, random):
    trainer = make("linear")
    weak = dataclasses.replace(placed, strength=placed.strength * 0.1)
    x = trainer.method.to_native(batch.images)
    value = trainer.generator_terms(x, batch, weak, random)["g_strength"][1]
    assert float(value) == 0


def many(n: int = 4000) -> Batch:
    return Batch(torch.zeros(n, 1), torch.arange(n) % 7)


def test_linear_targets(make):
    trainer = make("linear", batch_size=4000)
    batch = many()
    target = trainer.target(batch, draws(0))
    assert torch.bincount(target.emotions).tolist() == torch.bincount(batch.emotions).tolist()
    neutral = target.emotions == 0
    rho = target.strength
    assert 0 <= rho[neutral].min() < 0.01 < 0.19 < rho[neutral].max() <= 0.2
    assert 0.2 <= rho[~neutral].min() < 0.21 < 0.99 < rho[~neutral].max() <= 1
    assert float(rho[~neutral].mean()) == pytest.approx(0.6, abs=0.02)
    # Five random directions without noise, with the strength of the codes that they replace.
    torch.testing.assert_close(target.codes[:5].norm(dim=1), rho[:5].double(), check_dtype=False)
    clean = trainer.method.codes(target.emotions) * rho[:, None]
    noise = (target.codes - clean)[5:]
    assert float(noise.mean()) == pytest.approx(0, abs=0.005)
    assert float(noise.std()) == pytest.approx(0.1, rel=0.03)


def test_linear_target_options(make):
    batch = many()
    draw = lambda **recipe: make("linear", batch_size=4000, **recipe).target(  # noqa: E731
        batch, draws(0)
    )
    official = draw(noise=0.075)
    clean = make("linear").method.codes(official.emotions) * official.strength[:, None]
    assert float((official.codes - clean)[5:].std()) == pytest.approx(0.075, rel=0.03)
    still = draw(noise=0.0, random_codes=0)
    torch.testing.assert_close(still.codes, clean, check_dtype=False)
    # Uniform over the disc: the square of the radius is uniform.
    even = draw(strength="uniform_disc", random_codes=0)
    neutral = even.emotions == 0
    assert (even.strength[neutral] == 0).all()
    share = int((~neutral).sum()) / 10
    histogram = torch.histc(even.strength[~neutral].double() ** 2, 10, 0, 1)
    assert (histogram - share).abs().max() < 80


def test_random_directions_cover_the_circle(make):
    trainer = make("linear", batch_size=4000, random_codes=3999, noise=0.0)
    target = trainer.target(many(), draws(0))
    angles = torch.atan2(target.codes[:3999, 1], target.codes[:3999, 0])
    assert (torch.histc(angles, 10, -torch.pi, torch.pi) - 400).abs().max() < 80


@pytest.mark.parametrize("count", [-1, 9, 10])
def test_random_codes_must_leave_labelled_items(count):
    with pytest.raises(BadInput, match="random_codes must be below batch_size 9"):
        LinearRecipe(batch_size=9, random_codes=count)


# -- GGANmut ----------------------------------------------------------------------------------------


@pytest.fixture
def planar(make):
    """GGANmut with Gaussians of various shapes."""
    trainer = make("gaussian")
    random = torch.Generator().manual_seed(5)
    with torch.no_grad():
        trainer.method.mu.copy_(torch.randn(7, 2, generator=random))
        trainer.method.covariance_angles.copy_(torch.randn(7, generator=random))
        trainer.method.covariance_axes.copy_(torch.rand(7, 2, generator=random) + 0.3)
    return trainer


def p_z(method, codes) -> np.ndarray:
    angles, axes = (
        parameter.detach().numpy()
        for parameter in (method.covariance_angles[0], method.covariance_axes)
    )
    turns = [[[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]] for a in angles]
    inverse = np.linalg.inv([r @ np.diag(a) @ np.transpose(r) for r, a in zip(turns, axes, strict=True)])  # fmt: skip
    offset = codes.detach().numpy()[:, None] - np.tanh(method.mu.detach().numpy())
    return softmax(-np.einsum("nci,cij,ncj->nc", offset, inverse, offset), 1)


def test_gaussian_targets_are_the_means_and_the_square(planar, batch, random):
    target = planar.target(batch, random)
    torch.testing.assert_close(target.codes[:7], torch.tanh(planar.method.mu))
    assert target.codes[7:].abs().max() <= 1
    batch = many()
    codes = planar.target(batch, random).codes[7:]
    for axis in codes.T:
        assert (torch.histc(axis, 10, -1, 1) - 399).abs().max() < 80
    assert torch.corrcoef(codes.T)[0, 1].abs() < 0.05


def test_gaussian_discriminator(planar, batch, fake, random):
    target = planar.target(batch, random)
    x = planar.method.to_native(batch.images)
    src, head = planar.discriminator(x)
    src_fake, head_fake = planar.discriminator(fake)
    assert head.shape == (N, 9)
    agree(
        planar.discriminator_terms(x, fake, batch, target, random),
        d_real=(-1, src.mean()),
        d_fake=(1, src_fake.mean()),
        d_gp=(10, penalty_by_hand(planar.discriminator)),
        d_cls=(2, cross_entropy(head[:, :7], batch.emotions)),
        d_coor=(1, ((head_fake[:, 7:] - target.codes) ** 2).mean()),
    )


def test_gaussian_generator(planar, batch, random):
    target = planar.target(batch, random)
    x = planar.method.to_native(batch.images)
    y = x / 2 + Halver.shift(target.codes)[:, None, None, None]
    src, head = planar.discriminator(y)
    own = planar.discriminator(x)[1][:, 7:]
    back = y / 2 + Halver.shift(own)[:, None, None, None]
    p, q = p_z(planar.method, target.codes), softmax(head[:, :7].detach().numpy(), 1)
    there = (p * np.log(p / q)).sum(1)
    and_back = (q * np.log(q / p)).sum(1)
    agree(
        planar.generator_terms(x, batch, target, random),
        g_fake=(-1, src.mean()),
        g_rec=(10, (x - back).abs().mean()),
        g_div=(2, (there + and_back).mean()),
        g_cls=(0.5, cross_entropy(head[:7, :7], np.arange(7))),
    )


def test_gaussian_sources_have_a_head_of_their_own(make, batch, fake, random):
    trainer = make("gaussian", source_head=True, lambda_source=0.25)
    target = trainer.target(batch, random)
    x = trainer.method.to_native(batch.images)
    _, head, own = trainer.discriminator(torch.cat([x, fake]))
    assert own.shape == (2 * N, 7)
    terms = trainer.discriminator_terms(x, fake, batch, target, random)
    classified = {key: terms[key] for key in ("d_cls", "d_source", "d_source_real")}
    agree(
        classified,
        d_cls=(2, cross_entropy(head[:N, :7], batch.emotions)),
        d_source=(0.25, cross_entropy(own[N:], batch.emotions)),
        d_source_real=(2, cross_entropy(own[:N], batch.emotions)),
    )
    y = x / 2 + Halver.shift(target.codes)[:, None, None, None]
    _, head, own = trainer.discriminator(y)
    p, q = p_z(trainer.method, target.codes), softmax(head[:, :7].detach().numpy(), 1)
    terms = trainer.generator_terms(x, batch, target, random)
    agree(
        {key: terms[key] for key in ("g_div", "g_cls")},
        g_div=(2, ((p - q) * np.log(p / q)).sum(1).mean()),
        g_cls=(0.5, cross_entropy(own[:7], np.arange(7))),
    )
    with pytest.raises(BadInput, match="source_head must be false where lambda_source is 0"):
        make("gaussian", source_head=True)


@pytest.mark.parametrize(("size", "free"), [(1, None), (6, None), (9, 3), (9, 10), (16, -1)])
def test_gaussian_batches_hold_all_means(make, size, free):
    with pytest.raises(BadInput, match=f"batch_size {size}, random_codes {free}"):
        make("gaussian", batch_size=size, random_codes=free)


@pytest.mark.parametrize(("free", "at_means"), [(None, 7), (2, 7), (1, 8), (0, 9)])
def test_the_number_of_random_codes_is_honoured(make, batch, random, free, at_means):
    trainer = make("gaussian", random_codes=free)
    target = trainer.target(batch, random)
    means = trainer.method.anchors()
    labels = torch.arange(at_means) % 7
    torch.testing.assert_close(target.codes[:at_means], means[labels])
    distance = (target.codes[at_means:, None] - means).square().sum(2)  # the Gaussians are round
    assert target.emotions.tolist() == [*labels.tolist(), *distance.argmin(1).tolist()]
    x = trainer.method.to_native(batch.images)
    y = x / 2 + Halver.shift(target.codes)[:, None, None, None]
    _, head = trainer.discriminator(y)
    weight, value = trainer.generator_terms(x, batch, target, random)["g_cls"]
    assert weight == 0.5
    expected = cross_entropy(head[:at_means, :7], labels.numpy())
    assert float(value.detach()) == pytest.approx(expected)


# -- GANimation ---------------------------------------------------------------------------------------


def ganimation_target(trainer, batch, random):
    if trainer.method.config.condition == "emotions":
        return Target(hot(TARGETS), TARGETS), hot(batch.emotions)
    return trainer.target(batch, random), batch.action_units


AU = {"condition": "action_units"}


@pytest.mark.parametrize("network", [{}, AU], ids=["emotions", "units"])
def test_ganimation_discriminator(make, batch, fake, random, network):
    trainer = make("ganimation", network)
    target, own = ganimation_target(trainer, batch, random)
    x = 2 * batch.images - 1
    src, y = trainer.discriminator(x)
    agree(
        trainer.discriminator_terms(x, fake, batch, target, random),
        d_real=(-1, src.mean()),
        d_fake=(1, trainer.discriminator(fake)[0].mean()),
        d_cond=(4000, ((y - own) ** 2).mean() / N),
    )


def ganimation_edit(x, codes):
    colours, mask = Veil()(x, codes)
    return mask * x + (1 - mask) * colours, mask


@pytest.mark.parametrize("network", [{}, AU], ids=["emotions", "units"])
def test_ganimation_generator(make, batch, random, network):
    trainer = make("ganimation", network)
    target, own = ganimation_target(trainer, batch, random)
    x = 2 * batch.images - 1
    fake, mask = ganimation_edit(x, target.codes)
    back, mask_back = ganimation_edit(fake, own)
    src, y = trainer.discriminator(fake)
    agree(
        trainer.generator_terms(x, batch, target, random),
        g_fake=(-1, src.mean()),
        g_cond=(4000, ((y - target.codes) ** 2).mean() / N),
        g_rec=(10, (back - x).abs().mean()),
        g_mask=(0.1, mask.mean()),
        g_mask_back=(0.1, mask_back.mean()),
        g_smooth=(1e-5, by_hand.total_variation(mask) + by_hand.total_variation(mask_back)),
    )


def test_ganimation_with_cross_entropy(make, batch, fake, random):
    trainer = make("ganimation", classification="softmax", lambda_cls=2.5)
    target, _ = ganimation_target(trainer, batch, random)
    x = 2 * batch.images - 1
    weight, value = trainer.discriminator_terms(x, fake, batch, target, random)["d_cond"]
    assert weight == 2.5
    _, y = trainer.discriminator(x)
    assert float(value) == pytest.approx(cross_entropy(y, batch.emotions))
    weight, value = trainer.generator_terms(x, batch, target, random)["g_cond"]
    assert weight == 2.5
    _, y = trainer.discriminator(ganimation_edit(x, target.codes)[0])
    assert float(value) == pytest.approx(cross_entropy(y, TARGETS))


def test_cross_entropy_needs_categories(make):
    with pytest.raises(BadInput, match="needs categories"):
        make("ganimation", AU, classification="softmax")


def test_ganimation_targets_are_those_of_another_sample(make, batch, random):
    target = make("ganimation").target(batch, random)
    assert torch.equal(target.codes.double(), hot(target.emotions))
    assert sorted(target.emotions.tolist()) == sorted(batch.emotions.tolist())
    target = make("ganimation", AU).target(batch, random)
    distance = (target.codes[:, None] - batch.action_units).abs().amax(2)
    assert sorted(distance.argmin(1).tolist()) == list(range(N))
    jitter = distance.min(1).values
    assert jitter.min() > 0.05
    assert jitter.max() <= 0.1
    # The noise is not clipped: it leads below 0 and above 1.
    edges = dataclasses.replace(batch, action_units=batch.action_units.round())
    codes = make("ganimation", AU).target(edges, random).codes
    assert codes.min() < 0
    assert codes.max() > 1


def test_units_that_the_data_lack_are_named(make, batch, random):
    plain = dataclasses.replace(batch, action_units=None)
    with pytest.raises(BadInput, match="the data has no AUxx_r columns"):
        make("ganimation", AU).target(plain, random)


def test_total_variation():
    mask = torch.tensor([[0.0, 1.0], [0.5, 0.5]]).view(1, 1, 2, 2)
    assert float(total_variation(mask)) == pytest.approx(0.25 + 0.25 + 1 + 0)
    assert float(total_variation(torch.cat([mask, mask]))) == pytest.approx(3)
    assert float(total_variation(torch.full((2, 1, 5, 5), 0.7))) == 0


@pytest.mark.parametrize(
    ("mean", "what"), [(0.0005, "repaints every pixel"), (0.9995, "keeps the input")]
)
def test_saturated_masks_are_caught(make, mean, what):
    with pytest.raises(Diverged, match=f"saturated.*{what}"):
        make("ganimation").check({"g_mask": mean})
    with pytest.raises(Diverged, match="saturated"):
        check_mask({"g_mask": mean})


@pytest.mark.parametrize("mean", [0.001, 0.5, 0.999])
def test_working_masks_are_left_alone(make, mean):
    make("ganimation").check({"g_mask": mean})
    make("ganimation").check({"d_real": 1.0})


# -- the warm-up and the order of steps -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["stargan", "linear", "gaussian"])
def test_warmup_reconstructs_whatever_the_code(make, batch, name):
    trainer = make(name)
    x = trainer.method.to_native(batch.images)
    codes = torch.randn(N, trainer.method.code_dim).double()
    y = x / 2 + Halver.shift(codes)[:, None, None, None]
    agree(trainer.warmup_terms(x, codes), g_warmup=(1, (y - x).abs().mean()))


def test_ganimation_warmup_leaves_the_mask_out(make, batch):
    x, codes = 2 * batch.images - 1, hot(TARGETS)
    terms = make("ganimation").warmup_terms(x, codes)
    assert set(terms) == {"g_warmup"}
    # Colours are float32 in autocast too.
    assert float(terms["g_warmup"][1]) == pytest.approx(
        float((Halver()(x, codes) - x).abs().mean()), rel=1e-5
    )


@pytest.mark.parametrize("name", TRAINERS)
def test_warmup_teaches_the_critic_emotions_only(make, batch, name):
    trainer = make(name)
    x = trainer.method.to_native(batch.images)
    head = trainer.discriminator(x)[1]
    if name == "ganimation":
        expected = {"d_cond": (4000, ((head - hot(batch.emotions)) ** 2).mean() / N)}
    else:
        expected = {"d_cls": (1, cross_entropy(head[:, :7], batch.emotions))}
    agree(trainer.recognition_terms(x, batch), **expected)


@pytest.fixture
def real(tiny_method):
    """A trainer with its real networks."""

    def build(name: str, network: dict[str, object] | None = None, **recipe: object):
        trainer_class, recipe_class = TRAINERS[name]
        torch.manual_seed(0)
        method = tiny_method(name, **network or {}).requires_grad_(True)
        return trainer_class(method, recipe_class(**{"batch_size": N, **recipe}))

    return build


def weights(module):
    return {key: tensor.clone() for key, tensor in module.state_dict().items()}


def moved(before, module) -> set[str]:
    return {
        key for key, value in module.state_dict().items() if not torch.equal(before[key], value)
    }


@pytest.mark.parametrize("name", TRAINERS)
def test_who_moves_when(real, batch, name):
    trainer = real(name, n_critic=3, warmup_iterations=2, ema_decay=0.5)
    batch = Batch(batch.images.float(), batch.emotions)
    for iteration in range(8):
        g, d, ema = (weights(m) for m in (trainer.method, trainer.discriminator, trainer.ema))
        values = trainer.step(iteration, batch, torch.Generator().manual_seed(iteration))
        generator_moves = iteration < 2 or (iteration + 1) % 3 == 0
        assert bool(moved(g, trainer.method)) is generator_moves
        assert bool(moved(ema, trainer.ema)) is generator_moves
        assert any(key.startswith("g_") for key in values) is generator_moves
        heads = {key for key in moved(d, trainer.discriminator) if key.startswith("conv")}
        assert ("conv1.weight" in heads) is (iteration >= 2)
        assert heads - {"conv1.weight"}
        assert all(p.requires_grad for p in trainer.discriminator.parameters())
        assert not any(value.requires_grad for value in values.values())


@pytest.mark.parametrize("name", ["stargan", "linear", "gaussian"])
def test_the_warmup_of_a_change_trains_the_critic_alone(real, batch, name):
    trainer = real(name, warmup_iterations=1, ema_decay=0.5)
    trainer.method.config = dataclasses.replace(trainer.method.config, output="change")
    g, d = weights(trainer.method), weights(trainer.discriminator)
    batch = Batch(batch.images.float(), batch.emotions)
    values = trainer.step(0, batch, torch.Generator().manual_seed(0))
    assert values.keys() == {"d_cls"}
    assert not moved(g, trainer.method)
    assert moved(d, trainer.discriminator) >= {"main.0.weight", "conv2.weight"}


@pytest.mark.parametrize("name", TRAINERS)
def test_he_s_weights_keep_the_signal_of_a_critic_alive(name, tiny_method):
    def spread(**recipe: object) -> float:
        torch.manual_seed(0)
        trainer_class, recipe_class = TRAINERS[name]
        trainer = trainer_class(tiny_method(name, critic_width=16), recipe_class(**recipe))
        x = torch.randn(64, 3, SIZE, SIZE)
        return float(trainer.discriminator.main(x).std(0).mean())

    assert spread(critic_init="he") > 4 * spread()


@pytest.mark.parametrize("name", TRAINERS)
def test_edits_may_be_classified_as_what_they_were_made_from(make, batch, fake, random, name):
    options = {"classification": "softmax"} if name == "ganimation" else {}
    x = batch.images * 2 - 1

    def terms(weight: float):
        trainer = make(name, lambda_source=weight, **options)
        target = trainer.target(batch, draws(0))
        seed = draws(3)
        return trainer, trainer.discriminator_terms(x, fake, batch, target, seed)

    trainer, found = terms(0.3)
    expected = cross_entropy(trainer.discriminator(fake)[1][:, :7], batch.emotions)
    weight, value = found.pop("d_source")
    assert weight == 0.3
    assert value.item() == pytest.approx(expected, rel=1e-9)
    # The other terms do not change, and at weight 0 there is no such term.
    plain = terms(0.0)[1]
    assert found.keys() == plain.keys()
    assert all(found[key][1].item() == plain[key][1].item() for key in plain)


class Witness(LinearCritic):
    """Stores its inputs."""

    def __init__(self, heads: list[int]) -> None:
        super().__init__(heads)
        self.shown: list[torch.Tensor] = []

    def forward(self, x):
        self.shown.append(x)
        return super().forward(x)


@pytest.mark.parametrize("name", TRAINERS)
def test_a_critic_sees_real_images_and_edits_through_the_same_changes(make, batch, name):
    trainer = make(name, critic_augment=Augment(flip=1.0), n_critic=1)
    heads = [w.shape[1] for w in trainer.discriminator.weights][1:]
    x = trainer.method.to_native(batch.images)
    trainer.discriminator = Witness(heads)
    trainer.optimizers["d"] = torch.optim.SGD(trainer.discriminator.parameters(), lr=0.0)
    trainer.discriminator_step(x, batch, draws(0))
    with torch.no_grad():
        codes = trainer.target(batch, draws(0)).codes
        edits = trainer.generate(x, codes)
    pairs = trainer.discriminator.shown[0]
    torch.testing.assert_close(pairs, torch.cat([x, edits]).flip(-1))

    trainer.discriminator.shown.clear()
    target = trainer.target(batch, draws(0))
    trainer.generator_terms(x, batch, target, draws(1))
    mirrored = trainer.generate(x, target.codes).flip(-1)
    torch.testing.assert_close(trainer.discriminator.shown[0], mirrored)


def test_a_critic_that_sees_images_unchanged_draws_nothing(real):
    random = draws(0)
    images = torch.rand(2, 3, 8, 8)
    assert real("stargan").augment_for_critic(images, random) is images
    assert not random.requests
    # Warps are differentiable: the generator learns through them.
    images.requires_grad_(True)
    trainer = real("stargan", critic_augment=Augment(rotate=9.0, zoom=(0.8, 0.9)))
    trainer.augment_for_critic(images, random).sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


@pytest.mark.parametrize("name", TRAINERS)
def test_every_parameter_learns(real, batch, name):
    trainer = real(name, n_critic=1)
    batch = Batch(batch.images.float(), batch.emotions)
    g, d = weights(trainer.method), weights(trainer.discriminator)
    # The rotation of a round Gaussian has no effect, so its angle moves from the second step on.
    for iteration in range(3):
        trainer.step(iteration, batch, torch.Generator().manual_seed(iteration))
    # The bias of GANmut's directions is not used.
    assert moved(g, trainer.method) == set(g) - {"axes.bias"}
    assert moved(d, trainer.discriminator) == set(d)


def test_generators_may_compute_in_bf16(real, batch, monkeypatch):
    monkeypatch.setattr(devices, "computes_bf16", lambda: True)
    exact, rough = real("ganimation"), real("ganimation", precision="bf16")
    x, codes = 2 * batch.images.float() - 1, hot(TARGETS).float()
    for a, b in zip(exact.translate(x, codes), rough.translate(x, codes), strict=True):
        assert b.dtype == torch.float32
        assert not torch.equal(a, b)
        torch.testing.assert_close(a, b, atol=0.05, rtol=0)


def test_objectives_are_weighted_sums(real):
    trainer = real("stargan")
    parameter = trainer.method.generator.main[0].weight
    before = parameter.detach().clone()
    values = trainer.minimise(
        {"a": (2.0, parameter.sum()), "b": (-0.5, parameter.square().sum())}, "g"
    )
    torch.testing.assert_close(parameter.grad, 2 - before)
    assert float(values["b"]) == pytest.approx(float(before.square().sum()))


def test_adam_s_first_step_goes_by_the_rate(real):
    trainer = real("stargan", learning_rate=1e-3)
    trainer.set_rates(0)
    parameter = trainer.method.generator.main[0].weight
    before = parameter.detach().clone()
    trainer.minimise({"a": (1.0, parameter.sum())}, "g")
    torch.testing.assert_close(before - parameter.detach(), torch.full_like(before, 1e-3), atol=1e-6, rtol=0)  # fmt: skip
    group = trainer.optimizers["g"].param_groups[0]
    assert group["betas"] == (0.5, 0.999)
    assert group["weight_decay"] == 0


def test_defaults_are_the_papers():
    shared = {
        "iterations": 200_000, "learning_rate": 1e-4, "beta1": 0.5, "beta2": 0.999, "n_critic": 5,
        "decay_iterations": 100_000, "schedule": "linear", "lambda_gp": 10.0, "lambda_rec": 10.0,
        "ema_decay": 0.0, "warmup_iterations": 0, "precision": "auto",
    }  # fmt: skip
    for name, own in {
        "stargan": {"batch_size": 16, "lambda_cls": 1.0, "classification": "softmax"},
        "linear": {
            "batch_size": 16, "lambda_cls": 1.0, "lambda_coor": 1.0, "lambda_strength": 4.0,
            "noise": 0.1, "random_codes": 5, "cycle": "approximate", "penalty": "gp",
            "strength": "official",
        },
        "gaussian": {
            "batch_size": 16, "lambda_cls_d": 2.0, "lambda_cls_g": 0.5, "lambda_div": 2.0,
            "lambda_coor": 1.0, "random_codes": None,
        },
        "ganimation": {
            "lambda_condition": 4000.0, "lambda_mask": 0.1, "lambda_smooth": 1e-5,
            "classification": "mse",
        },
    }.items():  # fmt: skip
        recipe = dataclasses.asdict(TRAINERS[name][1]())
        for key, value in {**shared, **own}.items():
            assert recipe[key] == value, (name, key)
