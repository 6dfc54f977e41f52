"""Wrist exercise, phishing and shuttle: the vendored files, their cards and their build scripts."""

import gzip
import hashlib
import io
import pickle
import re
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from test_sample_data import load_build

from minspnet.domains import DOMAINS, SAMPLE_DATA, load_cases, phishing, shuttle, wrist_exercise

WRIST, PHISHING, SHUTTLE = (SAMPLE_DATA / key for key in ("wrist_exercise", "phishing", "shuttle"))
wrist_build, phishing_build, shuttle_build = map(load_build, (WRIST, PHISHING, SHUTTLE))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def recordings() -> pd.DataFrame:
    return pd.read_csv(WRIST / "recordings.csv")


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    with np.load(WRIST / "recordings.npz", allow_pickle=False) as archive:
        assert archive.files == ["samples"]
        return archive["samples"]


@pytest.fixture(scope="module")
def sites() -> pd.DataFrame:
    return pd.read_csv(PHISHING / "cases.csv")


@pytest.fixture(scope="module")
def readings() -> pd.DataFrame:
    return pd.read_csv(SHUTTLE / "cases.csv.gz")


# --- All of them ------------------------------------------------------------------------


def test_the_files_are_those_the_build_scripts_wrote(samples: np.ndarray) -> None:
    """Hashes of the contents: how a file is packed may differ between versions of zlib."""
    assert digest(samples.astype("<i2").tobytes()) == (
        "8326c2b4b35e840eee628a6b65381a8a45731c8e390e6ab5a2c745b59093173b"
    )
    assert digest((WRIST / "recordings.csv").read_bytes()) == (
        "32b14f4b6e5916cda739e1f57670cf2a0a6cecd7c637517af5dd0889de4f918c"
    )
    assert digest((PHISHING / "cases.csv").read_bytes()) == (
        "350f64df796f83fdc6b21a996c7779fa9eb2b244d570021765f75fa97308e617"
    )
    assert digest(gzip.decompress((SHUTTLE / "cases.csv.gz").read_bytes())) == (
        "545ef9d024fb38cf97b81b256ec56116d53ef49bdc89a04d648e74ee4edddc05"
    )


@pytest.mark.parametrize("key", ["wrist_exercise", "phishing", "shuttle"])
def test_the_card_states_the_licence_and_the_limits(key: str) -> None:
    domain = DOMAINS[key]
    card = (SAMPLE_DATA / key / "README.md").read_text()
    assert f"Licence:\n[{domain.licence}]" in card or f"Licence: {domain.licence}" in card
    for heading in ("Source and licence", "What it holds", "How it was made", "Limits"):
        assert f"\n## {heading}\n" in card
    assert len(domain.limits) >= 4


def test_the_licence_of_the_recordings_is_carried_along() -> None:
    card = " ".join((WRIST / "README.md").read_text().split())
    assert "Copyright (c) 2018, David M. Burns All rights reserved." in card
    assert "Redistributions in binary form must reproduce the above copyright notice" in card


def test_the_files_are_small() -> None:
    for folder in (WRIST, PHISHING, SHUTTLE):
        assert sum(path.stat().st_size for path in folder.iterdir()) < 1.1 * 2**20


# --- Wrist exercise ---------------------------------------------------------------------


def test_recordings_are_every_exercise_of_every_person_with_either_arm(
    recordings: pd.DataFrame, samples: np.ndarray
) -> None:
    assert len(recordings) == 140
    assert recordings["samples"].sum() == len(samples) == 122_019
    assert samples.dtype == np.int16 and samples.shape[1] == 6
    assert (recordings.groupby(["subject", "side", "exercise"]).size() == 1).all()
    assert recordings["subject"].nunique() == 10 and recordings["exercise"].nunique() == 7


def test_gravity_is_in_the_signal(recordings: pd.DataFrame, samples: np.ndarray) -> None:
    """Hanging arms: x reads the opposite on either side, which mirroring undoes."""
    signals = np.split(samples * wrist_build.UNITS, np.cumsum(recordings["samples"])[:-1])
    for side, sign in (("left", 1), ("right", -1)):
        hanging = recordings["exercise"].isin(["PEN", "TRAP"]) & (recordings["side"] == side)
        along = [np.median(signals[row][:, 0]) for row in np.flatnonzero(hanging)]
        assert 0.85 < sign * np.median(along) < 1.15
    cases = load_cases(DOMAINS["wrist_exercise"])
    hanging = np.isin(cases.labels, [0, 5])
    assert (np.median(cases.inputs[hanging, 0], axis=1) < -0.6).all()


