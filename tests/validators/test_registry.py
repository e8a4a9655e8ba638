"""Which validator judges what, and what stops the start."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lazaretto_validators import Finding, Registry, Screening, Source, Validator, validator
from lazaretto_validators.media_types import MEDIA_TYPES, Risk
from lazaretto_validators.registry import BUILT_IN, RegistryError, default_registry

TINY = """
from lazaretto_validators import validator

@validator("image/x-tiny", magic=b"\\x01TINY", example=b"\\x01TINY", api={api})
def validate_{name}(source, screening):
    yield from ()
"""


def a_validator(media_type: str = "image/x-tiny", *, api: int = 1) -> Validator:
    @validator(media_type, magic=b"\x01TINY", example=b"\x01TINY", api=api, label="tiny", risk=Risk.VIEWED)
    def validate_tiny(source: Source, screening: Screening) -> Iterator[Finding]:
        source.expect(b"\x01TINY")
        yield from ()

    return validate_tiny


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed distributions that is on the path for one test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    default_registry.cache_clear()
    yield tmp_path
    default_registry.cache_clear()
    for name in [m for m in sys.modules if m.startswith("lazaretto_x_")]:
        del sys.modules[name]


def install(site: Path, distribution: str, module: str, code: str, entry: str = "validate_tiny") -> None:
    (site / f"{module}.py").write_text(code)
    meta = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
    meta.mkdir()
    (meta / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (meta / "entry_points.txt").write_text(f"[lazaretto.validators]\n{module} = {module}:{entry}\n")


def test_an_installed_validator_is_found(site: Path) -> None:
    install(site, "lazaretto-x-one", "lazaretto_x_one", TINY.format(api=1, name="tiny"))
    registry = default_registry()
    assert registry["image/x-tiny"].name == "tiny"
    assert [(magic, kind.name) for magic, kind in registry.foreign_types] == [(b"\x01TINY", "image/x-tiny")]


def test_two_for_one_type_name_both_distributions(site: Path) -> None:
    install(site, "lazaretto-x-one", "lazaretto_x_one", TINY.format(api=1, name="tiny"))
    install(site, "lazaretto-x-two", "lazaretto_x_two", TINY.format(api=1, name="other"), entry="validate_other")
    with pytest.raises(RegistryError, match=r"type image/x-tiny comes from both lazaretto-x-one and lazaretto-x-two"):
        default_registry()


def test_a_namesake_of_a_built_in_names_both_distributions(site: Path) -> None:
    install(site, "lazaretto-x-one", "lazaretto_x_one", TINY.format(api=1, name="png"), entry="validate_png")
    with pytest.raises(RegistryError, match=r"validator 'png' comes from both lazaretto and lazaretto-x-one"):
        default_registry()


def test_another_api_names_the_distribution_and_the_remedy(site: Path) -> None:
    install(site, "lazaretto-x-old", "lazaretto_x_old", TINY.format(api=0, name="tiny"))
    with pytest.raises(RegistryError, match=r"of lazaretto-x-old is written for API 0, this is API 1: install"):
        default_registry()


def test_a_failing_import_names_the_distribution(site: Path) -> None:
    install(site, "lazaretto-x-broken", "lazaretto_x_broken", "import no_such_module_anywhere\n")
    with pytest.raises(RegistryError, match=r"of lazaretto-x-broken cannot be imported: .*no_such_module_anywhere"):
        default_registry()


def test_an_entry_that_is_no_validator_is_refused(site: Path) -> None:
    install(site, "lazaretto-x-none", "lazaretto_x_none", "validate_tiny = print\n")
    with pytest.raises(RegistryError, match=r"of lazaretto-x-none is not made by @validator"):
        default_registry()


def test_a_rule_of_another_format_is_refused() -> None:
    stranger = BUILT_IN[0].rules[0]
    with pytest.raises(ValueError, match="do not begin with"):
        validator("image/x-tiny", rules=(stranger,), example=b"", api=1)(a_validator().run)


def test_a_kind_is_judged_by_its_parents_validator() -> None:
    registry = default_registry()
    assert registry.judge_of(MEDIA_TYPES["application/java-archive"]) is registry["application/zip"]
    assert registry.judge_of(MEDIA_TYPES["text/csv"]) is registry["text/plain"]


def test_a_type_without_a_validator_has_none() -> None:
    assert Registry([]).judge_of(MEDIA_TYPES["image/png"]) is None


def test_a_built_in_type_is_not_foreign() -> None:
    assert default_registry().foreign_types == ()


def test_every_rule_can_be_looked_up() -> None:
    registry = default_registry()
    assert {rule.id for v in BUILT_IN for rule in v.rules} <= set(registry.rules)
    assert {"unscannable.budget", "png.truncated", "plain.truncated"} <= set(registry.rules)


def test_the_rule_set_changes_with_the_rules() -> None:
    assert Registry([]).rule_set == Registry([]).rule_set
    assert Registry([(a_validator(), "here")]).rule_set != Registry([]).rule_set


def test_a_registry_reads_like_a_mapping() -> None:
    registry = Registry([(a_validator(), "here")])
    assert (list(registry), len(registry), "image/x-tiny" in registry) == (["image/x-tiny"], 1, True)
