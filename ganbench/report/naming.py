"""The methods and metrics of a run in the order of its tables, and their titles."""

from __future__ import annotations

from ganbench import config
from ganbench.metrics import METRICS, MetricSpec
from ganbench.records import Results
from ganbench.scoring import REAL, TRUTH

# The methods of Table 1 of the GANmut paper, then StarGAN-v2, which is in the paper's figures. In tables all
# other methods follow, in the order of the command line.
ORDER: tuple[str, ...] = ("stargan", "linear", "gaussian", "ganimation", "smit", "stargan-v2")

# Titles of the rows that do not belong to a method.
REFERENCES = {REAL: "Real", TRUTH: "True edits"}


def in_order(results: Results) -> list[str]:
    """The labels of the methods, in the order of the tables.

    Methods of ``ORDER`` come first; all other methods follow in the order of the command line, and points of
    reference last. Checkpoints of one method of ``ORDER`` stand together, also in the order of the command line.
    """
    places = {name: place for place, name in enumerate(ORDER)}

    def place(label: str) -> int:
        # Results of earlier versions have no key "method"; their labels are names of methods.
        last = len(ORDER) + (label not in results.competing)
        return places.get(results.methods[label].get("method", label), last)

    return sorted(results.methods, key=place)


def specs(results: Results) -> dict[str, MetricSpec]:
    """The specification of each recorded metric, by name, in the order of the records.

    Specifications that the results hold are preferred to those of this version of ganbench.

    Raises:
        BadInput: a specification in the results is not valid.
    """
    recorded = dict.fromkeys(record.metric for record in results.records)
    given = {
        name: config.build(MetricSpec, facts, f"metric {name!r} of the results")
        for name, facts in results.metrics.items()
    }
    return {name: (given | METRICS)[name] for name in recorded if name in given or name in METRICS}


def title_of(results: Results, name: str) -> str:
    """The title of the row of a method, or of real images or true edits."""
    return REFERENCES.get(name) or str(results.methods[name]["title"])
