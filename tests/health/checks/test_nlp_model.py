"""Real spaCy models on disk: good, missing, corrupt, made for another version; and models of other libraries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import spacy

from csg_otel.check_result import Critical, Warn
from csg_otel.health.checks.nlp_model import NlpModel
from csg_otel.status import HealthStatus

HEALTHY = HealthStatus.HEALTHY


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A small real model, saved."""
    path = tmp_path / "meetings"
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(path)
    return path


def test_a_good_model_is_loaded_once_and_works(model: Path) -> None:
    """And is not loaded again when its files are gone."""
    check = NlpModel(str(model), sample="We agreed. Ann writes it down.")
    assert check().status is HEALTHY

    (model / "config.cfg").unlink()

    result = check()
    assert (result.status, result.measurements[0].name) == (HEALTHY, "sample")


def test_a_missing_model_says_how_to_get_it() -> None:
    """Neither a package nor a folder."""
    with pytest.raises(Critical, match=r"no model en_no_such_model \(python -m spacy download"):
        NlpModel("en_no_such_model")()


def test_a_corrupt_model_is_critical_without_its_content(model: Path) -> None:
    """Half a vocabulary is none; the next run tries again."""
    strings = model / "vocab" / "strings.json"
    whole = strings.read_bytes()
    strings.write_bytes(b'["canary')
    check = NlpModel(str(model))
    with pytest.raises(Critical, match="can't be loaded: ") as raised:
        check()
    assert "canary" not in str(raised.value)

    strings.write_bytes(whole)
    assert check().status is HEALTHY


def test_a_model_of_another_version_is_a_warning(model: Path) -> None:
    """It loads, and may not do what it did."""
    meta = json.loads((model / "meta.json").read_text())
    meta["spacy_version"] = ">=2.0.0,<2.1.0"
    (model / "meta.json").write_text(json.dumps(meta))

    with pytest.raises(Warn, match=r"was made for spaCy >=2\.0\.0,<2\.1\.0, this is"):
        NlpModel(str(model), sample="One. Two.")()


def test_other_libraries_have_a_loader() -> None:
    """Anything that returns something that takes the sample."""
    assert NlpModel(loader="threading:Lock")().status is HEALTHY
    assert NlpModel(loader=lambda: str.upper, sample="abc")().status is HEALTHY
    with pytest.raises(Critical, match="can't process the sample: TypeError"):
        NlpModel(loader=lambda: sum, sample="abc")()
    with pytest.raises(Critical, match="can't be loaded: ZeroDivisionError"):
        NlpModel(loader=lambda: 1 / 0)()
    with pytest.raises(ValueError, match="model or a loader"):
        NlpModel()
