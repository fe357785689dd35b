"""The laws of every unit: no text is lost, nothing depends on chance, what is written is what is read."""

import copy
import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.text.unicode import normalise
from melisma.text.units import UNITS, Unit, from_json, learn


@dataclass(frozen=True)
class Settings:
    unit: str = "subwords"
    method: str = "bpe"
    size: int = 500
    least: int = 2


GERMAN = [
    "Zwei junge weiße Männer sind im Freien in der Nähe vieler Büsche.",
    "Mehrere Männer mit Schutzhelmen bedienen ein Antriebsradsystem.",
    "Ein kleines Mädchen klettert in ein Spielhaus aus Holz.",
    "Ein Mann in einem blauen Hemd steht auf einer Leiter und putzt ein Fenster.",
    "Zwei Männer stehen am Herd und bereiten Essen zu.",
] * 2
MIXED = [
    *GERMAN,
    "我爱北京天安门。", "他在北京学习中文，我也在北京。", "我爱学习。", "日本語を勉強しています。", "私は日本人です。カメラ",
    "السلام عليكم ورحمة الله", "हिन्दी भाषा में लिखा", "ภาษาไทยไม่มีช่องว่าง", "한국어 문장입니다", "👩🏽‍🚀 👍🏻 🇩🇪 ❤️ 👍🏻",
    "don't 3.14 1,000 <s> </s> <unk> ▁a @@ Ġb", "\ue000 \U000f0041 x",
]  # fmt: skip
CORPORA = {"none": [], "blank": ["", " \t"], "three": ["a b", "ab ab", "中 中"], "german": GERMAN, "mixed": MIXED}
KINDS = [("characters", "bpe"), ("words", "bpe"), ("subwords", "bpe"), ("subwords", "unigram")]
TRAINED: dict[tuple[str, str, str, int, int], Unit] = {
    (unit, method, corpus, size, least): learn(lines, Settings(unit, method, size, least))
    for unit, method in KINDS
    for corpus, lines in CORPORA.items()
    for size in (0, 3, 60, 500)
    for least in (1, 3)
}
every_unit = st.sampled_from(sorted(TRAINED))
TRAPS = [
    "<s>", "</s>", "<unk>", "<pad>", "▁", "▁a b▁", "@@", "ein@@ es", "<0x41>", "Ġ", "Ġein", "##ein", "[UNK]",
    "\ue000\uf8ff \U000f0000\U000f0041\U000fffff\U0010fffd", "\x00", "a\x00b", "\ud800", "a\udfff b", "\ufffd", "\ufeffBOM",
    "", " ", "\u3000中 文\u3000", " doppelt  leer ", "\u200b", "\u00ad", "Mu\u0308nchen", "e\u0301\u0323", "\u0301", " \u0301a",
    "我爱北京，你呢？", "龘𠮷", "日本語のテキスト、カタカナー", "العربية \u200fمن اليمين", "हिन्दी में", "น้ำ ภาษาไทย", "한국어",
    "👩‍👩‍👧‍👦👍🏿🏴󠁧󠁢󠁥󠁮󠁧󠁿🇩🇪🇩", "\u202eabc\u202c", "Männer", "MÄNNER", "3.14,15'16", "x" * 500, "中" * 500, "é\u0301" * 500,
]  # fmt: skip
texts = st.one_of(
    st.text(st.characters(exclude_categories=())),
    st.sampled_from(TRAPS),
    st.lists(st.sampled_from([*TRAPS[:40], " ", *"Männer中北京a.1\n"])).map("".join),
)


def test_the_traps_come_back_from_every_unit() -> None:
    for name, unit in TRAINED.items():
        for text, ids in zip(TRAPS, unit.encode(TRAPS)):
            assert unit.decode(ids) == normalise(text), (name, text)


@settings(max_examples=300)
@given(every_unit, st.lists(texts, max_size=3))
def test_round_trip(name: tuple[str, str, str, int, int], lines: list[str]) -> None:
    unit = TRAINED[name]
    encoded = unit.encode(lines)
    assert [unit.decode(ids) for ids in encoded] == [normalise(line) for line in lines]
    assert all(2 <= number < unit.vocabulary.size for ids in encoded for number in ids)


@given(every_unit, st.data())
def test_any_symbols_can_be_decoded(name: tuple[str, str, str, int, int], data: st.DataObject) -> None:
    unit = TRAINED[name]
    ids = data.draw(st.lists(st.integers(0, unit.vocabulary.size - 1)))
    text = unit.decode(ids)
    assert unit.decode([0, *ids, 1]) == text
    text.encode("utf-8")
    assert len(unit.vocabulary.pieces(ids)) == len(ids)


@given(every_unit, texts, texts)
def test_a_text_does_not_depend_on_its_neighbours(name: tuple[str, str, str, int, int], text: str, other: str) -> None:
    unit = TRAINED[name]
    alone = unit.encode([text])
    assert unit.encode([other, text, other])[1:2] == alone
    assert unit.encode([normalise(text)]) == alone


@pytest.mark.parametrize("name", TRAINED, ids=lambda name: "-".join(map(str, name)))
def test_the_size_is_kept_and_what_is_rare_gets_no_symbol(name: tuple[str, str, str, int, int]) -> None:
    unit = TRAINED[name]
    _, _, corpus, size, least = name
    assert len(unit.vocabulary.learned) <= size
    assert unit.vocabulary.size == 258 + len(unit.vocabulary.learned)
    text = " ".join(normalise(line) for line in CORPORA[corpus])
    assert all((" " + text).count(piece) >= least for piece in unit.vocabulary.learned)


