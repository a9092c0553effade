"""The secret of a cluster: its file, and what is made of it."""

from pathlib import Path

import pytest

from duologue.relay.cluster.cluster_keys import (
    BadClusterSecret,
    ClusterKeys,
    new_secret_line,
    parse_secrets,
    read_secrets,
)
from duologue.relay.cluster_limits import ClusterLimits


def test_each_purpose_and_each_cluster_has_keys_of_its_own() -> None:
    eu, asia = (ClusterKeys.derive(bytes(32), name) for name in ("eu", "asia"))
    assert len({eu.subject, eu.bus, eu.link, asia.subject, asia.bus, asia.link}) == 6
    assert "key" not in repr(eu).lower().replace("clusterkeys", "")


def test_a_token_tells_nothing_of_its_key_and_is_the_same_each_time() -> None:
    eu = ClusterKeys.derive(bytes(32), "eu")
    assert eu.token(b"k" * 32) == eu.token(b"k" * 32)
    assert len(eu.token(b"k" * 32)) == 32
    assert eu.token(b"k" * 32) != ClusterKeys.derive(bytes(32), "asia").token(b"k" * 32)


def test_up_to_three_secrets_may_stand_in_a_file_and_the_first_is_used() -> None:
    lines = [new_secret_line() for _ in range(3)]
    assert parse_secrets("\n".join(["# comment", *lines, ""]), "s") == [
        bytes.fromhex(each) for each in lines
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "has 0 secrets"),
        ("\n".join(new_secret_line() for _ in range(4)), "has 4 secrets"),
        ("ab" * 31, "not 64 hex digits"),
        ("xy" * 32, "not 64 hex digits"),
        (("ab" * 32 + "\n") * 2, "twice"),
    ],
)
def test_a_bad_secret_is_named_without_being_shown(text: str, what: str) -> None:
    with pytest.raises(BadClusterSecret, match=what) as caught:
        parse_secrets(text, "cluster.secret")
    assert "cluster.secret" in str(caught.value)
    assert "abab" not in str(caught.value)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "cluster.secret"
    file.write_text(new_secret_line())
    file.chmod(0o640)
    with pytest.raises(BadClusterSecret, match=r"mode 0640.*chmod 600"):
        read_secrets(file)
    file.chmod(0o600)
    assert len(read_secrets(file)) == 1
    with pytest.raises(FileNotFoundError):
        read_secrets(tmp_path / "nowhere")


def test_what_systemd_has_handed_over_may_look_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cluster.secret"
    file.write_text(new_secret_line())
    file.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert len(read_secrets(file)) == 1
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "other"))
    with pytest.raises(BadClusterSecret):
        read_secrets(file)


def test_a_limit_that_is_not_above_0_is_an_error_that_names_it() -> None:
    for name in ClusterLimits.__slots__:
        with pytest.raises(ValueError, match=f"ClusterLimits.{name} must be above 0"):
            ClusterLimits(**{name: 0})
