"""tokenizers, built by its recipe, compared with the native wheel of the same version."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.store import Store
from tests.fixtures.commands import Command
from tests.fixtures.notebooks import create_site_with, open_served_notebook

#: Runs here and in Pyodide; the results of `main` must be equal.
CODE = """
import asyncio, json, random, tempfile
from pathlib import Path
import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

drawn = random.Random(5)
def draw(things): return things[int(drawn.random() * len(things))]
def some(most): return range(1 + int(drawn.random() * most))
letters = "abcdefghijklmnopqrstuvwxyzäöüßéñ漢字"
words = ["".join(draw(letters) for _ in some(9)) for _ in range(400)]
lines = [" ".join(draw(words) for _ in some(14)) + draw(".!?…😀") for _ in range(1000)]

def untrained():
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    options = dict(vocab_size=900, special_tokens=["[UNK]"], show_progress=False)
    return tokenizer, trainers.BpeTrainer(**options)

def seen(encoding):
    return encoding.ids, encoding.tokens, encoding.offsets

async def main():
    one, trainer = untrained()
    one.train_from_iterator(lines, trainer)
    file = Path(tempfile.mkdtemp()) / "corpus.txt"
    file.write_text("\\n".join(lines), encoding="utf-8")
    other, trainer = untrained()
    other.train([str(file)], trainer)
    batch = one.encode_batch(lines)
    ids = [encoding.ids for encoding in batch]
    assert ids == [one.encode(line).ids for line in lines]
    unigram = Tokenizer(models.Unigram())
    unigram.pre_tokenizer = pre_tokenizers.Metaspace()
    options = dict(vocab_size=400, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False)
    unigram.train_from_iterator(lines, trainers.UnigramTrainer(**options))
    pattern = pre_tokenizers.Split(Regex(r"\\\\p{L}+(?=ß)|[^\\\\s]"), "isolated")
    several = []
    if hasattr(one, "async_encode"):
        assert seen(await one.async_encode("plain text")) == seen(one.encode("plain text"))
        # Their offsets count bytes; those of `encode` count characters.
        several = await asyncio.gather(*map(one.async_encode, lines))
        assert [encoding.ids for encoding in several] == ids
        assert list(map(seen, await one.async_encode_batch(lines))) == list(map(seen, batch))
        assert [each.ids for each in await one.async_encode_batch_fast(lines)] == ids
        assert await one.async_decode_batch(ids) == one.decode_batch(ids)
        lacking = Tokenizer(models.WordLevel({"a": 1}, unk_token="b"))
        try:
            await lacking.async_encode("c")
        except Exception as error:
            assert "Missing [UNK]" in str(error)
        else:
            raise AssertionError("no error")
    print(json.dumps({
        "version": tokenizers.__version__,
        "from an iterator": list(map(seen, batch)),
        "awaited": list(map(seen, several)),
        "from a file": [seen(other.encode(line)) for line in lines],
        "decoded": one.decode_batch(ids),
        "model": one.to_str(),
        "unigram": [unigram.encode(line).tokens for line in lines],
        "pattern": [pattern.pre_tokenize_str(line) for line in lines],
    }))
"""


#: Print a hash in a notebook, because the output is too long for a cell.
IN_A_CELL = f"""{CODE}
import contextlib, hashlib, io
with contextlib.redirect_stdout(io.StringIO()) as said:
    await main()
print(hashlib.sha256(said.getvalue().encode()).hexdigest())
"""


def run_natively(version: str, folder: Path) -> str:
    """Return the output of the native wheel of a version, in its own environment."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    install = [python, "-m", "pip", "install", "-q", f"tokenizers=={version}"]
    subprocess.run(install, check=True)
    done = subprocess.run(
        [python, "-c", f"{CODE}\nasyncio.run(main())"], check=True, capture_output=True, text=True
    )
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(5400)
@pytest.mark.parametrize(
    ("source", "profile"),
    [
        ("pypi:tokenizers", "release"),
        ("pypi:tokenizers==0.22.2", "draft"),
        ("pypi:tokenizers==0.21.4", "draft"),
    ],
)
def test_tokenizers_answers_like_native_wheel(
    wasmwheel: Command, tmp_path: Path, source: str, profile: str
) -> None:
    ran = wasmwheel("build", source, "--json", "--profile", profile, "--out", tmp_path / "dist")
    assert ran.status == 0, ran.stderr
    report = ran.document
    assert report["recipe"]["name"] == "tokenizers"
    assert {patch["file"] for patch in report["patches"]} >= {"bindings/python/src/lib.rs"}
    said = wasmwheel("smoke", report["wheel"], "-c", f"{CODE}\nawait main()")
    assert said.status == 0, said.stderr
    answers = json.loads(said.stdout)
    assert answers["version"] == report["version"]
    assert answers == json.loads(run_natively(report["version"], tmp_path / "native"))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_tokenizers_works_in_notebook(wasmwheel: Command, store: Store, tmp_path: Path) -> None:
    site = create_site_with(tmp_path / "site", store, targets.default_abi())
    ran = wasmwheel("build", "pypi:tokenizers", "--json", "--site", site.folder, cwd=tmp_path)
    assert ran.status == 0, ran.stderr
    native = run_natively(ran.document["version"], tmp_path / "native")
    with open_served_notebook(site, ran.document["published"]["url"], tmp_path / "profile") as tab:
        assert "Tokenizer" in tab.run(0)
        shown = tab.run(1, IN_A_CELL)
        assert shown.strip() == hashlib.sha256(native.encode()).hexdigest()
        hub = tab.run(1, "import huggingface_hub\nprint(huggingface_hub.__version__)")
        assert "Error" not in hub
