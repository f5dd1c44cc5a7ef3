"""The hash of an object's current state: what changes it, and what must not."""

import ctypes
import os
import subprocess
import sys
import threading
import types
from collections import OrderedDict

import numpy as np
import pandas as pd
import pytest
import torch
import toys
from torch import nn
from toys import Painter, Plane, Reader

import ganbench
from ganbench import emotions
from ganbench.storage.state import identity, opaque


def hashed(*objects):
    return identity(*objects)["state"]


def zero(method):
    method.weight.data.zero_()  # leaves no trace in the tensor's version


def hook(method):
    method.register_forward_hook(lambda module, inputs, output: output * 0)


def on_instance(method):
    method.translate = types.MethodType(lambda self, x, codes: (x, None), method)


@pytest.mark.parametrize(
    "change",
    [
        zero,
        hook,
        on_instance,
        lambda method: setattr(method, "leak", 0.5),
        lambda method: setattr(method, "card", {"emotion_units": {"happy": [1.0] * 17}}),
        lambda method: setattr(method, "_private", np.ones(2)),
        lambda method: setattr(method, "config", toys.ToyConfig(16)),
        lambda method: method.register_buffer("scale", torch.ones(1)),
        lambda method: method.register_buffer("scale", torch.ones(1), persistent=False),
        lambda method: method.add_module("more", nn.Linear(1, 1)),
        lambda method: setattr(method, "__class__", Plane),
    ],
)
def test_whatever_changes_an_edit_changes_the_state(change):
    method = Painter(leak=0.25)
    before = hashed(method)
    assert hashed(method) == before
    change(method)
    assert hashed(method) != before


def test_what_changes_no_edit_changes_nothing():
    method = Painter(leak=0.25)
    before = identity(method)
    method.licence, method.fingerprint, method.title = "MIT", "f" * 64, "mine (Painter)"
    method.train()
    method.requires_grad_(False)
    method.edit(torch.rand(2, 3, 8, 8), method.codes(torch.tensor([0, 1])))
    assert identity(method) == before == identity(Painter(leak=0.25))


def test_code_that_no_file_tells_of_counts(monkeypatch):
    before = hashed(Painter())
    with monkeypatch.context() as patched:
        patched.setattr(Painter, "translate", lambda self, x, codes: (x, None))
        assert hashed(Painter()) != before
    with monkeypatch.context() as patched:
        patched.setattr(
            toys, "level", lambda emotion: emotion * 0
        )  # a function that translate uses
        assert hashed(Painter()) != before
    with monkeypatch.context() as patched:
        patched.setattr(toys, "K", 6)
        assert hashed(Painter()) != before
    assert hashed(Painter()) == before


def test_a_function_is_what_it_does_and_what_it_encloses():
    def make(gain, shift=1):
        return lambda x, offset=shift: gain * x + offset

    assert hashed(make(2)) == hashed(make(2)) != hashed(make(3))
    assert hashed(make(2, 1)) != hashed(make(2, 2))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 1.0), ("1", 1), ([1, 2], (1, 2)), ({"a": 1}, {"a": 2}), ({1}, {2}), (True, 1),
        (np.zeros(2), np.zeros(3)), (np.zeros(2), np.zeros(2, np.float32)),
        (torch.zeros(2), torch.zeros(2, dtype=torch.int64)), (torch.zeros(2), torch.zeros(1, 2)),
        (np.array([[1], [2, 3]], dtype=object), np.array([[1], [2, 4]], dtype=object)),
        (torch.Generator().manual_seed(1), torch.Generator().manual_seed(2)),
    ],
)  # fmt: skip
def test_values_are_told_apart(a, b):
    assert hashed(a) != hashed(b)
    assert hashed(a) == hashed(a)


def test_order_of_keys_and_cycles_do_not_matter():
    assert hashed({"a": 1, "b": 2}) == hashed({"b": 2, "a": 1})
    loop = [1]
    loop.append(loop)
    assert hashed(loop) == hashed(loop)


def test_a_judge_in_training_is_another():
    class Judge(Reader):
        pass

    judge = Judge()
    judge.network = nn.Dropout()
    before = hashed(judge)
    judge.network.eval()
    assert hashed(judge) != before


def test_what_cannot_be_told_is_never_the_same_twice():
    class Handle:
        __slots__ = ()

        def __reduce_ex__(self, protocol):
            raise TypeError("a handle of a library")

    method = Painter()
    method.handle = Handle()
    assert opaque(method) == [f"{Handle.__module__}.{Handle.__qualname__}"]
    assert hashed(method) != hashed(method)
    method.handle = threading.Lock()
    assert not opaque(method)
    assert hashed(method) == hashed(method)


def test_patterns_and_what_lies_behind_names_are_no_riddle(monkeypatch):
    import re

    assert hashed(re.compile("a")) == hashed(re.compile("a")) != hashed(re.compile("b"))
    monkeypatch.setattr(toys, "K", [iter(())], raising=True)  # a name that the method's code uses
    assert opaque(Painter()) == []


def test_an_object_may_speak_for_itself():
    class Session:
        def __init__(self, file):
            self.file, self.handle = file, object()

        def fingerprint_state(self):
            return self.file

    assert hashed(Session("a")) == hashed(Session("a")) != hashed(Session("b"))


