"""What the documents say of this project's own parts: tests, files and sections that they name."""

import re
import unittest
from pathlib import Path

from . import ROOT

PAGES = [*sorted(ROOT.glob("*.md")), ROOT / "certs" / "README.md", ROOT / "benches" / "TARGETS.md", *sorted((ROOT / "docs").glob("*.md"))]


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


class DocumentsTest(unittest.TestCase):
    def test_every_link_leads_to_a_file_and_a_section_that_exist(self) -> None:
        for page in PAGES:
            for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
                # `../../releases` is a page of the forge, beside the files.
                if target.startswith(("http://", "https://", "../../releases")):
                    continue
                name, _, section = target.partition("#")
                file = (page.parent / name).resolve() if name else page
                self.assertTrue(file.exists(), f"{page.name}: {target}")
                if section:
                    self.assertIn(section, anchors(file), f"{page.name}: {target}")

    def test_every_target_and_script_that_is_named_exists(self) -> None:
        rules = re.findall(r"^([a-z0-9 -]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        targets = {target for rule in rules for target in rule.split()}
        for page in PAGES:
            text = page.read_text()
            self.assertLessEqual(set(re.findall(r"(?:^|`)make ([a-z0-9-]+)", text, re.MULTILINE)), targets, page.name)
            for script in re.findall(r"python3 ([\w/]+\.py)", text):
                self.assertTrue((ROOT / script).exists(), f"{page.name}: {script}")

    def test_every_test_that_a_table_names_exists(self) -> None:
        named = 0
        for page in (ROOT / "docs" / "security.md", ROOT / "docs" / "migration.md"):
            for row in re.findall(r"^\|.*\| `([\w:./]+)` \|$", page.read_text(), re.MULTILINE):
                named += 1
                if "/" in row:
                    self.assertTrue((ROOT / row).exists(), row)
                    continue
                *modules, test = row.split("::")
                if modules:
                    sources = [*(ROOT / "tests" / "it").glob(f"{modules[0]}.rs"), *(ROOT / "tests" / "it").glob(f"{modules[0]}/**/*.rs")]
                    self.assertTrue(any(f"fn {test}()" in source.read_text() for source in sources), row)
                else:
                    self.assertTrue((ROOT / "tests" / "it" / f"{test}.rs").exists(), row)
        self.assertGreater(named, 40)

    def test_every_setting_of_the_function_has_a_row_in_a_table(self) -> None:
        known = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', (ROOT / "src" / "config.rs").read_text()))
        rows = {name for page in PAGES for name in re.findall(r"^\| `([A-Z_]+)` \|", page.read_text(), re.MULTILINE)}
        self.assertGreater(len(known), 10)
        self.assertEqual(known - rows, set())

    def test_the_costs_add_up_to_their_sum(self) -> None:
        costs = (ROOT / "docs" / "costs.md").read_text()
        amounts = re.findall(r"^\| (\**)[^|]+\|[^|]*\| \**(\d+\.\d\d) USD\** \|$", costs, re.MULTILINE)
        parts = sum(round(float(amount) * 100) for bold, amount in amounts if not bold)
        (total,) = (round(float(amount) * 100) for bold, amount in amounts if bold)
        self.assertEqual((len(amounts), parts), (6, total))


if __name__ == "__main__":
    unittest.main()
