"""By how much scores of files differ from scores in memory, for a shipped method and both shipped judges."""

import numpy as np
import pytest
import torch
from edits_in_files import write_edits

import ganbench
from ganbench.evaluation.run import evaluate, load_all
from ganbench.judges import load_judge
from ganbench.storage.store import Store
from ganbench.submission.opened import Opened

# Twice what was measured for 14 faces, over all emotions, regions and judges; docs/scoring.md has the numbers.
MOST = {
    "fed": 0.02,
    "ere": 0.0065,
    "background": 0.0002,
    "gt_error": 0.1,
    "gain": 0.0075,
    "input_similarity": 1e-6,
    "identity": 1e-6,
    "landmarks": 1e-6,
    "found": 1e-6,
}


@pytest.mark.slow
def test_a_shipped_method_scores_the_same_from_files(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    data = ganbench.load_dataset("faces", "test", test=14)
    methods = load_all(["stargan-v2"], torch.device("cpu"))
    judge, other = (load_judge(name, device="cpu") for name in ("vgg", "face-api"))
    write_edits(methods["stargan-v2"], data, tmp_path / "edits")
    store = Store(tmp_path / "store")
    memory = evaluate(methods, data, judge, others=(other,), store=store, device="cpu")
    opened = Opened("folder", data, judge, (other,))
    files = ganbench.score(tmp_path / "edits", opened, name="Files", store=store)
    compared = set()
    for record in memory.results.records:
        if record.method == "stargan-v2" and record.metric in MOST and record.group is None:
            found = files.results.find("files", record.metric, record.emotion, record.variant)
            if found is not None and None not in (record.value, found.value):
                assert found.value == pytest.approx(record.value, rel=0, abs=MOST[record.metric])
                compared.add(record.metric)
    assert compared == MOST.keys()
    judged = memory.predictions["stargan-v2"], files.predictions["files"]
    assert np.count_nonzero(judged[0] != judged[1]) <= 2  # of 98 verdicts; 1 was measured
