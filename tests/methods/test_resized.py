"""A method that edits pictures of another size: the change is enlarged, the rest is kept."""

import torch
from toys import Painter

from ganbench.evaluation.contract import try_method
from ganbench.evaluation.jobs import fingerprint
from ganbench.evaluation.run import entitled
from ganbench.methods.resized import Resized, resized


def test_what_is_not_changed_keeps_its_detail():
    method = resized(Painter().eval(), 32)
    images = torch.rand(7, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    edits = method.edit(images, method.codes(torch.arange(7))).images
    # The painter repaints 2 x 2 of 8 x 8 pixels; bilinear enlargement reaches half a pixel farther.
    assert torch.equal(edits[:, :, 10:, 10:], images[:, :, 10:, 10:])
    assert (edits[:, :, :6, :6] - images[:, :, :6, :6]).abs().mean() > 0.1


def test_a_constant_change_is_enlarged_to_itself():
    class Darker(Painter):
        def translate(self, x, codes):
            return x - 0.2, None  # in [-1, 1]: 0.1 in [0, 1]

    method = Resized(Darker().eval(), 48)
    images = torch.full((2, 3, 48, 48), 0.5)
    edits = method.edit(images, method.codes([0, 1])).images
    assert torch.allclose(edits, torch.full_like(edits, 0.4), atol=1e-6)


def test_it_is_named_so_and_has_the_weights_of_the_method():
    inner = Painter().eval()
    method = resized(inner, 32)
    assert resized(inner, 8) is inner
    assert (method.name, method.spec.image_size) == ("painter", 32)
    titles = {label: one.title for label, one in entitled({"painter": method}).items()}
    assert titles == {"painter": "Painter (8 px, resized)"}
    assert try_method(method, torch.full((7, 3, 32, 32), 0.5)) == ""
    assert method.own_facts["resized"] == "8 px -> 32 px"
    assert fingerprint(method) != fingerprint(resized(Painter(leak=0.1).eval(), 32))
