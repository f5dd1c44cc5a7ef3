"""The claims of the GANmut paper, tested by the numbers of an evaluation.

Each claim is a statement about differences. A difference with a 95 % interval above 0 supports its statement, one
below 0 speaks against it, and one around 0 decides nothing. A claim holds if all of its differences support it, and
does not hold if one speaks against it. Intervals of paired differences are those of the records; other differences
get the interval of two independent values, which is too wide where both come from the same images.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ganbench.emotions import EMOTIONS
from ganbench.metrics import METRICS
from ganbench.records import JUDGE, MINUS, Record, Results, group_variant
from ganbench.report.naming import in_order, title_of
from ganbench.scoring import REAL
from ganbench.scoring.probes import OF_EMOTIONS, RADII, circle_variant
from ganbench.text import markdown, markdown_table, plural

Verdict = Literal["holds", "does not hold", "undecided", "not measured"]

# Methods with attention masks, by registered name.
ATTENTION = ("ganimation", "smit")

# Styles hardly change the expression if they differ by less than this part of what emotions differ by.
HARDLY = 0.25


@dataclass(frozen=True)
class Finding:
    """A number that supports a claim if it is above 0.

    Attributes:
        text: what it is, in words.
        value: the number, or None if the evaluation lacks it.
        low, high: ends of its 95 % interval, or None if it has none.
        digits: digits after the point.
        unit: printed after the number.
    """

    text: str
    value: float | None
    low: float | None = None
    high: float | None = None
    digits: int = 1
    unit: str = ""

    @property
    def verdict(self) -> Verdict:
        """What the interval says."""
        if self.value is None or self.low is None or self.high is None:
            return "not measured"
        if self.low > 0:
            return "holds"
        return "does not hold" if self.high < 0 else "undecided"


@dataclass(frozen=True)
class Claim:
    """A claim of the paper.

    Attributes:
        text: the claim in words.
        findings: the numbers that decide.
        needs: what ``ganbench eval`` must be given for numbers that are missing.
    """

    text: str
    findings: tuple[Finding, ...]
    needs: str = ""

    @property
    def verdict(self) -> Verdict:
        """One finding against a claim refutes it; all must support it, and none may be missing."""
        verdicts = {finding.verdict for finding in self.findings}
        for decisive in ("does not hold", "not measured", "undecided"):
            if decisive in verdicts:
                return decisive
        return "holds" if verdicts else "not measured"


def paper_claims(results: Results) -> list[Claim]:
    """The claims of the paper and its supplement that an evaluation on the embedded faces can decide."""
    return [
        _clearer_than_real(results),
        *_best_and_worst(results),
        _whole_space(results),
        *_styles(results),
        _attention(results),
        *_intensity(results),
    ]


def _label(results: Results, method: str) -> str | None:
    """The label of the first row whose method has a registered name."""
    return next(
        (name for name in in_order(results) if results.methods[name]["method"] == method), None
    )


def _apart(
    text: str, more: Record | None, less: Record | None, digits: int, unit: str = ""
) -> Finding:
    """The difference of two records as if they were independent."""
    ends = [
        getattr(r, key) if r else None for r in (more, less) for key in ("value", "low", "high")
    ]
    if more is None or less is None or more.value is None or less.value is None:
        return Finding(text, None, digits=digits, unit=unit)
    value = more.value - less.value
    if None in ends:
        return Finding(text, value, digits=digits, unit=unit)
    a, a_low, a_high, b, b_low, b_high = (float(end) for end in ends if end is not None)
    low = value - math.hypot(a - a_low, b_high - b)
    high = value + math.hypot(a_high - a, b - b_low)
    return Finding(text, value, low, high, digits, unit)


def _paired(results: Results, metric: str, ours: str, other: str, text: str) -> Finding:
    """By how much one method is better than another, from the paired difference that either has."""
    spec = METRICS[metric]
    unit = "%" if spec.unit == "%" else ""
    better = 1 if spec.direction == "higher" else -1
    for first, second, sign in ((ours, other, better), (other, ours, -better)):
        record = results.find(first, metric, variant=MINUS + second)
        if (
            record
            and record.value is not None
            and record.low is not None
            and record.high is not None
        ):
            low, high = sorted((sign * record.low, sign * record.high))
            return Finding(text, sign * record.value, low, high, spec.digits, unit)
    return Finding(text, None, digits=spec.digits, unit=unit)


def _clearer_than_real(results: Results) -> Claim:
    """Generated faces are judged more clearly than real ones, in every cell of Table 1."""
    findings = []
    names = in_order(results)
    for emotion in EMOTIONS:
        real = results.find(REAL, "accuracy", emotion)
        cells = [results.find(name, "accuracy", emotion) for name in names]
        known = [cell for cell in cells if cell and cell.value is not None]
        if known:
            worst = min(known, key=lambda cell: cell.value or 0.0)
            title = title_of(results, worst.method)
            text = f"accuracy of the worst method, {title}, minus real, {emotion}"
            findings.append(_apart(text, worst, real, 1, "%"))
    for judge in sorted({record.judge for record in results.records if record.judge}):
        pair = [results.find(name, "accuracy", variant=JUDGE + judge) for name in (*names, REAL)]
        known = [record for record in pair[:-1] if record and record.value is not None]
        if known:
            worst = min(known, key=lambda record: record.value or 0.0)
            text = f"accuracy by {judge} of the worst method, {title_of(results, worst.method)}, minus real"
            findings.append(_apart(text, worst, pair[-1], 1, "%"))
    return Claim(
        "Generated faces are judged more clearly than real ones: every cell of Table 1 is above Real",
        tuple(findings),
    )


def _best_and_worst(results: Results) -> Iterable[Claim]:
    """GGANmut has the best accuracy and ERE, and the worst FED."""
    ours = _label(results, "gaussian")
    others = [name for name in in_order(results) if name != ours]
    for metric, best in (("accuracy", True), ("ere", True), ("fed", False)):
        title = METRICS[metric].title
        findings = []
        for other in others if ours else ():
            text = f"GGANmut's {title} is better than that of {title_of(results, other)} by"
            if not best:
                text = text.replace("better", "worse")
            pair = (ours, other) if best else (other, ours)
            assert ours is not None
            findings.append(_paired(results, metric, str(pair[0]), str(pair[1]), text))
        yield Claim(f"GGANmut has the {'best' if best else 'worst'} {title}", tuple(findings))


def _whole_space(results: Results) -> Claim:
    """Codes from all of Z raise FED."""
    findings = []
    for name in in_order(results):
        anywhere = results.find(name, "fed", variant="uniform")
        if anywhere is None:
            continue
        # Both on the images that the uniform codes are used for, if the records have such a pair.
        near = results.find(name, "fed", variant="noisy") or results.find(name, "fed")
        text = f"{title_of(results, name)}: FED of codes from all of Z minus that around the emotions' codes"
        if near and near.n != anywhere.n:
            text += f" (of {near.n:,} and {plural(anywhere.n, 'edit')})"
        findings.append(_apart(text, anywhere, near, METRICS["fed"].digits))
    return Claim("Codes from all of the conditional space raise FED", tuple(findings))


def _styles(results: Results) -> Iterable[Claim]:
    """StarGAN-v2's random styles hardly change the expression; SMIT's do more."""
    needs, spec = "--metrics default,diversity", METRICS["diversity"]
    labels = {name: _label(results, name) for name in ("smit", "stargan-v2")}
    relative, absolute = (
        {
            name: results.find(label, "diversity", variant=variant) if label else None
            for name, label in labels.items()
        }
        for variant in (OF_EMOTIONS, "")
    )
    text = (
        f"{HARDLY:g} minus the distance of StarGAN-v2's styles, in distances between its emotions"
    )
    yield Claim(
        "StarGAN-v2's random styles hardly change the expression: they differ by less than a quarter of what its "
        "emotions differ by (the quarter is ours)",
        (_below(text, HARDLY, relative["stargan-v2"]),),
        needs,
    )
    found = _apart(
        "SMIT's diversity minus StarGAN-v2's", absolute["smit"], absolute["stargan-v2"], spec.digits
    )
    yield Claim(
        "SMIT's random styles change the expression more than StarGAN-v2's", (found,), needs
    )


def _below(text: str, limit: float, record: Record | None, digits: int = 2) -> Finding:
    """A limit minus a number."""
    if record is None or record.value is None or record.low is None or record.high is None:
        return Finding(text, None, digits=digits)
    return Finding(text, limit - record.value, limit - record.high, limit - record.low, digits)


def _attention(results: Results) -> Claim:
    """Attention leaves artefacts on faces that are not frontal."""
    findings = []
    for label in in_order(results):
        if results.methods[label]["method"] not in ATTENTION:
            continue
        turned, frontal = (
            results.find(label, "gt_error", variant=group_variant("pose", group))
            for group in ("turned", "frontal")
        )
        text = f"{title_of(results, label)}: ground-truth error of turned faces minus that of frontal ones"
        findings.append(_apart(text, turned, frontal, METRICS["gt_error"].digits))
    return Claim(
        "Methods with attention leave artefacts on faces that are not frontal", tuple(findings)
    )


def _intensity(results: Results) -> Iterable[Claim]:
    """At low rho expressions are vague and change smoothly; at rho = 1 they are intense and may change sharply."""
    label = _label(results, "linear")
    rising = results.find(label, "intensity") if label else None
    text = "GANmut: rank correlation of rho and the judge's probability"
    known = rising is not None and rising.value is not None
    found = (
        Finding(text, rising.value, rising.low, rising.high, METRICS["intensity"].digits)
        if rising is not None and known
        else Finding(text, None)
    )
    yield Claim(
        "At low rho GANmut's expressions are vague, at rho = 1 intense",
        (found,),
        "--metrics default,intensity",
    )
    inner, outer = (
        results.find(label, "smoothness", variant=circle_variant(radius)) if label else None
        for radius in RADII
    )
    text = "GANmut: largest step of the judge's softmax around the circle of rho = 1 minus that of rho = 0.4"
    yield Claim(
        "At low rho GANmut's expressions change smoothly, at rho = 1 more sharply",
        (_apart(text, outer, inner, 3),),
        "--metrics default,smoothness",
    )


def to_markdown(results: Results, claims: Sequence[Claim], command: str) -> str:
    """A page with a section for each claim: its verdict, and a table of the numbers that decide."""
    data, judge = results.protocol["data"], results.protocol["judge"]
    lines = [
        "# The paper's claims, tested",
        "",
        f"Data: {plural(data['images'], 'image')} of {markdown(data['name'])}, split {markdown(data['split'])}, "
        f"{data['size']} px. Judge: {markdown(judge['title'])}. "
        f"Protocol: {markdown(results.protocol_name or results.protocol_hash[:12])}.",
        "",
        "A claim holds if the 95 % interval of each of its numbers lies above 0. It does not hold if one lies below 0. "
        "Otherwise it is undecided. The numbers are about these checkpoints and faces, not about the authors' models on "
        "AffectNet.",
        "",
        f"Made by `{markdown(command)}`.",
        "",
        markdown_table(
            ("Claim", "Verdict"),
            [(markdown(claim.text), f"**{claim.verdict}**") for claim in claims],
        ),
    ]
    for number, claim in enumerate(claims, 1):
        lines += ["", f"## {number}. {markdown(claim.text)}: {claim.verdict}", ""]
        if claim.verdict == "not measured" and claim.needs:
            lines += [f"It needs `ganbench eval {claim.needs}`.", ""]
        rows = [
            (markdown(finding.text), _number(finding), _interval(finding), finding.verdict)
            for finding in claim.findings
        ]
        if rows:
            lines.append(markdown_table(("Number", "Value", "95 % interval", ""), rows, (1, 2)))
        else:
            lines.append("The evaluation has none of the methods that it is about.")
    return "\n".join(lines) + "\n"


def _number(finding: Finding) -> str:
    if finding.value is None:
        return ""
    unit = f" {finding.unit}" if finding.unit else ""
    return f"{finding.value:+.{finding.digits}f}{unit}"


def _interval(finding: Finding) -> str:
    if finding.low is None or finding.high is None:
        return ""
    return f"{finding.low:+.{finding.digits}f} to {finding.high:+.{finding.digits}f}"
