"""Every word a participant may read."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from feedback.look import Asked, Kind, Look
from feedback.sizes import text_width
from feedback.wording import Wording, lacking, languages, wording, wording_problems
from rtfmri.messages import DisplaySettings, RatingScale, TrialInfo
from rtfmri.paradigm import Block

AVOIDED = {  # beside the languages' own lists: what would judge, push or alarm; pain is named where it is asked for, and nowhere else
    "en": (
        "normal try harder must should test patient disease perform performance success succeed better best good target goal alarm problem "
        "stop pain hurt hand breathe breath"
    ),
    "de": (
        "normal muss sollen sollten test patient krankheit leistung erfolg besser ziel bestehen alarm problem stopp schmerz schmerzen "
        "punkte hand atmen atem"
    ),
}
ASKED = ("rating.", "ends.")
TEXTS = [(language, key, text) for language, words in languages().items() for key, text in words.texts.items()]
LINES = [(language, key, line) for language, key, text in TEXTS for line in text]
SPOKEN = pytest.mark.parametrize("language", languages())
WIDEST_EM = 20.8  # in a window 4:3 these letters are 0.045 of its height


def test_there_are_english_and_german() -> None:
    assert set(languages()) >= {"en", "de"}


@pytest.mark.parametrize(("language", "key", "line"), LINES)
def test_no_line_holds_a_forbidden_word_or_a_number(language: str, key: str, line: str) -> None:
    words = {word.lower() for word in re.findall(r"\w+", line)}
    avoided = set(AVOIDED[language].split()) - ({"pain", "schmerzen"} if key.startswith(ASKED) else set())
    assert not words & avoided
    for rule in languages()[language].forbidden:
        assert not [word for word in words if (word.startswith(rule[:-1]) if rule.endswith("*") else word == rule)]
    assert not re.search(r"\d", line)


@SPOKEN
def test_every_language_says_which_words_it_never_shows(language: str) -> None:
    wanted = {
        "en": ("failing", "bad", "abnormal", "score", "failure", "failed"),
        "de": ("versagen", "schlecht", "abnormal", "punktzahl", "fehler"),
    }
    settings = DisplaySettings(language=language)
    for word in wanted.get(language, ()):
        study = {language: {"ended": (f"… {word} …",)}}
        assert word in "".join(wording_problems(settings.model_copy(update={"wording": study})))
    assert len(languages()[language].forbidden) >= 10


@pytest.mark.parametrize(("_language", "_key", "line"), LINES)
def test_a_line_has_at_most_8_words_and_stays_legible(_language: str, _key: str, line: str) -> None:
    assert 1 <= len(line.split()) <= 8
    assert text_width(line) <= WIDEST_EM


@pytest.mark.parametrize(("_language", "key", "text"), TEXTS)
def test_a_text_has_one_or_two_lines_but_for_what_is_said_beforehand(_language: str, key: str, text: tuple[str, ...]) -> None:
    assert 1 <= len(text) <= (3 if key == "beforehand" else 2)


@SPOKEN
def test_what_it_lacks_is_nothing_for_a_language_of_the_file(language: str) -> None:
    assert lacking(language) == ()
    assert set(languages()[language].texts) == set(languages()["en"].texts)


def test_what_it_lacks_is_said_of_a_language_that_the_study_gives_in_part() -> None:
    study = {"ar": {"paused": ("لقد توقفنا للحظة.",)}}
    assert "paused" not in lacking("ar", study)
    assert "waiting" in lacking("ar", study)
    (sentence,) = wording_problems(DisplaySettings(language="ar", wording=study))
    assert "waiting" in sentence
    assert "English" in sentence
    words = wording("ar", study)
    assert words.texts["paused"] == ("لقد توقفنا للحظة.",)
    assert words.texts["waiting"] == wording("en").texts["waiting"]


def test_the_pause_is_worded_as_the_ground_rules_say() -> None:
    assert " ".join(wording("en").lines(Look("paused"))) == "We have paused for a moment. There is nothing you need to do."


def test_what_is_to_be_known_of_the_values_is_said_before_a_run_that_shows_them() -> None:
    said = " ".join(wording("en").lines(Look("waiting"), values=True))
    assert "about six seconds old" in said
    assert "drifts by itself" in said
    assert "Every way it looks is fine." in said
    assert "six" not in " ".join(wording("en").lines(Look("waiting")))


def test_an_unknown_language_is_english_and_a_dialect_its_language() -> None:
    assert wording("xx").texts == wording("en").texts
    assert wording("de-CH").texts == wording("de").texts
    assert "xx" in wording_problems(DisplaySettings(language="xx"))[0]


@SPOKEN
@pytest.mark.parametrize("kind", ["waiting", "paused", "ended", "block"])
def test_every_look_has_words(language: str, kind: Kind) -> None:
    assert wording(language).lines(Look(kind))
    assert wording(language).lines(Look("waiting", welcome=True)) != wording(language).lines(Look("waiting"))
    assert wording(language).lines(Look("paused", own_pause=True)) != wording(language).lines(Look("paused"))


@pytest.mark.parametrize("kind", ["idle", "blank", "card"])
def test_a_look_without_a_run_or_with_a_picture_of_its_own_has_no_words(kind: Kind) -> None:
    assert wording("en").lines(Look(kind)) == ()


def test_a_block_without_a_text_takes_its_roles() -> None:
    words: Wording = wording("en")
    assert words.lines(block("evoked_pain", "regulate")) == words.texts["role.regulate"]
    assert words.lines(block("something", "unheard_of")) == words.texts["role.other"]
    assert words.lines(block("mindfulness", "regulate")) == words.texts["block.mindfulness"]


def test_a_trial_stands_in_place_of_the_blocks_words() -> None:
    trial = TrialInfo(block="situation", lines=("A letter has come.",))
    assert wording("en").lines(replace(block("situation", "other"), trial=trial)) == trial.lines


def test_a_show_block_that_shows_nothing_does_not_speak_of_the_shape() -> None:
    words = wording("en")
    nothing = block("show", "other")
    assert words.lines(nothing) == words.texts["role.other"]
    assert words.lines(replace(nothing, value_state="fresh", value=0.5, index=3)) == words.texts["block.show"]


@SPOKEN
def test_a_value_that_is_too_old_rests_and_no_word_names_a_circle(language: str) -> None:
    words = wording(language)
    assert words.lines(replace(block("mindfulness", "regulate"), resting=True))[-1] == words.texts["resting"][0]
    assert not [
        line for key, text in words.texts.items() if not key.startswith("card.") for line in text if re.search("circle|kreis", line.lower())
    ]


def test_a_study_words_single_texts_and_leaves_the_others() -> None:
    study = {"en": {"block.mindfulness": ("Just notice.",), "block.evoked_pain": ("The cuff will press.",), "role.rest": ("Rest now.",)}}
    words = wording("en", study)
    assert words.lines(block("mindfulness", "regulate")) == ("Just notice.",)
    assert words.lines(block("evoked_pain", "regulate")) == ("The cuff will press.",)
    assert words.lines(block("rest", "rest")) == ("Rest now.",)
    assert words.texts["ended"] == wording("en").texts["ended"]
    assert wording_problems(DisplaySettings(wording=study)) == ()
    assert wording("de", study).texts == wording("de").texts


@pytest.mark.parametrize(
    ("key", "lines", "named"),
    [
        ("blok.rest", ("Rest.",), "blok.rest"),
        ("block.", ("Rest.",), "unknown"),
        ("role.resting", ("Rest.",), "unknown"),
        ("ended", ("Your score is high.",), "score"),
        ("ended", ("You FAILED.",), "FAILED"),
        ("ended", (" ",), "empty"),
        ("ends.pain", ("none",), "2 entries"),
        ("ends.calm", ("a", "b", "c"), "2 entries"),
        ("card.read", ("Read this.",), "2 entries"),
    ],
)
def test_an_unknown_key_or_a_forbidden_word_is_told_and_the_displays_own_text_stays(key: str, lines: tuple[str, ...], named: str) -> None:
    study = {"en": {key: lines}}
    assert named in wording_problems(DisplaySettings(wording=study))[0]
    assert wording("en", study).texts == wording("en").texts


def test_a_line_of_more_than_eight_words_is_told_and_shown() -> None:
    study = {"en": {"ended": ("one two three four five six seven eight nine",)}}
    assert "8 words" in wording_problems(DisplaySettings(wording=study))[0]
    assert wording("en", study).texts["ended"] == study["en"]["ended"]


def test_a_question_is_the_studys_own_else_the_displays_for_its_name_else_a_general_one() -> None:
    words = wording("de")
    own = RatingScale(name="pain", question={"de": ("Wie ist Ihr Rücken?",)}, ends={"de": ("ruhig", "laut")})
    assert words.lines(Look("rating", asked=Asked(own, 0.0, 1.0))) == ("Wie ist Ihr Rücken?",)
    assert words.ends(own) == ("ruhig", "laut")
    assert words.question(RatingScale(name="pain")) == words.texts["rating.pain"]
    assert words.ends(RatingScale(name="calm")) == words.texts["ends.other"]
    assert words.question(RatingScale(name="calm")) == words.texts["rating.other"]
    assert wording("en", {"en": {"rating.calm": ("How calm is it?",)}}).question(RatingScale(name="calm")) == ("How calm is it?",)
    assert wording("de-CH").question(own) == ("Wie ist Ihr Rücken?",)


def test_a_question_with_a_forbidden_word_is_told() -> None:
    scale = RatingScale(name="mood", question={"en": ("How bad is it?",)})
    assert "mood" in wording_problems(DisplaySettings(ratings=(scale,)))[0]


def block(name: str, role: str) -> Look:
    return Look("block", Block(name, 0.0, 10.0, role), 0)
