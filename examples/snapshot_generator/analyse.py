"""
What a meeting was about: speakers, topics, decisions, action items, open questions.

By rules and word counts alone, so the same transcript always gives the same snapshot. Each finder is one observed stage.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import csg_otel
from snapshot_generator import rules
from snapshot_generator.vtt import Cue, Transcript

_phrases = csg_otel.cache("phrases")
_known_phrases: dict[str, tuple[str, ...]] = {}
_MOST_PHRASES = 20_000
_STOPWORDS = frozenset((Path(__file__).parent / "stopwords.txt").read_text(encoding="utf-8").split())
_INTERRUPTED = ("--", "\u2014", "\u2013", "...", "\u2026")


@dataclass(frozen=True)
class Sentence:
    """One speech of one speaker, joined again where cues or an interruption cut it; ``at`` is its start in seconds."""

    text: str
    speaker: str
    at: float
    turn: int


@dataclass(frozen=True)
class Speaker:
    """A speaker; ``share`` is their share of all words, 0 to 1."""

    name: str
    cues: int
    words: int
    seconds: float
    share: float


@dataclass(frozen=True)
class Topic:
    """Words that came back; ``at`` is when they came up first, in seconds."""

    name: str
    mentions: int
    at: float


@dataclass(frozen=True)
class Point:
    """A decision or a question: what was said, by whom and when (seconds)."""

    text: str
    speaker: str
    at: float


@dataclass(frozen=True)
class Action:
    """A task of one person; ``due`` as the person said it, empty without a date."""

    owner: str
    text: str
    due: str
    at: float


@dataclass(frozen=True)
class Insights:
    """Everything found in one meeting."""

    speakers: tuple[Speaker, ...]
    topics: tuple[Topic, ...]
    decisions: tuple[Point, ...]
    actions: tuple[Action, ...]
    questions: tuple[Point, ...]


@csg_otel.observe
def analyse(meeting: Transcript) -> Insights:
    """Find everything in *meeting*."""
    speakers = find_speakers(meeting)
    said = find_sentences(meeting)
    people = {speaker.name.split()[0]: speaker.name for speaker in speakers}
    return Insights(speakers, find_topics(said), find_decisions(said), find_actions(said, people), find_questions(said))


@csg_otel.observe
def find_speakers(meeting: Transcript) -> tuple[Speaker, ...]:
    """Return who spoke, most words first."""
    said: defaultdict[str, list[Cue]] = defaultdict(list)
    for cue in meeting.cues:
        said[cue.speaker].append(cue)
    words = {name: sum(len(cue.text.split()) for cue in cues) for name, cues in said.items()}
    total = sum(words.values()) or 1
    found = [
        Speaker(name, len(cues), words[name], sum(cue.end - cue.start for cue in cues), words[name] / total)
        for name, cues in said.items()
    ]
    return tuple(sorted(found, key=lambda speaker: (-speaker.words, speaker.name)))


@csg_otel.observe
def find_sentences(meeting: Transcript) -> tuple[Sentence, ...]:
    """Return what was said as sentences, in the order they began."""
    found = [
        sentence for number, turn in enumerate(_resumed(_turns(meeting.cues))) for sentence in _sentences(turn, number)
    ]
    return tuple(found)


def _turns(cues: Iterable[Cue]) -> list[list[Cue]]:
    """Return the cues that one person said without another speaking."""
    return [list(turn) for _, turn in itertools.groupby(cues, key=lambda cue: cue.speaker)]


def _resumed(turns: Sequence[list[Cue]]) -> list[list[Cue]]:
    """Return *turns*, with two turns joined where the speaker was interrupted and continued in mid-sentence."""
    found: list[list[Cue]] = []
    for turn in turns:
        before = found[-2] if len(found) > 1 else None
        first = turn[0].text.lstrip("-.\u2014\u2013\u2026 ")
        resumes = first[:1].islower() or first != turn[0].text
        if before and before[0].speaker == turn[0].speaker and before[-1].text.endswith(_INTERRUPTED) and resumes:
            before.extend(turn)
        else:
            found.append(list(turn))
    return found


def _sentences(turn: Sequence[Cue], number: int) -> Iterator[Sentence]:
    text, begins = "", []
    for cue in turn:
        if text.endswith(_INTERRUPTED):
            text = text.rstrip("-.\u2014\u2013\u2026 ")
        piece = cue.text.lstrip("-.\u2014\u2013\u2026 ")
        text = f"{text} {piece}" if text else piece
        begins.append((len(text) - len(piece), cue.start))
    for found in re.finditer(r"\S.*?(?:[.!?]+(?=\s|$)|$)", text):
        at = max(start for offset, start in begins if offset <= found.start())
        yield Sentence(found[0], turn[0].speaker, at, number)


@csg_otel.observe
def find_topics(said: Sequence[Sentence], most: int = 6) -> tuple[Topic, ...]:
    """Return the pairs of words, then the words, that came back most often."""
    names = {part.lower() for sentence in said for part in sentence.speaker.split()}
    singles, pairs = Counter[str](), Counter[str]()
    first: dict[str, float] = {}
    for sentence in said:
        found = ["" if word in names else word for word in keywords(sentence.text)]
        phrases = [f"{one} {two}" for one, two in itertools.pairwise(found) if one and two and one != two]
        singles.update(word for word in found if word)
        pairs.update(phrases)
        for phrase in (*found, *phrases):
            first.setdefault(phrase, sentence.at)
    chosen: list[Topic] = []
    covered: set[str] = set()
    for phrase, count in (*_ranked(pairs, 3), *_ranked(singles, 5)):
        if len(chosen) < most and not covered.intersection(phrase.split()):
            chosen.append(Topic(phrase, count, first[phrase]))
            covered.update(phrase.split())
    return tuple(sorted(chosen, key=lambda topic: (-topic.mentions, topic.name)))


def _ranked(counts: Counter[str], least: int) -> list[tuple[str, int]]:
    return sorted(
        ((name, count) for name, count in counts.items() if count >= least), key=lambda row: (-row[1], row[0])
    )


def keywords(sentence: str) -> tuple[str, ...]:
    """Return the words of *sentence* that mean something, in the singular; an empty string where others were."""
    known = _known_phrases.get(sentence)
    if known is not None:
        _phrases.hit()
        return known
    _phrases.miss()
    words = re.findall(r"[a-z][a-z'-]+|[.,;:!?]", sentence.lower().replace("\u2019", "'"))
    found = tuple("" if word in _STOPWORDS or len(word) < 4 else _singular(word) for word in words)
    if len(_known_phrases) < _MOST_PHRASES:
        _known_phrases[sentence] = found
    return found


def _singular(word: str) -> str:
    word = word.removesuffix("'s")
    if word.endswith("ies") and len(word) > 5:
        return f"{word[:-3]}y"
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        return word[:-1]
    return word


@csg_otel.observe
def find_decisions(said: Sequence[Sentence]) -> tuple[Point, ...]:
    """Return what was decided."""
    return tuple(
        Point(_tidy(rules.DECISION_LEAD.sub("", sentence.text)), sentence.speaker, sentence.at)
        for sentence in said
        if rules.DECISION.search(sentence.text)
        and not rules.EARLIER.match(sentence.text)
        and not sentence.text.endswith("?")
    )


@csg_otel.observe
def find_actions(said: Sequence[Sentence], people: dict[str, str]) -> tuple[Action, ...]:
    """Return who will do what by when; *people* are the full names by their first names."""
    names = "|".join(map(re.escape, people))
    others = re.compile(rf"(?:\b({names}) (?:will|is going to)|^({names}) to) ({rules.TASK}.*)")
    found: dict[tuple[str, str], Action] = {}
    for sentence in said:
        text = rules.TAG_QUESTION.sub("", sentence.text)
        owner, task = ("", "") if text.endswith("?") else _promise(text, sentence.speaker, people, others)
        if owner and not rules.TALK.match(task):
            action = _action(owner, task, sentence)
            # Who repeats a task repeats its first words; the first time stands, a date said later is added.
            key = (owner, " ".join(action.text.lower().split()[:4]))
            known = found.setdefault(key, action)
            found[key] = known if known.due else Action(known.owner, known.text, action.due, known.at)
    return tuple(found.values())


def _promise(text: str, speaker: str, people: dict[str, str], others: re.Pattern[str]) -> tuple[str, str]:
    """Return the person and the task in the sentence *text*; two empty strings if it has no task."""
    if (marked := rules.MARKED_ACTION.search(text)) is not None and marked[1] in people:
        return people[marked[1]], marked[2]
    if (other := others.search(text)) is not None:
        return people[other[1] or other[2]], other[3]
    if (own := rules.OWN_ACTION.search(text)) is not None:
        return speaker, own[1]
    return "", ""


def _action(owner: str, task: str, sentence: Sentence) -> Action:
    """Return the action with its date apart and without what was only said around it."""
    if owner != sentence.speaker:
        first_name = sentence.speaker.split()[0]
        task = re.sub(r"\bme\b", first_name, re.sub(r"\bmy\b", f"{first_name}'s", task))
    due = rules.DUE.search(task) or rules.SOON.search(task)
    if due is not None:
        task = task[: due.start()] + task[due.end() :]
    return Action(owner, _tidy(rules.ASIDE.sub("", task)).rstrip("."), due[1] if due is not None else "", sentence.at)


@csg_otel.observe
def find_questions(said: Sequence[Sentence]) -> tuple[Point, ...]:
    """Return the questions that were left open: said to be, or met with a shrug."""
    turns: defaultdict[int, list[Sentence]] = defaultdict(list)
    for sentence in said:
        turns[sentence.turn].append(sentence)
    found: list[Point] = []
    shrugs: set[int] = set()
    for sentence in said:
        if (marked := rules.OPEN_LEAD.match(sentence.text)) is not None:
            _add_question(found, sentence, sentence.text[marked.end() :])
        elif sentence.text.endswith("?"):
            reply = turns[sentence.turn + 1][:2] if turns[sentence.turn][-1] is sentence else []
            asked = _self_contained(sentence, turns[sentence.turn])
            if asked and any(rules.SHRUG.search(words.text) for words in reply):
                shrugs.add(sentence.turn + 1)  # "we don't know yet" is then the answer and no further question
                _add_question(found, sentence, asked)
        elif rules.OPEN.search(sentence.text) and sentence.turn not in shrugs:
            _add_question(found, sentence, sentence.text)
    return tuple(found)


def _self_contained(question: Sentence, turn: Sequence[Sentence]) -> str:
    """Return *question* with the one before it if it says little alone ("Does anybody know?"); empty if nothing helps."""
    if any(keywords(question.text)):
        return question.text
    place = turn.index(question)
    before = turn[place - 1].text if place else ""
    return f"{before} {question.text}" if before.endswith("?") else ""


def _add_question(found: list[Point], sentence: Sentence, text: str) -> None:
    """Add a question to *found*; asked again in much the same words, it takes the place of the first time."""
    words = set(keywords(text)) - {""}
    for known in found:
        before = set(keywords(known.text)) - {""}
        if len(words & before) > 0.6 * min(len(words), len(before)):
            found.remove(known)
            break
    found.append(Point(_tidy(rules.FILLER.sub("", text)), sentence.speaker, sentence.at))


def _tidy(text: str) -> str:
    text = re.sub(r"\s+([.,!?])", r"\1", " ".join(text.split())).strip(" ,;:-")
    return text[:1].upper() + text[1:]
