"""A metric of a third party: found by its entry point, recorded, and explained in tables and page."""

import importlib
import sys

import pytest
from toys import Painter, Reader, ToyPhotos

from ganbench.errors import BadInput
from ganbench.evaluation.run import evaluate
from ganbench.records import Results
from ganbench.registry import METRICS
from ganbench.report.html import render
from ganbench.report.manifest import make_manifest
from ganbench.report.tables import make_tables
from ganbench.scoring import Metric, select_metrics
from ganbench.storage.store import Store

MODULE = """
from ganbench.metrics import MetricSpec
from ganbench.scoring import Metric, record

SPEC = MetricSpec("doubt", "Doubt <new>", 3, "nats", "lower", 1, "What nobody else measures.")

class Doubt(Metric):
    specs = (SPEC,)
    def score(self, inputs):
        return [record(SPEC, inputs.method, float(len(inputs.labels)), 1, low=1.0, high=44.0, interval="by hand 95%")]

class Thief(Doubt):
    def score(self, inputs):
        from ganbench.metrics import METRICS
        return [record(METRICS["accuracy"], inputs.method, 100.0, 1)]

class Double(Doubt):
    from ganbench.metrics import METRICS
    specs = (METRICS["fed"],)
"""


@pytest.fixture
def plug_in(tmp_path, monkeypatch):
    (tmp_path / "plug_in_of_metrics.py").write_text(MODULE)
    info = tmp_path / "plug_in_of_metrics-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: plug-in-of-metrics\nVersion: 1.0\n"
    )
    entries = "\n".join(
        f"{name} = plug_in_of_metrics:{value}"
        for name, value in {
            "doubt": "Doubt",
            "thief": "Thief",
            "double": "Double",
            "no": "SPEC",
        }.items()
    )
    (info / "entry_points.txt").write_text(f"[ganbench.metrics]\n{entries}\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    yield
    sys.modules.pop("plug_in_of_metrics", None)


def test_it_is_recorded_and_shown_where_ours_are(plug_in, tmp_path):
    assert METRICS.names()[-4:] == ["double", "doubt", "no", "thief"]
    found = evaluate(
        [Painter()], ToyPhotos(14), Reader(), store=Store(tmp_path), metrics="default,doubt"
    )
    record = found.results.find("painter", "doubt")
    assert (record.value, record.unit, record.version) == (14, "nats", 3)
    # The results tell the whole story, also where the package is missing.
    sys.path.remove(str(tmp_path))
    results = Results.from_json(found.results.to_json())
    tables = make_tables(results)
    table = tables.other
    column = [c.title for c in table.columns].index("Doubt <new>")
    row = next(row for row in table.rows if row.title == "Painter")
    assert (table.value(row, column), table.sides(row, column)) == ("14.0", "+30.0 -13.0")
    manifest = make_manifest(results, found.stopwatch, [], {})
    page = render(results, tables, [], [], [], manifest)
    assert "Doubt &lt;new&gt;" in page
    assert "What nobody else measures." in page
    assert "score: doubt" in found.stopwatch.stages


def test_it_is_not_in_the_default(plug_in):
    assert "doubt" not in {metric.specs[0].name for metric in select_metrics("default")}
    with pytest.raises(BadInput, match=r"metric 'no' is .* not a subclass of .*Metric"):
        select_metrics("default,no")


def test_it_may_not_pass_for_one_of_ours(plug_in, tmp_path):
    with pytest.raises(BadInput, match="two metrics record 'fed': fed and double"):
        select_metrics("default,double")
    with pytest.raises(BadInput, match="Thief returned a record of painter accuracy"):
        evaluate([Painter()], ToyPhotos(14), Reader(), store=Store(tmp_path), metrics="thief")


def test_the_word_of_earlier_versions_is_no_attribute_that_nobody_reads():
    with pytest.raises(BadInput, match=r"'makers', the word of earlier versions; .* 'sources'"):
        type("Old", (Metric,), {"makers": ("real", "method")})
