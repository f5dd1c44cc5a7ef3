"""Files of users are opened and parsed within limits, or refused with the reason."""

import io
import json
import os
import socket
import struct
import time
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganbench import config, parsing
from ganbench.errors import BadInput, unknown
from ganbench.gate.tolerance import tolerances
from ganbench.parsing import Refused
from ganbench.records import Results
from ganbench.training.folder import read_card, read_log

NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
TREES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(TREES)
def test_what_json_writes_is_read_back(tree):
    assert parsing.parse_json(json.dumps(tree)) == tree
    assert parsing.parse_json(json.dumps(tree, ensure_ascii=False, indent=1)) == tree


@given(st.integers(0, 40), st.sampled_from(["[", '{"a":']), st.text('"\\[]{} a', max_size=9))
def test_the_depth_of_json_is_counted_outside_of_strings(depth, opening, noise):
    closing = "]" if opening == "[" else "}"
    text = opening * depth + json.dumps(noise) + closing * depth
    if depth > parsing.DEPTH:
        with pytest.raises(Refused, match="nested"):
            parsing.parse_json(text)
    else:
        assert noise in text or parsing.parse_json(text) is not None


HOSTILE_JSON = {
    "deep": "[" * 100_000 + "]" * 100_000,
    "deep tables": '{"a":' * 50_000 + "1" + "}" * 50_000,
    "unclosed": "[" * 100_000,
    "digits": f'{{"n": {"9" * 50_000}}}',
    "fraction": f'{{"n": 0.{"9" * 50_000}}}',
    "large": '{"n": 9223372036854775808}',
    "infinite": '{"n": 1e999}',
    "NaN": '{"n": NaN}',
    "Infinity": '{"n": -Infinity}',
    "twice": '{"n": 1, "n": 2}',
    "many": "[" + "1," * 6_100_000 + "1]",
    "torn": '{"n": ',
    "empty": "",
}


@pytest.mark.parametrize("text", HOSTILE_JSON.values(), ids=HOSTILE_JSON)
def test_json_that_is_refused(text):
    began = time.monotonic()
    with pytest.raises(Refused) as error:
        parsing.parse_json(text)
    assert len(str(error.value)) < 300
    assert time.monotonic() - began < 5


HOSTILE_TOML = {
    "deep": "a = " + "[" * 3000 + "]" * 3000,
    "deep tables": "a = " + "{a = " * 1000 + "1" + "}" * 1000,
    "dotted": "a" + ".a" * 3_000 + " = 1",
    "dotted header": "[" + "a." * 100 + "a]",
    "long": f"a = '{'x' * 9000}'",
    "digits": f"a = {'9' * 5_000}",
    "hexadecimal": f"a = 0x{'f' * 5_000}",
    "large": "a = 9223372036854775808",
    "many": "a = 1\n" * 60_000,
    "twice": "a = 1\na = 2",
    "NUL": "a = '\x00'",
}


@pytest.mark.parametrize("text", HOSTILE_TOML.values(), ids=HOSTILE_TOML)
def test_toml_that_is_refused(text, tmp_path):
    with pytest.raises(Refused):
        parsing.parse_toml(text)
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"a\.toml"):
        config.read_toml(path)
    with pytest.raises(BadInput, match=r"a\.toml"):
        tolerances(["fed"], path)


