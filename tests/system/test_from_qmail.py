"""docs/from-qmail.md: every row names a test, and the test is there."""

import pathlib
import re

TREE = pathlib.Path(__file__).parents[2]
PAGE = TREE / "docs/from-qmail.md"


def rows():
    for number, line in enumerate(PAGE.read_text().splitlines(), 1):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
        if line.startswith("| ") and not cells[0].startswith(("---", "what")):
            if cells[-1] != "shown by":
                yield number, cells


def missing(name):
    file, _, test = name.partition("::")
    found = list((TREE / "tests").glob(f"unit/*/{file}")) + [TREE / "tests/system" / file]
    text = "".join(path.read_text() for path in found if path.exists())
    return not text or (test and f"def {test}(" not in text)


def test_each_row_is_shown_by_a_test_that_exists():
    count = 0
    for number, cells in rows():
        count += 1
        assert len(cells) == 3, f"line {number}"
        names = re.findall(r"`([a-z0-9_]+\.(?:py|c)(?:::test_[a-z0-9_]+)?)`", cells[2])
        assert names or cells[1].startswith("left out"), f"line {number} names no test"
        assert [name for name in names if missing(name)] == [], f"line {number}"
    assert count > 60