@pytest.mark.parametrize("name", TRAINED, ids=lambda name: "-".join(map(str, name)))
def test_what_is_written_is_what_is_read(name: tuple[str, str, str, int, int]) -> None:
    unit = TRAINED[name]
    read = from_json(json.loads(json.dumps(unit.to_json())))
    assert read == unit
    assert read.encode(TRAPS + MIXED) == unit.encode(TRAPS + MIXED)
    assert json.dumps(read.to_json()) == json.dumps(unit.to_json())


@pytest.mark.parametrize(("unit", "method"), KINDS)
def test_learning_compresses(unit: str, method: str) -> None:
    learned = learn(MIXED, Settings(unit, method, 500, 1))
    plain = learn(MIXED, Settings(unit, method, 0, 1))
    symbols = sum(map(len, learned.encode(MIXED)))
    assert symbols < sum(map(len, plain.encode(MIXED)))
    assert sum(map(len, plain.encode(MIXED))) == sum(len(normalise(line).encode()) for line in MIXED) + (
        0 if unit == "characters" else sum(line[0] not in "我他日私ภ" for line in MIXED)
    )


def test_characters_take_one_symbol_each() -> None:
    unit = learn(MIXED, Settings("characters", size=500, least=1))
    assert [len(ids) for ids in unit.encode(MIXED)] == [len(normalise(line)) for line in MIXED]


def test_words_have_one_symbol_wherever_they_stand() -> None:
    unit = learn(["Mann Mann 北京"], Settings("words", size=9, least=1))
    first, later = unit.encode(["Mann 北", "x Mann北"])
    assert unit.vocabulary.learned == (" Mann", "京", "北")
    assert unit.vocabulary.pieces(first) == ["▁Mann", "▁", "北"]
    assert unit.vocabulary.pieces(later) == ["▁", "x", "▁Mann", "北"]


@pytest.mark.parametrize(("unit", "method"), KINDS)
@given(lines=st.permutations(MIXED))
@settings(max_examples=5, deadline=None)
def test_the_order_of_the_lines_does_not_matter(unit: str, method: str, lines: list[str]) -> None:
    wanted = Settings(unit, method, 120, 1)
    assert learn(iter(lines), wanted).to_json() == TRAINED_AT_120[unit, method]


TRAINED_AT_120 = {(unit, method): learn(MIXED, Settings(unit, method, 120, 1)).to_json() for unit, method in KINDS}


def test_another_process_learns_the_same() -> None:
    code = (
        "import json, sys; from types import SimpleNamespace as S; from melisma.text.units import learn;"
        "lines, kinds = json.load(sys.stdin);"
        "print(json.dumps([learn(lines, S(unit=u, method=m, size=120, least=1)).to_json() for u, m in kinds]))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "12345"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps([MIXED, KINDS]),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == list(TRAINED_AT_120.values())


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (Settings(unit="syllables"), "'syllables'; wanted is one of characters, words, subwords"),
        (Settings(method="wordpiece"), "'wordpiece'; wanted is bpe or unigram"),
        (Settings(size=-1), "text.size is -1"),
        (Settings(least=0), "text.least 0"),
    ],
)
def test_settings_without_a_meaning_are_refused(wanted: Settings, why: str) -> None:
    with pytest.raises(Refusal, match=why):
        learn(["a"], wanted)


@pytest.mark.parametrize("data", [None, [], "words", 3, {}, {"unit": "syllables"}, {"unit": ["words"]}, {"unit": None}])
def test_what_names_no_unit_is_refused(data: object) -> None:
    with pytest.raises(Refusal, match="wanted is one of characters, words, subwords"):
        from_json(data)


def test_characters_are_single() -> None:
    with pytest.raises(Refusal, match="'ab' where single characters are wanted"):
        from_json({"unit": "characters", "vocabulary": {"size": 259, "pieces": ["ab"]}})


def _places(data: Any) -> list[tuple[Any, Any]]:
    inside = list(data.items()) if isinstance(data, dict) else list(enumerate(data)) if isinstance(data, list) else []
    return [(data, key) for key, _ in inside] + [place for _, item in inside for place in _places(item)]


@settings(max_examples=300)
@given(st.sampled_from(KINDS), st.data())
def test_any_damage_is_refused_in_one_sentence_or_still_a_lawful_unit(
    kind: tuple[str, str], data: st.DataObject
) -> None:
    written = copy.deepcopy(TRAINED_AT_120[kind])
    holder, key = data.draw(st.sampled_from(_places(written)))
    if data.draw(st.booleans()):
        del holder[key]
    else:
        holder[key] = data.draw(
            st.sampled_from([None, True, -1, 2.5, float("nan"), 10**400, "", "zz", "\ud800", [], ["a"], {}, {"a": 1}])
        )
    said, unit = refusal_or_unit(written)
    if unit is None:
        assert 0 < len(said.encode("utf-8")) < 400
        assert "\n" not in said
    else:
        assert [unit.decode(ids) for ids in unit.encode(TRAPS)] == [normalise(text) for text in TRAPS]


def refusal_or_unit(data: object) -> tuple[str, Unit | None]:
    try:
        return "", from_json(data)
    except Refusal as refusal:
        return str(refusal), None


def test_the_table_is_whole() -> None:
    assert set(UNITS) == {unit for unit, _ in KINDS}
    assert replace(Settings(), unit="words").unit in UNITS
