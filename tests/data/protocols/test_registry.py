import re
from importlib import import_module
from pathlib import Path

import pytest

from unmask.config import load_settings
from unmask.data.datasets.ingest import ADAPTERS
from unmask.data.datasets.several import parse_data_source
from unmask.data.protocols.protocol import Protocol
from unmask.data.protocols.registry import HEADER, PROTOCOLS, describe, table_rows, to_markdown
from unmask.errors import DataError

DATA = Path(import_module("unmask.data").__file__).parent
ADAPTER_FILES = sorted((DATA / "datasets").glob("*.py"))


def test_every_data_set_is_named_in_the_error_for_an_unknown_layout():
    assert [name for name in PROTOCOLS if not any(name in key for key in ADAPTERS)] == []


def test_names_and_licences_are_stated_in_the_registry_alone():
    stated = {
        file.name: re.findall(r'(?:source|licence)="[^"]+"', file.read_text())
        for file in ADAPTER_FILES
    }
    assert {name: texts for name, texts in stated.items() if texts} == {}


def test_the_celeb_df_test_list_writes_one_for_genuine():
    assert PROTOCOLS["Celeb-DF-v2"].labels == {"1": False, "0": True}


def test_sets_that_nobody_splits_are_for_testing():
    roles = {name: record.role for name, record in PROTOCOLS.items() if "all test" in record.splits}
    assert set(roles.values()) == {"test"}
    assert {"In-the-Wild", "DeepFakeDetection", "AVLips"} <= set(roles)


def test_sets_with_published_test_clips_say_so_in_words():
    published = {name: not r.splits.startswith("none published") for name, r in PROTOCOLS.items()}
    assert published == {name: record.official_test for name, record in PROTOCOLS.items()}


def test_markdown_has_a_row_of_eight_cells_and_a_layout_per_data_set():
    table, _, layouts = to_markdown().partition("\n\n")
    rows = table.splitlines()[2:]
    assert len(rows) == len(PROTOCOLS) == len(layouts.splitlines())
    assert {row.count("|") for row in rows} == {len(HEADER) + 1}
    assert all(len(row) == len(HEADER) for row in table_rows())


def test_aliases_are_names_that_data_sets_can_be_given_and_are_those_of_the_gates():
    aliases = [record.alias for record in PROTOCOLS.values()]
    assert len(aliases) == len(set(aliases))
    assert [parse_data_source(f"{alias}=x").name for alias in aliases] == aliases
    gated = {
        gate.source
        for phase in (1, 2, 3)
        for gate in load_settings(phase=phase, profile="full").gates.sources
    }
    assert {"ffpp", "celebdf"} <= gated <= set(aliases)


def test_sets_that_are_read_alike_are_described_together():
    records = PROTOCOLS["FaceForensics++"], PROTOCOLS["DeepFakeDetection"]
    assert describe(*records) == (
        "FaceForensics++, DeepFakeDetection (original_sequences/, manipulated_sequences/)"
    )


def test_labels_without_a_fake_are_refused():
    with pytest.raises(DataError, match="Set: no label word means a fake"):
        Protocol("Set", "set", "Ann, 2020", "x/", "none", {"real": False}, "MIT", ("paper",))


def test_facts_without_a_source_are_refused():
    with pytest.raises(DataError, match="Set: no source is stated"):
        Protocol("Set", "set", "Ann, 2020", "x/", "none", {"fake": True}, "MIT", ())


def test_every_data_set_names_an_address_and_the_files_that_state_its_facts():
    for name, record in PROTOCOLS.items():
        addresses = {source.split()[0] for source in record.sources if "://" in source}
        assert addresses, name
        assert all(re.fullmatch(r"https://\S+ \(.+\)", s) for s in record.sources if "://" in s)
        assert len({source.split()[0] for source in record.sources}) > 1, name


def test_terms_that_are_stated_have_a_source():
    stated = {name: r for name, r in PROTOCOLS.items() if not r.licence.startswith("not stated")}
    in_the_readme = {"ASVspoof 2019 LA", "ASVspoof 5", "DF40", "WaveFake", "MLAAD", "WildDeepfake"}
    without = {
        name
        for name, record in stated.items()
        if not any("terms" in source for source in record.sources)
    }
    assert without == in_the_readme | {"DeepFakeDetection"}  # a part of FaceForensics++


def test_celeb_df_is_evaluated_on_32_frames_in_both_versions():
    # DeepfakeBench/preprocessing/config.yaml of OUC-VAS/Celeb-DF-PP: num_frames
    assert {PROTOCOLS[name].frames for name in ("Celeb-DF-v2", "Celeb-DF++")} == {32}


def test_sources_are_links_in_the_documentation():
    text = to_markdown()
    for record in PROTOCOLS.values():
        for source in record.sources:
            address = source.split()[0]
            assert f"]({address})" in text if "://" in address else source in text