def test_windows_are_cut_from_first_to_last_sample(
    recordings: pd.DataFrame, samples: np.ndarray
) -> None:
    cases = load_cases(DOMAINS["wrist_exercise"])
    assert cases.inputs.shape == (1400, 6, 160)
    assert (np.bincount(cases.labels) == 200).all()
    assert cases.ids[:2] == ("REC-001-01", "REC-001-02") and cases.ids[-1] == "REC-140-10"
    ends = np.cumsum(recordings["samples"].to_numpy())
    for row in (0, 7, 139):
        signal = samples[ends[row] - recordings["samples"][row] : ends[row]] * wrist_build.UNITS
        if recordings["side"][row] == "left":
            signal = signal * [-1, 1, 1, 1, -1, -1]
        first, last = cases.inputs[10 * row], cases.inputs[10 * row + 9]
        np.testing.assert_allclose(first, signal[:160].T, atol=1e-5)
        np.testing.assert_allclose(last, signal[-160:].T, atol=1e-5)
        assert cases.groups[10 * row] == recordings["subject"][row]
        short = list(wrist_exercise._EXERCISES)[cases.labels[10 * row]]
        assert short == recordings["exercise"][row]


def origin(count: int) -> dict:
    """A source of ``count`` recordings, each a ramp with a sample too many."""
    ramp = np.arange(401)[:, None] * np.array([0.002] * 3 + [0.01] * 3)
    return {
        "X": [ramp + number for number in range(count)],
        "y": np.arange(count) % 2,
        "subject": np.arange(count) + 1,
        "side": np.arange(count) % 2 * 1.0,
        "y_labels": ["PEN", "ABD"],
    }


def test_wrist_build_halves_the_rate_and_keeps_the_facts(tmp_path: Path) -> None:
    wrist_build.build(origin(2), tmp_path)
    table = pd.read_csv(tmp_path / "recordings.csv")
    assert table["samples"].tolist() == [200, 200]
    assert table["subject"].tolist() == ["subject-01", "subject-02"]
    assert table["side"].tolist() == ["left", "right"]
    assert table["exercise"].tolist() == ["PEN", "ABD"]
    with np.load(tmp_path / "recordings.npz", allow_pickle=False) as archive:
        stored = archive["samples"] * wrist_build.UNITS
    # Samples 0 and 1 average to half a step, which is rounded to a whole one.
    np.testing.assert_allclose(stored[199], (399 - 0.5) * wrist_build.UNITS, atol=0.006)
    np.testing.assert_allclose(stored[200] - 1, 0.5 * wrist_build.UNITS, atol=0.006)


def wheel_with(path: Path, member: str, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, content)
    return path


def pickled(held: object) -> bytes:
    """An .npy file with one pickled object, as numpy of the source's time wrote it."""
    buffer = io.BytesIO()
    array = np.array(held, dtype=object)
    np.lib.format.write_array_header_1_0(buffer, np.lib.format.header_data_from_array_1_0(array))
    return buffer.getvalue() + pickle.dumps(array, protocol=2).replace(
        b"numpy._core", b"numpy.core"
    )


def test_the_unpickler_builds_arrays_and_nothing_else() -> None:
    content = pickled({"X": [np.ones((3, 6))], "y": np.array([1])})
    held = wrist_build.unpack(content)
    np.testing.assert_array_equal(held["X"][0], np.ones((3, 6)))

    class Evil:
        def __reduce__(self) -> tuple:
            return print, ("this must never run",)

    with pytest.raises(ValueError, match=r"^pickle must name only arrays, got .*\.print;"):
        wrist_build.unpack(pickled({"X": Evil()}))


# --- Phishing ---------------------------------------------------------------------------