@pytest.fixture
def places(tmp_path):
    """Paths that are no regular files, by a word of the message; reading must not wait for any of them."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    server = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(tmp_path)  # the names of sockets are short
    server.bind("socket")
    os.chdir(here)
    (tmp_path / "loop").symlink_to("loop")
    yield {
        "pipe": tmp_path / "pipe",
        "folder": tmp_path / "folder",
        "socket": tmp_path / "socket",
        "device": "/dev/zero",
        "symbolic links": tmp_path / "loop",
        "too long": tmp_path / ("x" * 300),
        "null": f"{tmp_path}/a\0b",
        "No such": tmp_path / "missing",
        "Not a directory": tmp_path / "pipe" / "below",
    }
    server.close()


def test_only_regular_files_are_opened(places):
    readers = (
        parsing.read_bytes,
        parsing.read_json,
        parsing.read_npz,
        Results.load,
        config.read_toml,
    )
    for what, place in places.items():
        assert not parsing.is_file(place)
        assert parsing.is_folder(place) == (what == "folder")
        for read in readers:
            if (read, what) != (Results.load, "folder") and (read, what) != (
                config.read_toml,
                "null",
            ):
                with pytest.raises(BadInput, match=what):
                    read(place)


def test_files_are_read_up_to_a_limit(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(b"x" * 2000)
    assert len(parsing.read_bytes(path, 2000)) == 2000
    with pytest.raises(Refused, match="more than 1 kB"):
        parsing.read_bytes(path, 1000)
    path.write_bytes("ä".encode("latin-1"))
    with pytest.raises(Refused, match="UTF-8"):
        parsing.read_text(path)
    path.write_bytes(b"\xef\xbb\xbfa")
    assert parsing.read_text(path) == "a"


@given(st.binary(max_size=200), st.integers(0, 150), st.integers(0, 255))
def test_arrays_come_back_or_are_refused(tail, place, value):
    file = io.BytesIO()
    np.save(file, np.arange(6.0).reshape(2, 3))
    whole = file.getvalue()
    assert parsing.parse_npy(whole).tolist() == [[0, 1, 2], [3, 4, 5]]
    for data in (whole[:place] + bytes([value]) + whole[place + 1 :], whole[:place], tail):
        try:
            found = parsing.parse_npy(data)
        except Refused:
            continue
        assert found.nbytes <= len(data)


def npy(header: str) -> bytes:
    text = header.encode("latin-1") + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (10**15,), }"), "no npy"),
        (
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"),
            "takes 8 TB",
        ),
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }"), "shape"),
        (npy("{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000000,), }"), "no size"),
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (), }"), "objects"),
        (npy("(" * 5000), "no npy"),
        (npy("{'descr': [('a'," * 2000), "no npy"),
    ],
)
def test_headers_of_arrays_that_lie(data, reason):
    with pytest.raises(Refused, match=reason):
        parsing.parse_npy(data)


def test_archives_that_unpack_to_too_much(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for i in range(3):
            file.writestr(f"{i}.npy", bytes(1 << 20))
    with pytest.raises(Refused, match="unpacks to 3"):
        parsing.read_npz(path, 2 << 20)
    with path.open("rb") as file, pytest.raises(Refused, match="would unpack"):
        parsing.check_zip(file, 1 << 20)
    np.savez_compressed(path, a=np.arange(3), b=np.zeros((2, 2), np.int8))
    assert {name: a.tolist() for name, a in parsing.read_npz(path).items()} == {
        "a": [0, 1, 2],
        "b": [[0, 0], [0, 0]],
    }


@pytest.mark.parametrize("name", ["width", "blocks", "image_size", "critic_layers"])
@pytest.mark.parametrize("value", [10**9, 10**25, -1, 1e9])
def test_absurd_sizes_are_refused_by_name(tiny_method, name, value):
    cls = tiny_method("stargan").Config
    with pytest.raises(BadInput, match=name):
        config.build(cls, {"image_size": 16, name: value}, "network")


@pytest.mark.parametrize(
    "value", ["1e-4", "nan", "inf", "1e300", "true", "[1]", "{a = 1}", "1979-05-27"]
)
def test_rates_are_finite_numbers(value):
    from ganbench.training.recipe import Recipe

    table = config.parse_assignments([f"learning_rate={value}"])
    if value == "1e-4":
        assert config.build(Recipe, table, "recipe").learning_rate == 1e-4
    else:
        with pytest.raises(BadInput, match="learning_rate"):
            config.build(Recipe, table, "recipe")


def test_a_batch_that_no_machine_holds_is_refused():
    from ganbench.training.recipe import Recipe

    with pytest.raises(BadInput, match="batch_size must be at most 65,536"):
        config.build(Recipe, {"batch_size": 10**9}, "recipe")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_a_normalisation_of_a_judge_is_finite(value):
    from ganbench.judges.onnx import OnnxInput

    with pytest.raises(BadInput, match="not a normalisation"):
        OnnxInput(("a",), std=(value, 1.0, 1.0))


def test_networks_that_no_machine_holds_are_refused_before_they_are_built(tiny_method):
    from ganbench.methods.memory import check_room, state_bytes

    method = tiny_method("stargan")
    cls, network = type(method), method.config
    held = sum(t.numel() * t.element_size() for t in method.state_dict().values())
    assert state_bytes(lambda: cls(network)) == held
    check_room(lambda: cls(network), "network")
    wide = config.build(cls.Config, {"image_size": 16, "width": 65_536, "critic_layers": 2}, "x")
    with pytest.raises(BadInput, match="no room for the network: its weights take"):
        check_room(lambda: cls(wide), "network")


def test_a_checkpoint_whose_network_would_be_far_larger_than_its_file(tiny_method, tmp_path):
    from safetensors.torch import load_file, save_file

    from ganbench.methods.loading import load_method
    from ganbench.methods.weights import read_header, save_checkpoint

    path = tmp_path / "a.safetensors"
    save_checkpoint(path, tiny_method("stargan"), "method", "stargan", {})
    header = read_header(path)
    header["config"]["width"] = 4096
    save_file(load_file(path), path, metadata={"ganbench": json.dumps(header)})
    with pytest.raises(BadInput, match="does not fit its own configuration"):
        load_method("stargan", path, device="cpu")


@pytest.mark.parametrize(
    "card",
    [
        {"seed": "x"}, {"seed": -1}, {"data": []}, {"data": {"name": 3}}, {"iteration": 2.5}, {"hours": True},
        {"network": {"emotions": "happy"}}, {"recipe": {"iterations": None}}, {"versions": {"torch": 2}},
    ],
)  # fmt: skip
def test_cards_with_facts_of_other_types_are_damaged(card, tiny_method, tmp_path):
    from ganbench.methods.weights import read_header, save_checkpoint

    path = tmp_path / "a.safetensors"
    save_checkpoint(path, tiny_method("stargan"), "method", "stargan", card)
    with pytest.raises(BadInput, match=r"damaged card in the checkpoint: .*a\.safetensors"):
        read_header(path)


def test_hostile_assignments_are_one_short_line():
    for text in (f"a={'9' * 9000}", f"a={'[' * 5000}", "a." * 5000 + "a=1", "=" * 9000, "x" * 9000):
        with pytest.raises(BadInput) as error:
            config.assign({}, config.parse_assignments([text]))
        assert len(str(error.value)) < 500


def test_unknown_names_of_any_length_are_answered_at_once():
    began = time.monotonic()
    assert len(str(unknown("method", "a" * 10**6, ["stargan"]))) < 500
    assert time.monotonic() - began < 1


def test_records_within_their_ranges(tmp_path):
    text = (
        '{"schema": 1, "protocol": {}, "seed": 0, "methods": {}, "confusion": {}, "records": [%s],'
        '"protocol_hash": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}'
    )
    record = {
        "method": "a", "metric": "b", "emotion": None, "value": 1.0, "n": 1, "unit": "",
        "direction": "lower",
    }  # fmt: skip
    assert Results.from_json(text % json.dumps(record)).records[0].value == 1
    for key, value in (
        ("value", 1e300), ("n", -1), ("n", 2**62), ("n", 1.5), ("method", 1), ("low", 2.0),
        ("value", [[1]]), ("emotion", {}),
    ):  # fmt: skip
        table = record | {key: value} | ({"high": 1.0} if key == "low" else {})
        with pytest.raises(BadInput):
            Results.from_json(text % json.dumps(table))
    for old, new in (
        ('"methods": {}', '"methods": {"a": 1}'),
        ('"methods": {}', '"methods": {"a": {"title": 3}}'),
        ('"confusion": {}', '"confusion": {"a": [[["x"]]]}'),
        ('"confusion": {}', '"confusion": {"a": {}}'),
    ):
        with pytest.raises(BadInput):
            Results.from_json(text.replace(old, new) % "")


def test_logs_and_cards_that_are_damaged(tmp_path):
    (tmp_path / "state.pt").write_bytes(b"")
    log = tmp_path / "log.jsonl"
    lines = [
        '{"iteration": 1, "loss": NaN}',
        "[" * 5000,
        '{"iteration": "x"}',
        '{"iteration": 2, "a": []}',
    ]
    log.write_text("\n".join([*lines, '{"iteration": 3, "loss": 2}', '{"iter']), encoding="utf-8")
    assert [line["iteration"] for line in read_log(tmp_path)] == [1, 3]
    log.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match=r"log\.jsonl"):
        read_log(tmp_path)
    for text in ("[]", "{", "[" * 5000, '{"a": 1e999}'):
        (tmp_path / "recipe.json").write_text(text)
        with pytest.raises(BadInput, match="damaged"):
            read_card(tmp_path)
