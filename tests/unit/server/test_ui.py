"""How the page is served: to anybody, kept by browsers, and unable to run what did not come from here."""

from __future__ import annotations

import gzip
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from server_world import World
from upwell_operator.server.ui.files import STATIC, read, shipped

PAGES = ["/ui", "/ui/", "/ui/assets", "/ui/assets/shop/raw-orders", "/ui/assets/shop/a/key/with/slashes", "/ui/graph"]
MODULES = sorted(file for file in STATIC.rglob("*.js"))
IMPORT = re.compile(r'(?:^import\b[^"]*|\bimport\()"([^"]+)"', re.MULTILINE)


def of(name: str) -> str:
    return f"/ui/files/{shipped().digest}/{name}"


class Links(HTMLParser):
    """Reads what a document loads, and what of it is written in place."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        self.inline += [tag] if tag == "style" or (tag == "script" and "src" not in given) else []
        self.loads += [str(given[name]) for name in ("src", "href") if name in given and tag in ("script", "link")]


async def test_the_root_leads_to_the_page(world: World) -> None:
    answer = await world.get("/")
    assert (answer.status_code, answer.headers["location"]) == (302, "/ui/")


@pytest.mark.parametrize("path", PAGES)
async def test_every_address_of_the_page_is_the_one_document(world: World, path: str) -> None:
    answer = await world.get(path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.content == shipped().shell.content


async def test_the_policy_lets_nothing_run_that_did_not_come_from_here(world: World) -> None:
    policy = (await world.get("/ui/")).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


async def test_whatever_the_document_loads_is_there_and_nothing_is_written_in_place(world: World) -> None:
    links = Links((await world.get("/ui/")).text)
    assert links.inline == []
    assert of("app.js") in links.loads
    for path in links.loads:
        assert (await world.get(path)).status_code == 200, path


async def test_a_file_is_kept_for_ever_and_the_document_is_asked_for_again(world: World) -> None:
    assert "immutable" in (await world.get(of("style.css"))).headers["cache-control"]
    page = await world.get("/ui/")
    assert page.headers["cache-control"] == "no-cache"
    again = await world.http.get("/ui/", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_file_is_packed_for_whoever_can_unpack_it(world: World) -> None:
    packed = await world.http.get(of("style.css"), headers={"Accept-Encoding": "gzip"})
    plain = await world.http.get(of("style.css"), headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content == (STATIC / "style.css").read_bytes()
    assert gzip.decompress(shipped().files["style.css"].packed) == plain.content


@pytest.mark.parametrize("path", ["/ui/files/of-another-release/app.js", of("nowhere.js"), of("%2e%2e/files.py")])
async def test_a_file_that_is_not_there_is_a_problem_with_a_remedy(world: World, path: str) -> None:
    answer = await world.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_another_content_is_another_address(tmp_path: Path) -> None:
    def written(text: str) -> str:
        (tmp_path / "index.html").write_text('<!-- modules --><script src="/ui/files/app.js">')
        (tmp_path / "app.js").write_text(text)
        found = read(tmp_path)
        assert f'src="/ui/files/{found.digest}/app.js"'.encode() in found.shell.content
        return found.digest

    assert written("one") != written("two")


@pytest.mark.parametrize("module", MODULES, ids=lambda file: file.relative_to(STATIC).as_posix())
def test_a_module_imports_only_files_that_are_there(module: Path) -> None:
    if module.parent.name == "vendor":
        assert IMPORT.findall(module.read_text(encoding="utf8")) == []
    for name in IMPORT.findall(module.read_text(encoding="utf8")):
        assert name.startswith("./"), f"{module.name} imports {name}: a browser finds modules by address only"
        assert (module.parent / name).is_file()


HTML_SINKS = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function")


@pytest.mark.parametrize("module", [file for file in MODULES if file.parent == STATIC], ids=lambda file: file.name)
def test_no_module_of_ours_makes_html_or_code_of_a_text(module: Path) -> None:
    text = module.read_text(encoding="utf8")
    assert [sink for sink in HTML_SINKS if sink in text] == []
    assert text.startswith("//"), "a module says its idea in its first line"
    assert len(text.splitlines()) <= 400
