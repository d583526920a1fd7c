"""What the distribution promises."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from importlib.metadata import PackageMetadata, PathDistribution
from pathlib import Path

import pytest

import phanedge_celery

ROOT = Path(__file__).parents[2]
OPTIONAL = ["django", "flask", "fsspec", "prometheus_client", "redis", "sqlalchemy"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-t",
        "wheel",
        "-d",
        str(folder),
    ]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=60)
    [built] = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def described(wheel: Path) -> PackageMetadata:
    inside = zipfile.Path(wheel)
    [info] = [path for path in inside.iterdir() if path.name.endswith(".dist-info")]
    return PathDistribution(info).metadata


def python(*arguments: str, **env: str) -> str:
    """Run a fresh interpreter, away from the source tree; return what it printed."""
    ran = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(ROOT), **env},
        cwd=ROOT.anchor,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_every_public_name_is_there_once() -> None:
    names = phanedge_celery.__all__

    assert len(names) == len(set(names))
    assert all(hasattr(phanedge_celery, name) for name in names)


def test_every_task_is_named_as_messages_in_flight_name_it() -> None:
    ask = (
        "import phanedge_celery; from celery import current_app as app; app.finalize();"
        "print(*sorted(name for name in app.tasks if name.startswith('phanedge.')))"
    )

    assert {
        "phanedge.submit_video",
        "phanedge.poll_video",
        "phanedge.retrieve_file",
    } < (set(python("-c", ask).split()))


def test_importing_the_package_loads_nothing_unasked() -> None:
    heavy = [*OPTIONAL, "requests", "urllib3"]
    # Kombu looks for Django by itself.
    ask = (
        "import sys, kombu.utils.json; before = {*sys.modules}; import phanedge_celery;"
        f"print(*({{*{heavy}}} & {{*sys.modules}} - before))"
    )

    assert python("-c", ask).split() == []


def test_celerys_command_loads_ours_only_when_it_is_called() -> None:
    ask = (
        "import sys, celery.bin.celery as command;"
        "assert command.celery.get_command(None, 'phanedge');"
        "print('phanedge_celery' in sys.modules)"
    )

    assert python("-c", ask).strip() == "False"


def test_the_package_can_be_imported_without_any_optional_library() -> None:
    absent = f"import sys; sys.modules.update(dict.fromkeys({OPTIONAL}));"

    python("-c", f"{absent} import phanedge_celery")


def test_the_core_needs_five_libraries_and_no_more(described: PackageMetadata) -> None:
    needed = described.get_all("Requires-Dist") or []

    core = {line for line in needed if "extra ==" not in line}
    assert core == {
        "celery>=5.5",
        "kombu",
        "pydantic>=2.7",
        "requests>=2.31",
        "urllib3>=2.2",
    }


def test_the_extra_all_leaves_none_out(described: PackageMetadata) -> None:
    extras = set(described.get_all("Provides-Extra") or []) - {"all"}
    needed = described.get_all("Requires-Dist") or []
    by_extra = {
        extra: {line.partition(";")[0] for line in needed if f"'{extra}'" in line}
        for extra in (*extras, "all")
    }

    assert extras
    assert by_extra["all"] == set[str]().union(*(by_extra[extra] for extra in extras))


def test_the_version_is_written_in_one_place(described: PackageMetadata) -> None:
    version = f'"{described["Version"]}"'
    files = [*ROOT.glob("phanedge_celery/**/*.py"), ROOT / "Dockerfile"]

    assert not [f for f in files if version in f.read_text(encoding="utf-8")]


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(
    wheel: Path,
) -> None:
    source = {
        str(path.relative_to(ROOT))
        for path in ROOT.glob("phanedge_celery/**/*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    held = zipfile.ZipFile(wheel).namelist()

    beside = {"phanedge_celery_commands.py"}
    assert {name for name in held if ".dist-info/" not in name} == source | beside
    assert "phanedge_celery/py.typed" in held
    assert any(name.endswith("/licenses/LICENSE") for name in held)


def test_the_wheel_works_alone(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    ask = "import phanedge_celery; print(phanedge_celery.__file__)"

    assert python("-c", ask, PYTHONPATH=str(tmp_path)).startswith(str(tmp_path))


MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = [
    target
    for line in re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    for target in line.split()
]
INNER = {"services", "faketime"}
"""What no developer asks for: another target does."""


@pytest.mark.parametrize("target", TARGETS)
def test_the_makefile_knows_its_targets_and_says_what_each_is_for(target: str) -> None:
    ran = subprocess.run(
        ["make", "--dry-run", target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ran.returncode == 0, ran.stderr
    head, _, _ = MAKEFILE.partition("\n\n")
    assert target in INNER or f"make {target}" in head


def test_ci_runs_what_a_developer_runs() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()

    assert script[-1] == "make check test"
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
