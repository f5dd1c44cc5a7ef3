"""The commit of a checkout, as cards and results tell it."""

import subprocess

from ganbench import provenance


def test_a_checkout_is_described_and_an_installation_in_one_is_not(tmp_path):
    def git(*words):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        done = subprocess.run(
            ["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    assert provenance.git(package) is None
    git("init", "-q")
    assert provenance.git(package) is None
    git("add", ".")
    git("commit", "-qm", "first")
    assert provenance.git(package) == {"commit": git("rev-parse", "HEAD"), "dirty": False}
    (package / "untracked.py").write_text("")
    assert provenance.git(package)["dirty"] is False
    (package / "__init__.py").write_text("changed")
    assert provenance.git(package)["dirty"] is True
    inner = tmp_path / "venv" / "package"
    inner.mkdir(parents=True)
    (inner / "__init__.py").write_text("")
    assert provenance.git(inner) is None
