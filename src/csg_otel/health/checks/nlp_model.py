"""The check ``nlp_model``: a language model can be loaded and processes a sample."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from csg_otel.check_result import CheckResult, Critical, Measurement, Warn
from csg_otel.health.checks.levels import judge
from csg_otel.health.checks.references import load_function
from csg_otel.status import HealthStatus


@dataclass(slots=True)
class NlpModel:
    """
    HEALTHY if the spaCy model *model* (an installed package's name, or a path) loads and was made for this spaCy.

    A model that is missing or does not load is CRITICAL; a model for another version of spaCy is a WARNING. The model is
    loaded once. With *sample*, every run processes that sentence; more than *warning_s* seconds is a WARNING. For other
    libraries *loader* (a callable, or ``module:name``) returns the model, a callable that takes the sample. Messages have
    the exception's class, never its text.
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
        measurements = []
        if self.sample is not None:
            began = time.perf_counter()
            try:
                self._loaded(self.sample)
            except Exception as error:  # noqa: BLE001 - a model may raise any exception
                raise Critical(f"{name} can't process the sample: {type(error).__name__}") from None
            measurements.append(Measurement("sample", time.perf_counter() - began, "s", self.warning_s, minimum=0))
        if self._mismatch:
            raise Warn(self._mismatch, measurements=tuple(measurements))
        if not measurements:
            return CheckResult(HealthStatus.HEALTHY, f"{name} is loaded")
        return judge(measurements, f"{name} is loaded and works")

    def _load(self, name: str) -> Any:
        try:
            return load_function(self.loader)() if self.loader is not None else self._load_spacy(name)
        except Critical:
            raise
        except Exception as error:  # noqa: BLE001 - a corrupt model may raise any exception
            raise Critical(f"{name} can't be loaded: {type(error).__name__}") from None

    def _load_spacy(self, name: str) -> Any:
        try:
            import spacy
        except ImportError:
            raise Critical("spaCy is not installed (pip install spacy)") from None
        if not spacy.util.is_package(self.model) and not Path(self.model).is_dir():
            raise Critical(f"there is no model {name} (python -m spacy download {name})")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # this check reports a wrong version itself
            loaded = spacy.load(self.model)
        required = loaded.meta.get("spacy_version", "")
        if required and spacy.util.is_compatible_version(spacy.about.__version__, required) is False:
            self._mismatch = (
                f"{name} was made for spaCy {required}, this is {spacy.about.__version__}; "
                f"install the matching model (python -m spacy download {name})"
            )
        return loaded
