"""The paper's claims: verdicts from intervals, what is missing, the page, and the command."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ganbench.emotions import EMOTIONS
from ganbench.gate import load
from ganbench.records import Record
from ganbench.report.claims import Claim, Finding, paper_claims, to_markdown
from ganbench.scoring.probes import OF_EMOTIONS, circle_variant

REFERENCE = Path(__file__).parents[2] / "reports/reference"


@pytest.fixture(scope="module")
def reference():
    return load(str(REFERENCE)).results


def changed(results, **values):
    """The results with other numbers: (method, metric, emotion, variant) -> (value, low, high)."""
    replaced = values["numbers"]
    records = [
        record
        for record in results.records
        if (record.method, record.metric, record.emotion, record.variant) not in replaced
    ]
    for (method, metric, emotion, variant), (value, low, high) in replaced.items():
        records.append(
            Record(method, metric, emotion, value, 140, "u", "higher", variant, low=low, high=high)
        )
    return dataclasses.replace(results, records=records)


def claim(results, start: str) -> Claim:
    return next(claim for claim in paper_claims(results) if claim.text.startswith(start))


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        ([(0.1, 1)], "holds"),
        ([(0.1, 1), (-0.5, 0.5)], "undecided"),
        ([(0.1, 1), (-0.5, 0.5), (-2, -1)], "does not hold"),
        ([(0.1, 1), (None, None)], "not measured"),
        ([(None, None), (-2, -1)], "does not hold"),
        ([(0, 1)], "undecided"),
        ([], "not measured"),
    ],
)
def test_a_verdict(ends, verdict):
    findings = [
        Finding("x", None if low is None else (low + high) / 2, low, high) for low, high in ends
    ]
    assert Claim("c", tuple(findings)).verdict == verdict


def test_cells_above_real(reference):
    start = "Generated faces are judged more clearly"
    names = [*reference.methods, "real"]
    good = {(n, "accuracy", e, ""): (90.0, 85.0, 95.0) for n in names for e in EMOTIONS}
    bad = good | {("real", "accuracy", e, ""): (60.0, 50.0, 70.0) for e in EMOTIONS}
    assert claim(changed(reference, numbers=bad), start).verdict == "holds"
    assert claim(changed(reference, numbers=good), start).verdict == "undecided"
    one = bad | {("smit", "accuracy", "angry", ""): (20.0, 10.0, 30.0)}
    found = claim(changed(reference, numbers=one), start)
    assert found.verdict == "does not hold"
    (finding,) = [f for f in found.findings if f.verdict == "does not hold"]
    assert finding.text == "accuracy of the worst method, SMIT, minus real, angry"
    assert (finding.value, finding.low) == (-40, pytest.approx(-40 - 200**0.5))


def test_paired_differences_count_in_either_direction(reference):
    found = claim(reference, "GGANmut has the best Accuracy")
    assert len(found.findings) == 5
    for finding in found.findings:
        a = reference.find("gaussian", "accuracy").value
        title = finding.text.removeprefix(
            "GGANmut's Accuracy is better than that of "
        ).removesuffix(" by")
        other = next(n for n, m in reference.methods.items() if m["title"] == title)
        b = reference.find(other, "accuracy").value
        assert finding.value == pytest.approx(a - b)
        assert finding.low < finding.value < finding.high
    worst = claim(reference, "GGANmut has the worst FED")
    values = [reference.find(n, "fed").value for n in reference.methods if n != "gaussian"]
    own = reference.find("gaussian", "fed").value
    assert sorted(f.value for f in worst.findings) == pytest.approx(sorted(own - v for v in values))


def test_numbers_that_an_evaluation_lacks_are_named(reference):
    found = claim(reference, "StarGAN-v2's random styles")
    assert (found.verdict, found.needs) == ("not measured", "--metrics default,diversity")
    page = to_markdown(reference, paper_claims(reference), "ganbench claims X")
    assert "It needs `ganbench eval --metrics default,diversity`." in page
    assert "Data: 140 images of faces, split test, 64 px." in page


def test_styles_intensities_and_circles(reference):
    numbers = {
        ("stargan-v2", "diversity", None, OF_EMOTIONS): (0.1, 0.05, 0.15),
        ("stargan-v2", "diversity", None, ""): (3.0, 2.5, 3.5),
        ("smit", "diversity", None, ""): (5.0, 4.5, 5.5),
        ("linear", "intensity", None, ""): (0.8, 0.7, 0.9),
        ("linear", "smoothness", None, circle_variant(0.4)): (0.3, 0.2, 0.4),
        ("linear", "smoothness", None, circle_variant(1.0)): (0.9, 0.85, 0.95),
    }
    results = changed(reference, numbers=numbers)
    claims = paper_claims(results)
    for start in ("StarGAN-v2's random", "SMIT's random", "At low rho GANmut's"):
        assert {c.verdict for c in claims if c.text.startswith(start)} == {"holds"}
    numbers["stargan-v2", "diversity", None, OF_EMOTIONS] = (0.4, 0.3, 0.5)
    numbers["linear", "smoothness", None, circle_variant(1.0)] = (0.35, 0.2, 0.5)
    results = changed(reference, numbers=numbers)
    assert claim(results, "StarGAN-v2's random").verdict == "does not hold"
    assert claim(results, "At low rho GANmut's expressions change").verdict == "undecided"


def test_the_command(call, tmp_path):
    code, out, _ = call("claims", str(REFERENCE))
    assert code == 0
    assert out.startswith("# The paper's claims, tested")
    assert call("claims", str(REFERENCE), "--out", str(tmp_path / "claims.md"))[:2] == (0, "")
    assert (tmp_path / "claims.md").read_text().count("## ") == len(
        paper_claims(load(str(REFERENCE)).results)
    )
    code, _, error = call("claims", str(tmp_path / "none"))
    assert code == 2
    assert len(error.strip().splitlines()) == 1
