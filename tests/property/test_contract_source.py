"""Whatever is in a contract file, there are findings or a contract, and never another exception."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duologue_codegen.checks import check
from duologue_codegen.diagnostics import is_hidden, render_github, render_json, render_text
from duologue_codegen.model.canonical import canonical, canonical_text, contract_digest
from duologue_codegen.reading.project import load_project

EXAMPLES = [
    path.read_bytes() for path in sorted((Path(__file__).parents[2] / "schema").rglob("*.yaml"))
]
CASES = [
    path.read_bytes()
    for path in sorted((Path(__file__).parents[1] / "golden" / "findings").rglob("contract.yaml"))
    if path.stat().st_size < 3000
]
QUICK = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

LANGUAGE = """
    types fields enum union tag is schema open errors services methods events reserved ids names
    id doc params returns base effect timeout examples imports default min max pattern presence
    string int optional list of map to common.User A B C Text .inf 1e999 ~ true on 010 -1 $ref
    properties required oneOf discriminator #/$defs/A {} [] null 5s explicit deprecated code message
    args positional payload key replay buffer e f "byte stream" "text stream"
    {a} {{ "\\ud800" "\\x00" 99999999999999999999
    """
WORDS = st.sampled_from(LANGUAGE.split())
VALUES = st.recursive(
    WORDS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(st.tuples(WORDS, inner), max_size=4).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
        ),
    ),
    max_leaves=12,
)
SECTIONS = st.tuples(
    st.sampled_from(["types", "errors", "services", "imports", "doc"]),
    st.one_of(
        VALUES,
        st.lists(st.tuples(st.sampled_from("ABC"), VALUES), max_size=3).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
        ),
    ),
)


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("schema")
    (root / "demo").mkdir()
    return root


def judge(schema: Path, data: bytes) -> None:
    (schema / "demo" / "v1.yaml").write_bytes(data)
    project = load_project(schema)
    findings = check(project)
    shown = render_text(findings, project.sources)
    assert all(char == "\n" or not is_hidden(char) for char in shown)
    render_json(findings).encode()
    render_github(findings).encode()
    if not any(finding.level == "error" for finding in findings):
        for contract in project.contracts:
            canonical_text(canonical(contract)).encode()
            contract_digest(contract)


@QUICK
@given(data=st.binary(max_size=300))
def test_any_bytes(schema: Path, data: bytes) -> None:
    judge(schema, data)


@QUICK
@given(text=st.text(max_size=200))
def test_any_text_behind_a_head(schema: Path, text: str) -> None:
    judge(schema, f"duologue: 1\npackage: demo.v1\n{text}".encode("utf-8", "surrogatepass"))


@QUICK
@given(sections=st.lists(SECTIONS, min_size=1, max_size=4, unique_by=lambda pair: pair[0]))
def test_any_words_of_the_language_in_any_place(
    schema: Path, sections: list[tuple[str, str]]
) -> None:
    body = "\n".join(f"{key}: {value}" for key, value in sections)
    judge(schema, f"duologue: 1\npackage: demo.v1\n{body}\n".encode())


@QUICK
@given(data=st.data())
def test_example_contract_with_a_piece_cut_out_or_moved(schema: Path, data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(EXAMPLES + CASES))
    places = st.integers(0, len(whole))
    start, end, target = data.draw(places), data.draw(places), data.draw(places)
    start, end = min(start, end), min(max(start, end), start + 200)
    piece, rest = whole[start:end], whole[:start] + whole[end:]
    judge(schema, rest[:target] + data.draw(st.sampled_from([b"", piece])) + rest[target:])
