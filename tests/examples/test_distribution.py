"""Wheel and sdist, as a stranger gets them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.quickstart import run_quickstart

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "examples" / "quickstart"


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run *command* without the source tree on its path; return what it printed."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=100
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def build(source: Path, kind: str, folder: Path) -> Path:
    hatchling = (sys.executable, "-m", "hatchling", "build")
    run(*hatchling, "-t", kind, "-d", folder, cwd=source)
    [built] = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    run("tar", "-xzf", sdist, "-C", folder)
    [inside] = folder.iterdir()
    return inside


@pytest.fixture(scope="module")
def wheel(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is built from the sdist, as an index's users build it."""
    return build(unpacked, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has our dependencies, and of us only the wheel."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, symlinks=True)
    made = folder / "bin" / "python"
    scheme = {"base": str(folder), "platbase": str(folder)}
    packages = Path(sysconfig.get_path("purelib", "venv", scheme))
    # A .pth file in there, such as that of an editable install, is not followed.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = (sys.executable, "-m", "pip", "--python", made, "install", "--quiet")
    run(*pip, "--no-index", "--no-deps", "--ignore-installed", wheel)
    return made


def names(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def test_an_index_takes_both(sdist: Path, wheel: Path) -> None:
    told = run(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel)

    assert told.count("PASSED") == 2


def test_the_wheel_from_the_sdist_is_that_from_the_tree(
    wheel: Path, tmp_path: Path
) -> None:
    assert names(wheel) == names(build(ROOT, "wheel", tmp_path))


def test_the_sdist_has_what_a_packager_needs_and_no_litter(unpacked: Path) -> None:
    held = {path.relative_to(unpacked) for path in unpacked.rglob("*")}
    parts = {part for path in held for part in path.parts}

    needed = ["Makefile", "noxfile.py", "mkdocs.yml", "docs/index.md", "tests/unit"]
    needed += ["README.zh.md", "examples/quickstart/shop.py", "SECURITY.md"]
    assert not [name for name in needed if Path(name) not in held]
    assert not parts & {"__pycache__", "var", "build", "dist", ".venv", "node_modules"}


def test_only_the_wheel_is_found_of_us(python: Path) -> None:
    ask = "import phanedge_celery, sys; print(phanedge_celery.__file__, sys.prefix)"

    found, prefix = run(python, "-c", ask, cwd=Path("/")).split()

    assert found.startswith(prefix)


def test_the_quick_start_runs_from_the_wheel(python: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(QUICKSTART, folder, ignore=shutil.ignore_patterns("__pycache__"))

    printed = run_quickstart(folder, python, PYTHONPATH="")

    assert "polling" in printed
    assert "/output_aigc.mp4?" in printed.splitlines()[-1]


def test_celery_knows_our_commands_by_the_wheel(python: Path) -> None:
    told = run(python, "-m", "celery", "phanedge", "--help", cwd=Path("/"))

    assert "doctor" in told
