"""
Write the bill of materials that the wheel carries (CycloneDX 1.6, PEP 770); run by ``make sbom`` and ``make lock``.

It lists every package that an installation with all extras pulls in, as ``requirements/extras.lock`` pins it, with the
hashes of its files and what needs what. Packages that only an extra needs are optional, and say which. The rule to keep:
the same lock files and version make the same bytes; hence no time, and a serial number made of the content. Licences are
not in it, because a lock has none.
"""

from __future__ import annotations

import re
import sys
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from csg_otel._version import VERSION
from supply import locks

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = "csg-otel"
PATH = locks.FOLDER / f"{NAME}.cdx.json"
_FAMILY = uuid.uuid5(uuid.NAMESPACE_DNS, f"{NAME}.sbom.invalid")


def text(folder: Path = locks.FOLDER) -> str:
    """Return the bill of materials of the locks in *folder*, as JSON."""
    pins = locks.read("extras", folder)
    required = {pin.name for pin in locks.read("runtime", folder)}
    wanted_by = _extras(pins, folder.parent / "pyproject.toml")
    components = {
        pin: _component(pin, optional=pin.name not in required, extras=wanted_by.get(pin.name, [])) for pin in pins
    }
    root = Component(
        name=NAME,
        version=VERSION,
        type=ComponentType.LIBRARY,
        bom_ref=f"pkg:pypi/{NAME}@{VERSION}",
        purl=PackageURL("pypi", None, NAME, VERSION),
        licenses=[DisjunctiveLicense(id="Apache-2.0")],
    )
    bom = Bom(components=components.values())
    bom.metadata.component = root
    bom.metadata.timestamp = None  # type: ignore[assignment]  # the library's own way for reproducible output
    bom.register_dependency(root, [part for pin, part in components.items() if NAME in pin.needed_by])
    for pin, component in components.items():
        bom.register_dependency(component, [part for other, part in components.items() if pin.name in other.needed_by])
    bom.serial_number = uuid.UUID(int=0)
    bom.serial_number = uuid.uuid5(_FAMILY, JsonV1Dot6(bom).output_as_string())
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def _component(pin: locks.Pin, *, optional: bool, extras: Iterable[str]) -> Component:
    purl = PackageURL("pypi", None, pin.name, pin.version)
    # A version has many files, one per platform; the hash of one of them is what an installer checks.
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(purl.to_string()),
        comment="one of these files is installed",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=value) for value in pin.hashes],
    )
    properties = [Property(name=f"{NAME}:extra", value=extra) for extra in extras] if optional else []
    properties += [Property(name=f"{NAME}:marker", value=pin.marker)] if pin.marker else []
    return Component(
        name=pin.name,
        version=pin.version,
        type=ComponentType.LIBRARY,
        bom_ref=purl.to_string(),
        purl=purl,
        scope=ComponentScope.OPTIONAL if optional else ComponentScope.REQUIRED,
        external_references=[files],
        properties=properties,
    )


def _extras(pins: Iterable[locks.Pin], project: Path) -> Mapping[str, list[str]]:
    """Return for each package the extras that lead to it, sorted."""
    declared = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    needs: dict[str, set[str]] = {}
    for pin in pins:
        for parent in pin.needed_by:
            needs.setdefault(parent, set()).add(pin.name)
    wanted_by: dict[str, list[str]] = {}
    for extra in sorted(declared):
        pending = {str(canonicalize_name(Requirement(line).name)) for line in declared[extra]}
        reached: set[str] = set()
        while pending:
            reached.add(name := pending.pop())
            pending |= needs.get(name, set()) - reached
        for name in reached:
            wanted_by.setdefault(name, []).append(extra)
    return wanted_by


def main() -> None:
    """Write the file if it differs."""
    content = text()
    if not PATH.exists() or PATH.read_text(encoding="utf-8") != content:
        PATH.write_text(content, encoding="utf-8")
        print(f"written: {PATH.relative_to(locks.FOLDER.parent)}, {len(re.findall('bom-ref', content))} components")


if __name__ == "__main__":
    main()
