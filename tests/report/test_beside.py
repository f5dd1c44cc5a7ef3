"""The process that draws beside another one."""

import os
import signal
import sys

import numpy as np
import pytest
from PIL import Image

from ganbench.report import beside as module
from ganbench.report.beside import Here, beside
from ganbench.report.pictures import Picture

forks = pytest.mark.skipif(sys.platform != "linux", reason="another process is used on Linux only")


def drawn(name):
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    image = Image.fromarray(pixels)
    image.info["dpi"] = (72, 72)
    return [Picture.of(name, image, f"drawn by {os.getpid()}")]


def killed(parent):
    if os.getpid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    return "drawn here"


def wrong():
    raise ValueError("no figure")


@forks
def test_pictures_of_the_other_process_are_those_of_this_one(monkeypatch):
    monkeypatch.setattr(module, "cores", lambda: 2)
    (here,) = drawn("a.png")  # this process has threads that encode, the other one needs its own
    with beside() as draw:
        (there,) = draw(drawn, "a.png")()
    assert (there.name, there.size, there.png, there.uri) == (
        "a.png",
        here.size,
        here.png,
        here.uri,
    )
    assert there.caption != here.caption


@forks
def test_what_a_killed_process_should_have_drawn_is_drawn_here(monkeypatch):
    monkeypatch.setattr(module, "cores", lambda: 2)
    with beside() as draw:
        first, second = draw(killed, os.getpid()), draw(killed, os.getpid())
        assert (first(), second(), draw(killed, os.getpid())()) == ("drawn here",) * 3


@pytest.mark.parametrize("count", [1, 2])
def test_errors_arrive(monkeypatch, count):
    monkeypatch.setattr(module, "cores", lambda: count)
    with beside() as draw:
        result = draw(wrong)
        with pytest.raises(ValueError, match="no figure"):
            result()


def test_one_core_draws_in_one_process(monkeypatch):
    monkeypatch.setattr(module, "cores", lambda: 1)
    with beside() as draw:
        (picture,) = draw(drawn, "a.png")()
    assert type(draw) is Here
    assert picture.caption == f"drawn by {os.getpid()}"
