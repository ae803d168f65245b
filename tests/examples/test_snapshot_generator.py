"""What the snapshot generator reads out of a meeting, by parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from snapshot_generator import analyse, snapshot, vtt
from support.capture import Captured

HEAD = "WEBVTT\n\n"


def meeting(*said: tuple[str, str]) -> vtt.Transcript:
    """Return a meeting in which *said* (speaker, words) was said, a cue every ten seconds."""
    cues = tuple(vtt.Cue(10.0 * at, 10.0 * at + 8, who, text) for at, (who, text) in enumerate(said))
    return vtt.Transcript("A meeting", cues)


def test_the_samples_are_real_meetings(samples: Path) -> None:
    """At least three, each of 150 cues or more, with people, decisions, tasks with dates, questions and topics."""
    paths = sorted(samples.glob("*.vtt"))
    assert len(paths) >= 3

    for path in paths:
        transcript = vtt.read(path)
        found = analyse.analyse(transcript)
        assert len(transcript.cues) >= 150
        assert len(found.speakers) >= 4
        assert abs(sum(speaker.share for speaker in found.speakers) - 1) < 1e-9
        assert "Unknown" not in {speaker.name for speaker in found.speakers}
        assert len(found.decisions) >= 3
        assert len(found.actions) >= 5
        assert sum(bool(action.due) for action in found.actions) >= 3
        assert found.questions
        assert found.topics


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:01.000 --> 00:02.500\n<v Ann Lee>Hello.</v>", [(1.0, 2.5, "Ann Lee", "Hello.")]),
        ("id 7\n01:00:01.000 --> 01:00:02.000 align:start\nBob: Hi &amp; bye", [(3601.0, 3602.0, "Bob", "Hi & bye")]),
        (
            "00:01.000 --> 00:02.000\n<v Ann>One\n<v Bob><i>two</i> words",
            [(1.0, 2.0, "Ann", "One"), (1.0, 2.0, "Bob", "two words")],
        ),
        ("NOTE a comment\n\n00:01.000 --> 00:02.000\nplain words", [(1.0, 2.0, "Unknown", "plain words")]),
    ],
)
def test_cues_are_read_as_meeting_software_writes_them(text: str, expected: list[tuple[object, ...]]) -> None:
    """With voice tags or names before a colon, identifiers, settings, hours, several lines and entities."""
    cues = vtt.parse(HEAD + text).cues

    assert [(cue.start, cue.end, cue.speaker, cue.text) for cue in cues] == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1"),
        ("hello\n", "line 1"),
        (HEAD, "no cue"),
        (HEAD + "00:01.000 -> 00:02.000\nsecret words", "line 3"),
        (HEAD + "00:03.000 --> 00:02.000\nsecret words", "ends before it starts"),
        (HEAD + "1:2 --> 00:02.000\nsecret words", "line 3"),
    ],
)
def test_an_error_names_the_line_and_never_what_was_said(text: str, message: str) -> None:
    """What people say in meetings does not belong in logs."""
    with pytest.raises(vtt.TranscriptError, match=message) as raised:
        vtt.parse(text)

    assert "secret" not in str(raised.value)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are told as such."""
    (tmp_path / "x.vtt").write_bytes(b"\x00\xff\xfe")

    with pytest.raises(vtt.TranscriptError, match="UTF-8"):
        vtt.read(tmp_path / "x.vtt")


def test_a_sentence_cut_by_cues_or_an_interruption_is_whole_again() -> None:
    """Cues end where the line is full, not where the sentence is."""
    said = analyse.find_sentences(
        meeting(("Ann", "We agreed that the"), ("Ann", "portal --"), ("Bob", "Yes!"), ("Ann", "stays. Fine."))
    )

    assert [sentence.text for sentence in said] == ["We agreed that the portal stays.", "Fine.", "Yes!"]


def test_decisions_are_told_from_questions_and_stories() -> None:
    """Not every sentence with 'decided' in it decides something."""
    said = analyse.find_sentences(
        meeting(
            ("Ann", "Okay, so we agreed on two languages."),
            ("Bob", "Have we decided that?"),
            ("Ann", "Last year we decided to wait."),
            ("Bob", "Decision: the pilot starts in May."),
        )
    )

    assert [point.text for point in analyse.find_decisions(said)] == ["Two languages.", "The pilot starts in May."]


def test_tasks_have_an_owner_and_a_date() -> None:
    """Whoever promises, is named, or is told; the date apart from the task."""
    said = analyse.find_sentences(
        meeting(
            ("Ann", "I'll write the summary by Friday."),
            ("Bob", "Ann will check the numbers, because I can't."),
            ("Ann", "I'll be there."),
            ("Ann", "Action for Bob: book the room."),
        )
    )
    found = analyse.find_actions(said, {"Ann": "Ann Lee", "Bob": "Bob Ray"})

    assert [(action.owner, action.text, action.due) for action in found] == [
        ("Ann", "Write the summary", "Friday"),
        ("Ann Lee", "Check the numbers", ""),
        ("Bob Ray", "Book the room", ""),
    ]


def test_a_question_is_open_when_it_is_met_with_a_shrug() -> None:
    """An answered question is not."""
    said = analyse.find_sentences(
        meeting(
            ("Ann", "Who pays for the hosting?"),
            ("Bob", "Good question, I don't know."),
            ("Ann", "Is the test system ready?"),
            ("Bob", "It is."),
        )
    )

    assert [question.text for question in analyse.find_questions(said)] == ["Who pays for the hosting?"]


def test_markdown_of_a_meeting_can_not_be_broken_by_what_was_said() -> None:
    """Pipes, tags and brackets are escaped."""
    transcript = meeting(("A|B", "I'll write the <script> by Friday."))
    text = snapshot.render(transcript, analyse.analyse(transcript))

    assert r"A\|B" in text
    assert "<script>" not in text


def test_stages_are_seen_as_operations(samples: Path, captured: Captured) -> None:
    """Each stage of a meeting is a span, and the cache of phrases is counted."""
    transcript = vtt.read(next(samples.glob("*.vtt")))
    analyse.analyse(transcript)

    names = {span.name.rsplit(".", 1)[-1] for span in captured.spans}
    assert {"parse", "analyse", "find_topics", "find_decisions", "find_actions"} <= names
    found = [
        point for point in captured.points("csg.cache.requests") if point.attributes["csg.cache.name"] == "phrases"
    ]
    assert sum(point.value for point in found) > 100
