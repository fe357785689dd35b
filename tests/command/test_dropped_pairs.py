"""``melisma evaluate`` says which pairs it left out, and answers without keeping what was looked at."""

from __future__ import annotations

import melisma


def test_an_evaluation_says_what_it_dropped(tiny, tmp_path) -> None:
    (tmp_path / "b.en").write_text("one two\none\n", encoding="utf-8")
    (tmp_path / "b.de").write_text("eins zwei\n\n", encoding="utf-8")
    found = melisma.evaluate("tiny", (str(tmp_path / "b.en"), str(tmp_path / "b.de")), beam=1, maximum=3)
    assert len(found.answers) == 1
    assert any("dropped 1 pair with one blank side" in note for note in found.notes)
    assert found.answers[0].attention is None
