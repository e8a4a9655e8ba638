"""The fixture `telegram_emulator` as another project would use it, in a pytest run of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = "lazaretto.emulator.pytest_plugin"
USER_TEST = """
from lazaretto.emulator import Emulator

{mark}
async def test_it(telegram_emulator: Emulator) -> None:
    ann = telegram_emulator.user("Ann")
    await telegram_emulator.private(ann).post_text(ann, "hi")
    assert len(telegram_emulator.pending_updates) == 1
"""


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null"]
    return subprocess.run(
        [*command, f"--rootdir={folder}", *options, str(folder)], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("mode", "mark"), [("auto", ""), ("strict", "import pytest\n@pytest.mark.asyncio")], ids=["auto", "strict"]
)
def test_the_fixture_works_in_both_modes_of_pytest_asyncio(tmp_path: Path, mode: str, mark: str) -> None:
    (tmp_path / "test_bot.py").write_text(USER_TEST.format(mark=mark), "utf-8")
    ran = run_pytest(tmp_path, f"--asyncio-mode={mode}", "-o", "asyncio_default_fixture_loop_scope=function")
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert "1 passed" in ran.stdout


def test_loading_the_plugin_imports_no_server() -> None:
    code = (
        "import sys, lazaretto.emulator.pytest_plugin as plugin; assert plugin.telegram_emulator;"
        "print([name for name in ('starlette', 'uvicorn', 'lazaretto.emulator.emulator') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_the_plugin_loads_without_pytest_asyncio_and_without_the_extra(tmp_path: Path) -> None:
    (tmp_path / "test_sync.py").write_text("def test_it() -> None:\n    assert True\n", "utf-8")
    (tmp_path / "absent.py").write_text(
        "import sys\nsys.modules.update({'pytest_asyncio': None, 'starlette': None, 'uvicorn': None})\n", "utf-8"
    )
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import absent, pytest; sys.exit(pytest.main(sys.argv[1:]))"
    )
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "-c", "/dev/null", f"--rootdir={tmp_path}"]
    ran = subprocess.run(
        [sys.executable, "-c", code, "--disable-plugin-autoload", "-p", PLUGIN, *options, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
