"""Applying files: what changes is shown first, and a mistake changes nothing."""

from pathlib import Path

from tests.cli.program import Program

NODE = """kind: node
name: extra-{:02}
count: 3
site: east
block: east-1
chip: h100
gpus: 8
cpus: 192
memory_gib: 2048
disk_gib: 28000
"""
CUSTOMER = """kind: customer
name: bolt
title: {title}
entity: example
country: CN
time_zone: Asia/Shanghai
currency: CNY
"""


def written(rackrate: Program, name: str, text: str) -> str:
    file = rackrate.home / name
    file.write_text(text)
    return str(file)


def nodes(rackrate: Program) -> set[str]:
    return {row["id"] for row in rackrate("node", "list", "--output", "json").json["items"]}


def test_what_is_new_is_shown_and_then_there(rackrate: Program) -> None:
    file = written(rackrate, "nodes.yaml", NODE)
    before = nodes(rackrate)
    shown = rackrate.ok("apply", "--dry-run", "-f", file)
    assert "create  node  extra-01 to extra-03 (3)" in shown
    assert nodes(rackrate) == before
    assert rackrate.ok("apply", "--yes", "-f", file).endswith("Applied: 3 x create.\n")
    assert nodes(rackrate) == before | {"extra-01", "extra-02", "extra-03"}
    again = rackrate.ok("apply", "-f", file)
    assert again == "Everything is already as the files say.\n"


def test_a_change_is_shown_field_by_field(rackrate: Program) -> None:
    rackrate.ok("apply", "--yes", "-f", written(rackrate, "c.yaml", CUSTOMER.format(title="Bolt")))
    file = written(rackrate, "c.yaml", CUSTOMER.format(title="Bolt Works"))
    assert "Bolt -> Bolt Works" in rackrate.ok("apply", "--dry-run", "-f", file)


def test_nothing_is_applied_unasked_where_nobody_can_be_asked(rackrate: Program) -> None:
    before = nodes(rackrate)
    file = written(rackrate, "more.yaml", NODE.replace("extra", "unasked"))
    done = rackrate("apply", "-f", file)
    assert done.code == 2
    assert "look with --dry-run, then say --yes" in done.err
    assert nodes(rackrate) == before


def test_every_mistake_is_named_with_file_and_line_and_nothing_is_applied(
    rackrate: Program,
) -> None:
    before = nodes(rackrate)
    good = written(rackrate, "good.yaml", NODE.replace("extra", "good"))
    bad = written(rackrate, "bad.yaml", NODE.replace("gpus: 8", "gpus: -8").replace("h100", "h10"))
    done = rackrate("apply", "--yes", "-f", good, bad)
    assert (done.code, done.out) == (1, "")
    first, *mistakes = done.err.splitlines()
    assert first.startswith("rackrate: ") and first.endswith("[invalid]")
    assert len(mistakes) >= 2 and all(line.startswith(f"{bad}:") for line in mistakes)
    assert nodes(rackrate) == before


def test_a_single_mistake_is_a_single_line(rackrate: Program) -> None:
    bad = written(rackrate, "bad.yaml", "kind: nod\n")
    done = rackrate("apply", "--yes", "-f", bad)
    assert done.code == 1
    assert done.err.startswith(f"rackrate: {bad}:1: ")
    assert done.err.count("\n") == 1


def test_a_folder_stands_for_the_files_in_it(rackrate: Program) -> None:
    folder = rackrate.home / "fleet"
    folder.mkdir()
    (folder / "b.yaml").write_text(NODE.replace("extra", "folder-b"))
    (folder / "a.yml").write_text(NODE.replace("extra", "folder-a"))
    (folder / "notes.txt").write_text("not for us")
    shown = rackrate.ok("apply", "--dry-run", "-f", str(folder))
    assert "folder-a-01" in shown and "folder-b-03" in shown


def test_files_may_come_from_another_program(rackrate: Program) -> None:
    shown = rackrate.ok("apply", "--dry-run", "-f", "-", given=NODE.replace("extra", "piped"))
    assert "piped-01 to piped-03 (3)" in shown


def test_a_file_that_is_not_there_is_said_to_be(rackrate: Program, tmp_path: Path) -> None:
    done = rackrate("apply", "-f", str(tmp_path / "no.yaml"))
    assert done.code == 2
    assert "no.yaml cannot be read: No such file or directory" in done.err
    assert "there is no YAML file in" in rackrate("apply", "-f", str(tmp_path)).err
