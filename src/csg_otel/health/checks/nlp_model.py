"""Whether a language model can be loaded and does its work."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from csg_otel.health.checks.levels import judge
from csg_otel.health.checks.references import load_function
from csg_otel.status import CheckResult, Critical, HealthStatus, Measurement, Warn


@dataclass(slots=True)
class NlpModel:
    """
    Healthy if the spaCy model *model* (an installed package's name, or a path) loads and was made for this spaCy.

    A model that is missing or does not load is CRITICAL, one made for another version of spaCy a WARNING. It is loaded
    once; with *sample*, every run processes that sentence, and slower than *warning_s* seconds is a warning. For other
    libraries *loader* (a callable, or ``module:name``) returns the model, called with the sample. Messages hold the name
    of an exception, never its text.
    """

    model: str = ""
    sample: str | None = None
    loader: Any = None
    warning_s: float | None = None
    _loaded: Any = field(default=None, init=False, repr=False)
    _mismatch: str = field(default="", init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.model and self.loader is None:
            raise ValueError("nlp_model needs a model or a loader")

    def __call__(self) -> CheckResult:
        name = Path(self.model).name or "the model"
        if self._loaded is None:
            self._loaded = self._load(name)
        measured = []
        if self.sample is not None:
            began = time.perf_counter()
            try:
                self._loaded(self.sample)
            except Exception as error:  # noqa: BLE001 - a model's parts raise what they like
                raise Critical(f"{name} can't process the sample: {type(error).__name__}") from None
            measured.append(Measurement("sample", time.perf_counter() - began, "s", self.warning_s, minimum=0))
        if self._mismatch:
            raise Warn(self._mismatch, measurements=tuple(measured))
        if not measured:
            return CheckResult(HealthStatus.HEALTHY, f"{name} is loaded")
        return judge(measured, f"{name} is loaded and works")

    def _load(self, name: str) -> Any:
        try:
            return load_function(self.loader)() if self.loader is not None else self._load_spacy(name)
        except Critical:
            raise
        except Exception as error:  # noqa: BLE001 - a corrupt model raises anything
            raise Critical(f"{name} can't be loaded: {type(error).__name__}") from None

    def _load_spacy(self, name: str) -> Any:
        try:
            import spacy
        except ImportError:
            raise Critical("spaCy is not installed (pip install spacy)") from None
        if not spacy.util.is_package(self.model) and not Path(self.model).is_dir():
            raise Critical(f"there is no model {name} (python -m spacy download {name})")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it says about versions is this check's to say
            loaded = spacy.load(self.model)
        wanted = loaded.meta.get("spacy_version", "")
        if wanted and spacy.util.is_compatible_version(spacy.about.__version__, wanted) is False:
            self._mismatch = f"{name} was made for spaCy {wanted}, this is {spacy.about.__version__}"
        return loaded
