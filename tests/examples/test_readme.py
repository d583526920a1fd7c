"""The texts at the root: short enough to read, and their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXTS = sorted(ROOT.glob("*.md"))
LINK = re.compile(r"\[[^\]]+\]\((?!https?:)([^)#]+)")


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.name)
def test_every_link_leads_to_a_file(text: Path) -> None:
    links = LINK.findall(text.read_text(encoding="utf-8"))

    assert not [link for link in links if not (ROOT / link).exists()]


def test_the_readme_shows_code_on_its_first_screen_and_is_soon_read() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()

    assert "```python" in lines[:25]
    assert len(lines) <= 160


def test_the_chinese_page_names_every_stage_that_the_readme_names() -> None:
    english, chinese = (
        set(re.findall(r"^\| `([A-Z]+)` \|", path.read_text("utf-8"), re.MULTILINE))
        for path in (ROOT / "README.md", ROOT / "README.zh.md")
    )

    assert english
    assert chinese == english