SHIPPED = """[
    identity(ganbench.load_method("gaussian", device="cpu")),
    identity(ganbench.load_method("stargan-v2", device="cpu")),
    identity(ganbench.load_judge(device="cpu")),
    identity({emotions.index, emotions.canonical, len, int}),
]"""


def test_another_process_finds_the_same():
    imports = "import ganbench; from ganbench import emotions; from ganbench.storage.state import identity"
    command = [sys.executable, "-c", f"{imports}; print({SHIPPED})"]
    environment = os.environ | {"PYTHONHASHSEED": "1"}  # another order of sets
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(eval(SHIPPED))


def test_a_judge_that_was_changed_has_a_fingerprint_of_its_own():
    for name in ("vgg", "face-api"):
        judge = ganbench.load_judge(name, device="cpu")
        shipped = judge.spec.fingerprint
        next(judge.model.parameters()).data.mul_(1.5)
        assert judge.spec.fingerprint != shipped
        assert judge.spec.emotions == emotions.EMOTIONS


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([1.0], [2.0]),
        ({"a": 1}, {"a": 2}),
        ({1}, {2}),
        (torch.zeros(2), torch.ones(2)),
        (np.zeros(2), np.ones(2)),
    ],
)
def test_what_a_class_holds_counts(before, after):
    kinds = [type("Mine", (Painter,), {"TABLE": table}) for table in (before, after)]
    first, second = (hashed(kind()) for kind in kinds)
    assert first != second
    assert hashed(kinds[0]()) == first


def test_methods_of_python_itself_count():
    def kind(value):
        return type("Mine", (), {"__getitem__": lambda self, i: value, "__doc__": str(value)})

    assert hashed(kind(1)()) == hashed(kind(1)()) != hashed(kind(2)())


NET = nn.Linear(2, 2)


class Holder:
    gain = 1.0

    def __init__(self):
        self.more = 1


OBJECT = Holder()


def uses():
    return NET, OBJECT, toys.SIZE


def test_what_stands_behind_a_name_counts(monkeypatch):
    before = hashed(uses)
    assert hashed(uses) == before
    NET.weight.data.zero_()
    second = hashed(uses)
    assert second != before
    monkeypatch.setattr(OBJECT, "more", 2)
    third = hashed(uses)
    assert third != second
    monkeypatch.setattr(toys, "SIZE", 9)  # of a module that the function names
    assert hashed(uses) != third


def test_members_of_sets_are_told_by_what_they_are():
    def one():
        return 1

    def two():
        return 2

    assert hashed({one, len}) == hashed({len, one}) != hashed({two, len})


def test_an_attribute_of_a_user_called_label_counts():
    method = Painter()
    method.label = 1.0
    before = hashed(method)
    method.label = 0.5
    assert hashed(method) != before


def test_an_object_that_fails_when_it_is_looked_at_is_no_traceback():
    class Rude:
        @property
        def __dict__(self):
            raise RuntimeError("no")

    method = Painter()
    method.rude = Rude()
    assert opaque(method)
    assert hashed(method) != hashed(method)
    deep = []
    for _ in range(20_000):
        deep = [deep]
    assert "RecursionError" in opaque(deep)[0]


def tensor_with_scale():
    tensor = nn.Parameter(torch.ones(1))
    tensor.scale = 1.0
    return tensor


class Settings(dict):
    pass


def settings():
    found = Settings(a=1)
    found.gain = 1.0
    return found


def sequence(*names):
    parts = {"a": nn.Dropout(0.1), "b": nn.Dropout(0.2)}
    return nn.Sequential(OrderedDict((name, parts[name]) for name in names))


@pytest.mark.parametrize(
    ("make", "change"),
    [
        (tensor_with_scale, lambda tensor: setattr(tensor, "scale", 0.0)),
        (settings, lambda table: setattr(table, "gain", 2.0)),
        (lambda: pd.DataFrame({"a": [1.0]}), lambda table: table.__setitem__("a", [2.0])),
        (lambda: ctypes.c_double(1), lambda number: setattr(number, "value", 2.0)),
        (
            lambda: sequence("a", "b"),
            lambda net: net._modules.update(a=net._modules.pop("a")),
        ),
        (lambda: [nn.Dropout(1.0).eval()], lambda parts: parts[0].train()),
        (
            lambda: np.ma.array([1.0, 2.0], mask=[0, 0]),
            lambda array: array.mask.__setitem__(0, True),
        ),
    ],
)
def test_what_a_method_may_hold_in_odd_places_counts(make, change):
    method = Painter()
    method.held = make()
    before = hashed(method)
    assert hashed(method) == before
    change(method.held)
    assert hashed(method) != before


def test_a_bound_function_is_what_it_is_bound_to():
    assert hashed(torch.ones(1).mul) == hashed(torch.ones(1).mul) != hashed(torch.zeros(1).mul)


def test_the_order_of_modules_counts():
    assert hashed(sequence("a", "b")) == hashed(sequence("a", "b")) != hashed(sequence("b", "a"))


def test_quantised_tensors_and_generators_are_not_told():
    for value in (
        torch.quantize_per_tensor(torch.ones(1), 0.01, 0, torch.qint8),
        iter(x for x in "a"),
    ):
        method = Painter()
        method.held = value
        assert opaque(method)
