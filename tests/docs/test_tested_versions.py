"""docs/SECURITY.md names the versions of HTTP libraries that passed its tests; the installed ones are no older."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, version

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.support.repository import ROOT

PAGE = (ROOT / "docs/SECURITY.md").read_text(encoding="utf-8")
TESTED = dict(re.findall(r"^\| (\w+) \| (\d+\.\d+\.\d+) \|", PAGE, re.MULTILINE))
OPTIONAL = {"h2", "hpack"}


def test_each_http_library_is_listed() -> None:
    assert set(TESTED) == {"httpx", "httpcore", "httpx2", "httpcore2", "h11", "h2", "hpack", "pyreqwest"}


@pytest.mark.parametrize("name", TESTED)
def test_the_installed_version_is_not_older_than_the_tested_one(name: str) -> None:
    try:
        installed = Version(version(name))
    except PackageNotFoundError:
        assert name in OPTIONAL, "a library of the extra `test` is missing"
    else:
        assert installed >= Version(TESTED[name])


def test_each_tested_version_is_one_that_azpoll_accepts() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    accepted = {requirement.name: requirement.specifier for requirement in map(Requirement, lines)}
    assert {"httpx", "httpx2", "pyreqwest"} <= accepted.keys() & TESTED.keys()
    for name in accepted.keys() & TESTED.keys():
        assert TESTED[name] in accepted[name]
