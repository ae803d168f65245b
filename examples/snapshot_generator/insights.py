"""
What a meeting was about: speakers, topics, decisions, action items, open questions.

By rules and word counts alone, so the same transcript always gives the same snapshot. Each finder is one observed stage.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from transcript import Cue, Transcript

import csg_otel

_phrases = csg_otel.cache("phrases")
_known_phrases: dict[str, tuple[str, ...]] = {}
_MOST_PHRASES = 20_000

_STOPWORDS = frozenset((Path(__file__).parent / "stopwords.txt").read_text(encoding="utf-8").split())
_DECISION = re.compile(
    r"\bdecision:|\bwe(?:'ve| have)?(?: all| also| then)? (?:agreed|decided|settled)\b|\b(?:so )?let's go with\b"
    r"|\bwe(?:'ll| will|'re going to| are going to) (?:go with|stick with)\b|\bit(?:'s| is) decided\b|\bthat's decided\b"
    r"|\bthe decision is\b|\bagreed[:,] ",
    re.IGNORECASE,
)
_DECISION_LEAD = re.compile(
    r"^(?:(?:okay|ok|right|so|then|good|great|fine|and|yes|alright|well)[,.]? )*"
    r"(?:decision: ?|agreed[:,] |the decision is (?:that )?)?",
    re.IGNORECASE,
)
_TASKS = (
    r"add|arrange|ask|book|bring|build|call|chase|check|clean|collect|compare|confirm|contact|coordinate|create|"
    r"define|draft|document|email|explain|extend|find|finish|fix|follow|forward|gather|get|give|hand|invite|list|"
    r"look|make|map|measure|meet|move|open|order|organise|organize|own|pick|plan|post|prepare|present|propose|"
    r"provide|publish|pull|put|raise|record|rehearse|remove|replace|report|request|research|review|rewrite|rotate|"
    r"run|schedule|scope|send|set|share|sketch|speak|start|submit|sum|switch|sync|talk|test|track|train|translate|"
    r"try|turn|update|upload|verify|walk|work|write"
)
_TASK = rf"(?:also |then |personally |please )?(?:{_TASKS})\b"
_OWN_ACTION = re.compile(rf"\bI(?:'ll| will|'m going to| can) ({_TASK}.*)", re.IGNORECASE)
_MARKED_ACTION = re.compile(
    r"\baction(?: item| point)?(?: for)?[:,]? (?:for )?([A-Z]\w+)[,:]?"
    r"(?: to| will|'ll|:)? (.*)",
    re.IGNORECASE,
)
_DUE = re.compile(
    r"\b(?:by|before|until|no later than) ((?:the )?(?:end of (?:the |this |next )?(?:day|week|month|quarter|sprint|year)"
    r"|(?:next |this |coming )?(?:mon|tues|wednes|thurs|fri|satur|sun)day(?: (?:morning|noon|afternoon|evening))?"
    r"|(?:next |this )(?:week|month|sprint|quarter)|tomorrow(?: \w+)?|tonight|noon|today"
    r"|(?:january|february|march|april|may|june|july|august|september|october|november|december)"
    r"(?: (?:the )?\w+)?|\d{1,2}(?:st|nd|rd|th)?(?: of)? \w+))",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"\bopen question\b|\bwe (?:still )?(?:don't|do not) know\b|\bstill (?:unclear|open|unanswered)\b|\bwho owns\b"
    r"|\bremains (?:open|unclear)\b|\bnobody (?:here )?knows\b",
    re.IGNORECASE,
)
_SHRUG = re.compile(
    r"\b(?:not sure|don't know|no idea|good question|come back to|find out|park (?:that|it|this)|take (?:that|it) offline"
    r"|can't (?:say|answer)|have to check|need to check|unclear)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Speaker:
    """Somebody who spoke; ``share`` of all words, 0 to 1."""

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
    """Something somebody will do; ``due`` as it was said, empty if it was not."""

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


@csg_otel.observe("analyse")
def analyse(meeting: Transcript) -> Insights:
    """Find everything in *meeting*."""
    return Insights(
        find_speakers(meeting),
        find_topics(meeting),
        find_decisions(meeting),
        find_actions(meeting),
        find_questions(meeting),
    )


def sentences(cue: Cue) -> list[str]:
    """Return the sentences of a cue."""
    return [part.strip() for part in re.split(r"(?<=[.!?])\s+", cue.text) if part.strip()]


@csg_otel.observe("find_speakers")
def find_speakers(meeting: Transcript) -> tuple[Speaker, ...]:
    """Return who spoke, most words first."""
    cues, words, seconds = Counter[str](), Counter[str](), Counter[str]()
    for cue in meeting.cues:
        cues[cue.speaker] += 1
        words[cue.speaker] += len(cue.text.split())
        seconds[cue.speaker] += cue.end - cue.start  # type: ignore[assignment] # a counter of seconds
    total = sum(words.values()) or 1
    return tuple(
        Speaker(name, cues[name], words[name], seconds[name], words[name] / total) for name, _ in words.most_common()
    )


@csg_otel.observe("find_topics")
def find_topics(meeting: Transcript, most: int = 6) -> tuple[Topic, ...]:
    """Return the pairs of words, then the words, that came back most often."""
    names = {part.lower() for cue in meeting.cues for part in cue.speaker.split()}
    singles, pairs = Counter[str](), Counter[str]()
    first: dict[str, float] = {}
    for cue in meeting.cues:
        for sentence in sentences(cue):
            found = [word for word in keywords(sentence) if word not in names]
            phrases = [" ".join(pair) for pair in itertools.pairwise(found) if "" not in pair]
            singles.update(word for word in found if word)
            pairs.update(phrases)
            for phrase in (*found, *phrases):
                first.setdefault(phrase, cue.start)
    chosen: list[Topic] = [Topic(pair, count, first[pair]) for pair, count in _ranked(pairs) if count >= 3][:most]
    covered = {word for topic in chosen for word in topic.name.split()}
    for word, count in _ranked(singles):
        if len(chosen) < most and count >= 4 and word not in covered:
            chosen.append(Topic(word, count, first[word]))
    return tuple(sorted(chosen, key=lambda topic: (-topic.mentions, topic.name)))


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def keywords(sentence: str) -> tuple[str, ...]:
    """Return the words of *sentence* that mean something, in the singular; an empty string where others were."""
    known = _known_phrases.get(sentence)
    if known is not None:
        _phrases.hit()
        return known
    _phrases.miss()
    words = re.findall(r"[a-z][a-z'-]+", sentence.lower().replace("\u2019", "'"))
    found = tuple("" if word in _STOPWORDS or len(word) < 4 else _singular(word) for word in words)
    if len(_known_phrases) < _MOST_PHRASES:
        _known_phrases[sentence] = found
    return found


def _singular(word: str) -> str:
    word = word.removesuffix("'s")
    if word.endswith("ies") and len(word) > 5:
        return f"{word[:-3]}y"
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 4:
        return word[:-1]
    return word


@csg_otel.observe("find_decisions")
def find_decisions(meeting: Transcript) -> tuple[Point, ...]:
    """Return what was decided."""
    return tuple(
        Point(_tidy(_DECISION_LEAD.sub("", sentence)), cue.speaker, cue.start)
        for cue in meeting.cues
        for sentence in sentences(cue)
        if _DECISION.search(sentence) and not sentence.endswith("?")
    )


@csg_otel.observe("find_actions")
def find_actions(meeting: Transcript) -> tuple[Action, ...]:
    """Return who will do what by when."""
    people = {cue.speaker.split()[0]: cue.speaker for cue in meeting.cues}
    return tuple(_unlike(action for cue in meeting.cues for action in _actions_of(cue, people)))


def _actions_of(cue: Cue, people: dict[str, str]) -> Iterator[Action]:
    others = re.compile(rf"\b({'|'.join(map(re.escape, people))}) (?:will|to|is going to) ({_TASK}.*)")
    for sentence in sentences(cue):
        if sentence.endswith("?"):
            continue
        marked = _MARKED_ACTION.search(sentence)
        if marked is not None and marked.group(1) in people:
            yield _action(people[marked.group(1)], marked.group(2), cue)
        elif (other := others.search(sentence)) is not None:
            yield _action(people[other.group(1)], other.group(2), cue)
        elif (own := _OWN_ACTION.search(sentence)) is not None:
            yield _action(cue.speaker, own.group(1), cue)


def _action(owner: str, text: str, cue: Cue) -> Action:
    due = _DUE.search(text)
    return Action(owner, _tidy(text), due.group(1) if due is not None else "", cue.start)


def _unlike(actions: Iterator[Action]) -> Iterator[Action]:
    """Leave out what was only repeated."""
    seen: set[tuple[str, str]] = set()
    for action in actions:
        key = (action.owner, " ".join(action.text.lower().split()[:4]))
        if key not in seen:
            seen.add(key)
            yield action


@csg_otel.observe("find_questions")
def find_questions(meeting: Transcript) -> tuple[Point, ...]:
    """Return the questions that were left open: said to be, or met with a shrug."""
    found: list[Point] = []
    for place, cue in enumerate(meeting.cues):
        replies = [reply for reply in meeting.cues[place + 1 : place + 3] if reply.speaker != cue.speaker]
        for sentence in sentences(cue):
            shrugged = sentence.endswith("?") and any(_SHRUG.search(reply.text) for reply in replies)
            if _OPEN.search(sentence) or shrugged:
                text = re.sub(r"^.*?\bopen question(?: is| here is)?[:,]? ?", "", sentence, flags=re.IGNORECASE)
                found.append(Point(_tidy(text or sentence), cue.speaker, cue.start))
    return tuple(found)


def _tidy(text: str) -> str:
    text = " ".join(text.split()).strip(" ,;:-")
    return text[:1].upper() + text[1:]