def test_sites_are_counted_as_the_source_counts_them(sites: pd.DataFrame) -> None:
    assert sites["label"].value_counts().to_dict() == {"phishing": 702, "legitimate": 548}
    assert sites["case_id"].tolist() == [f"SITE-{number:04d}" for number in range(1, 1251)]
    assert sites[list(phishing_build.COLUMNS)].isin([0, 0.5, 1]).all(axis=None)
    assert len(sites[list(phishing_build.COLUMNS)].drop_duplicates()) == 625


def test_every_sign_is_commoner_among_phishing_sites(sites: pd.DataFrame) -> None:
    """What the card says about the direction of the codes, and its table."""
    card = (PHISHING / "README.md").read_text()
    bad = sites["label"] == "phishing"
    for name in phishing_build.COLUMNS:
        assert sites.loc[bad, name].mean() > sites.loc[~bad, name].mean(), name
        (row,) = re.findall(rf"^\| `{name}` .*$", card, re.MULTILINE)
        for value in (0, 0.5, 1):
            among = sites[name] == value
            if among.any():
                assert f"{bad[among].mean():.2f} of {among.sum():,}".lstrip("0") in row


def test_every_sign_is_in_exactly_one_finding() -> None:
    used = [name for concept in phishing.DOMAIN.concepts for name in concept.rule.columns]
    assert sorted(used) == sorted(feature.name for feature in phishing.DOMAIN.features)


def test_phishing_build_turns_label_and_traffic_round() -> None:
    names = list(phishing_build.COLUMNS.values())
    source = f"{','.join(names)},is_phishing\n1,0,0.5,0,0,0.5,1,1,0,0\n0,0,0,0,0,1,0,0,0,1\n"
    header, first, second = phishing_build.rows(source)
    assert header == ["case_id", "label", *phishing_build.COLUMNS]
    assert first == ["SITE-0001", "phishing", "1", "0", "0.5", "0", "0", "0.5", "1", "1", "0"]
    assert second == ["SITE-0002", "legitimate", *"00000", "0", *"000"]


# --- Shuttle ----------------------------------------------------------------------------


def test_readings_are_counted_as_the_source_counts_them(readings: pd.DataFrame) -> None:
    assert list(readings.columns) == [*shuttle_build.SENSORS, "anomaly"]
    assert readings["anomaly"].value_counts().to_dict() == {0: 45_586, 1: 3_511}


def test_three_sensors_are_differences_of_others(readings: pd.DataFrame) -> None:
    for sensor, minuend, subtrahend, most in ((7, 3, 1, 1), (8, 3, 5, 2), (9, 1, 5, 3)):
        told = readings[f"sensor_{minuend}"] - readings[f"sensor_{subtrahend}"]
        assert (readings[f"sensor_{sensor}"] - told).abs().max() == most


def test_no_concept_of_the_shuttle_claims_to_know_a_sensor() -> None:
    assert len(shuttle.DOMAIN.concepts) == 9
    for concept, feature in zip(shuttle.DOMAIN.concepts, shuttle.DOMAIN.features, strict=True):
        assert concept.rule.columns == (feature.name,)
        assert feature.unit == ""


def test_shuttle_build_keeps_values_and_order(tmp_path: Path) -> None:
    lines = ["50,21,77,0,28,0,27,48,22,1", "1,2,3,4,5,6,7,8,9,0"]
    shuttle_build.build("\n".join(["f1,f2,f3,f4,f5,f6,f7,f8,f9,anomaly", *lines]), tmp_path)
    text = gzip.decompress((tmp_path / "cases.csv.gz").read_bytes()).decode()
    assert text.splitlines() == [",".join([*shuttle_build.SENSORS, "anomaly"]), *lines]


# --- The scripts refuse another origin --------------------------------------------------


@pytest.mark.parametrize("build", [wrist_build, phishing_build, shuttle_build])
def test_build_refuses_another_origin(
    build: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = wheel_with(tmp_path / "other.whl", build.MEMBER, pickled({}))
    empty = wheel_with(tmp_path / "empty.whl", "nothing", b"")
    wheels = {other: f"of {build.PACKAGE}", empty: build.MEMBER, tmp_path / "none.whl": "none.whl"}
    for wheel, told in wheels.items():
        with pytest.raises(SystemExit) as refusal:
            build.main(["--wheel", str(wheel), "--out", str(tmp_path / "out")])
        assert refusal.value.code == 2
        assert told in capsys.readouterr().err
        assert not (tmp_path / "out").exists()
