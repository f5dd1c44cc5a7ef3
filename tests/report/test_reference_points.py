"""Which metrics the points of reference win, and that the page and docs/literature.md say so."""

from dataclasses import replace
from pathlib import Path

from sample import results

from ganbench.metrics import METRICS
from ganbench.records import REFERENCE
from ganbench.report.references import told, won
from ganbench.scoring import TRUTH, record
from ganbench.submission.rows import frozen_run

LITERATURE = Path(__file__).parents[2] / "docs/literature.md"


def with_points():
    """SMIT does not compete; the true edits have two numbers."""
    made = results()
    methods = {**made.methods, "smit": {**made.methods["smit"], REFERENCE: True}}
    truth = [record(METRICS[name], TRUTH, value, n) for name, value, n in (("fed", 99.0, 4900), ("ere", 0.1, 4900), ("background", 0.0, 4200))]  # fmt: skip
    return replace(made, methods=methods, records=(*made.records, *truth))


def test_a_point_wins_where_it_is_better_than_every_method():
    found = {point: [spec.name for spec in specs] for point, specs in won(with_points()).items()}
    # FED of StarGAN is 0.0001 lower; the gain is only reported; ERE of both methods is 0.5 and 0.75.
    assert found["smit"] == ["ere", "background", "gt_error", "kid"]
    # Backgrounds of other numbers of edits are not compared.
    assert found[TRUTH] == ["ere"]
    sentences = told(with_points())
    assert sentences[0].startswith("SMIT: better than every method in ERE, Background, Ground")
    assert sentences[1] == "True edits: better than every method in ERE."


def test_methods_alone_have_no_points():
    assert won(results()) == {}


def test_the_page_of_the_literature_says_what_the_frozen_rows_say():
    page = LITERATURE.read_text(encoding="utf-8")
    sentences = told(frozen_run("faces64-v1").results)
    assert len(sentences) == 3
    for sentence in sentences:
        assert f"- {sentence}" in page


def test_every_metric_has_a_name_in_the_literature():
    page = LITERATURE.read_text(encoding="utf-8")
    spoken = {"precision": "prdc", "recall": "prdc", "density": "prdc", "coverage": "prdc"}
    missing = [name for name in METRICS if f"`{spoken.get(name, name)}`" not in page]
    assert missing == []
