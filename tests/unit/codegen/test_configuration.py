from pathlib import Path
from typing import Final, Literal

import pytest

from duologue_codegen.configuration import BadConfiguration, Configuration, read_configuration

Key = Literal["schema", "out"]
KEYS: Final[tuple[Key, ...]] = ("schema", "out")


def configured(folder: Path, table: str) -> Path:
    (folder / "pyproject.toml").write_text(table)
    return folder


def test_without_a_configuration_there_are_defaults(tmp_path: Path) -> None:
    assert read_configuration(tmp_path) == Configuration(
        schema=Path("schema"), out=Path("generated"), import_root="generated", off=()
    )


def test_a_table_says_where_things_are(tmp_path: Path) -> None:
    table = (
        '[tool.duologue]\nschema = "contracts"\nout = "src/app/api"\nimport_root = "app.api"\n'
        'off = ["name-case"]\n'
    )
    assert read_configuration(configured(tmp_path, table)) == Configuration(
        schema=Path("contracts"), out=Path("src/app/api"), import_root="app.api", off=("name-case",)
    )


def test_an_empty_table_means_the_defaults(tmp_path: Path) -> None:
    assert read_configuration(configured(tmp_path, "[tool.duologue]\n")) == Configuration()


def test_paths_are_seen_from_the_folder_of_the_file(tmp_path: Path) -> None:
    inner = configured(tmp_path, "[tool.duologue]\n") / "a" / "b"
    inner.mkdir(parents=True)
    assert read_configuration(inner).schema == Path("../../schema")


def test_a_nearer_file_without_the_table_is_passed_by(tmp_path: Path) -> None:
    inner = configured(tmp_path, '[tool.duologue]\nout = "api"\n') / "a"
    inner.mkdir()
    configured(inner, "[tool.other]\n")
    assert read_configuration(inner).out == Path("../api")


def plugin(name: str = "docs", **values: str | None) -> str:
    """The table of a plugin, with these values instead of good ones."""
    good = {"command": '["x"]', "out": '"docs"', "ending": '".md"', "comment": '"# {}"'}
    lines = [f"{key} = {value}" for key, value in {**good, **values}.items() if value is not None]
    return "\n".join([f"[tool.duologue.plugins.{name}]", *lines, ""])


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ('[tool.duologue]\nshema = "x"\n', "no key `shema`; known: schema, out, import_root, off"),
        ("[tool.duologue]\nschema = 3\n", "`schema` must be text"),
        ('[tool.duologue]\nout = ""\n', "`out` must name a folder"),
        ('[tool.duologue]\nimport_root = "a-b"\n', "`import_root` must be a dotted name"),
        ('[tool.duologue]\nimport_root = "api.class"\n', "`import_root` must be a dotted name"),
        ('[tool.duologue]\nimport_root = "pydantic"\n', "would hide the module of that name"),
        ('[tool.duologue]\noff = "x"\n', "`off` must be a list"),
        ("[tool.duologue]\noff = [1]\n", "`off` must be a list"),
        ("[tool]\nduologue = 3\n", "must be a table"),
        ("[tool.duologue]\nplugins = 3\n", "[tool.duologue.plugins] must be a table of tables"),
        ("[tool.duologue.plugins]\ndocs = 3\n", "plugins.docs] must be a table"),
        ('[tool.duologue.plugins."a b"]\n', "'a b' is no name"),
        (plugin(comand='["x"]'), "no key `comand`; known: command, out, ending, comment, reads"),
        (plugin(command='"x"'), "`command` must be a list of texts, met 'x'"),
        (plugin(command="[]"), "`command` names no program"),
        (plugin(reads='[""]'), "`reads` must be a list of texts"),
        (plugin(out=None), "`out` is missing"),
        (plugin(ending="3"), "`ending` must be text, met 3"),
        (plugin(ending='"md"'), "`ending` must be like '.md', met 'md'"),
        (plugin(ending='"/../a.md"'), "`ending` must be like '.md'"),
        (plugin(comment='"#"'), "`comment` must be a comment of one line with {} for its text"),
        (plugin(comment='"{}"'), "`comment` must be a comment of one line"),
        (plugin(comment=r'"# {}\n"'), "`comment` must be a comment of one line"),
        (plugin(out='"generated"'), "`out` is the folder of `out`: name one of its own"),
        (plugin() + plugin("other"), "`out` is the folder of plugin docs: name one of its own"),
        ("[tool.duologue\n", "pyproject.toml"),
    ],
)
def test_a_mistake_is_named(table: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration) as caught:
        read_configuration(configured(tmp_path, table))
    assert text in str(caught.value)
    assert "pyproject.toml" in str(caught.value)


def test_an_empty_import_root_is_allowed(tmp_path: Path) -> None:
    folder = configured(tmp_path, '[tool.duologue]\nimport_root = ""\n')
    assert read_configuration(folder).import_root == ""


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("named", ["..", "../other", "a/../../other", "/other"])
def test_what_is_outside_of_the_clone_is_for_the_command_line_to_say(
    named: str, key: Key, tmp_path: Path
) -> None:
    folder = configured(tmp_path, f'[tool.duologue]\n{key} = "{named}"\n')
    settings = read_configuration(folder)
    text = rf"`{key}` is '{named}', which is outside of .*; if that is meant, say so with --{key}$"
    with pytest.raises(BadConfiguration, match=text):
        settings.with_options(schema=None, out=None).refuse_stray(key)
    settings.refuse_stray("out" if key == "schema" else "schema")
    settings.with_options(schema=Path("x"), out=Path("y")).refuse_stray(key)


def test_what_is_elsewhere_in_the_same_clone_is_inside(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "server").mkdir()
    folder = configured(tmp_path / "server", '[tool.duologue]\nschema = "../schema"\nout = "."\n')
    for key in KEYS:
        read_configuration(folder).refuse_stray(key)


def test_a_link_that_leads_to_contracts_outside_of_the_clone_is_not_followed(
    tmp_path: Path,
) -> None:
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone" / "schema").symlink_to(tmp_path / "private")
    folder = configured(tmp_path / "clone", "[tool.duologue]\n")
    with pytest.raises(BadConfiguration, match="`schema` is 'schema', which is outside of"):
        read_configuration(folder).refuse_stray("schema")


def test_options_win(tmp_path: Path) -> None:
    settings = Configuration().with_options(schema=Path("x"), out=None)
    assert (settings.schema, settings.out) == (Path("x"), Path("generated"))
