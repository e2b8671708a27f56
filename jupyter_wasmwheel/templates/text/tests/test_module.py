import __MODULE__


def test_characters_are_graphemes():
    family = "👩‍👩‍👧"
    assert len(family) == 5, "Python counts code points"
    assert __MODULE__.characters(f"e\u0301{family}!") == ["e\u0301", family, "!"]


def test_words_are_sorted_by_frequency():
    assert __MODULE__.words("No, no: can't!") == [("no", 2), ("can't", 1)]


def test_suggest_corrects_typing_errors():
    commands = ["build", "test", "publish"]
    assert __MODULE__.suggest("biuld", commands) == "build"
    assert __MODULE__.suggest("install", commands) is None
