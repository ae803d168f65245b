"""
How people say that something is decided, to be done or open: the patterns the finders go by.

Rules for English meetings, wide enough for speech and narrow enough that chat stays out.
"""

from __future__ import annotations

import re

_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTH = r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
_TASKS = (
    r"add|arrange|ask|book|bring|build|call|change|chase|check|clean|collect|compare|confirm|contact|coordinate|create|"
    r"define|deploy|draft|document|email|explain|extend|find|finish|fix|follow|forward|gather|get|give|hand|invite|list|"
    r"look|make|map|measure|meet|move|open|order|organise|organize|own|pick|plan|post|prepare|present|propose|"
    r"provide|publish|pull|put|raise|record|rehearse|remove|replace|report|request|research|review|rewrite|rotate|"
    r"run|schedule|scope|send|set|share|sketch|speak|start|submit|sum|switch|sync|talk|test|track|train|translate|"
    r"try|turn|update|upload|verify|walk|work|write"
)
TASK = rf"(?:also |then |personally |please |still )?(?:{_TASKS})\b"

DECISION = re.compile(
    r"\bdecision:|\bwe(?:'ve| have)?(?: all| also| then)? (?:agreed|decided|settled)\b|\b(?:so )?let's (?:go|stick) with\b"
    r"|\bwe(?:'ll| will|'re going to| are going to) (?:go|stick) with\b|\bit(?:'s| is) decided\b|\bthat's decided\b"
    r"|\bthe decision is\b|\bagreed[:,] ",
    re.IGNORECASE,
)
DECISION_LEAD = re.compile(
    r"^(?:(?:okay|ok|right|so|then|good|great|fine|and|yes|alright|well)[,.]? )*"
    r"(?:decision: ?|agreed[:,] |the decision is (?:that )?|we(?:'ve| have)? (?:all |also )?(?:agreed|decided) (?:that |on )?"
    r"|(?:let's|we'll|we will|we're going to) go with |it(?:'s| is) decided[,:] (?:that )?)?",
    re.IGNORECASE,
)
EARLIER = re.compile(r"^(?:at|on|in|when|back|last|after|before|yesterday)\b", re.IGNORECASE)
"""A story of an earlier decision begins with its time."""
OWN_ACTION = re.compile(rf"\bI(?:'ll| will|'m going to) ({TASK}.*)", re.IGNORECASE)
MARKED_ACTION = re.compile(
    r"\baction(?: item| point)?(?: for| on)?[:,]? (?:for )?([A-Z]\w+)[,:]?(?: to| will|'ll)? (.*)", re.IGNORECASE
)
DUE = re.compile(
    r",? ?\b(?:by|before|until|no later than|on) ("
    rf"(?:the )?(?:end of (?:the |this |next )?(?:day|week|month|quarter|sprint|year|{_DAY})|close of business)"
    rf"|(?:next |this |coming )?{_DAY}(?: (?:morning|noon|lunch|afternoon|evening|night))?"
    r"|(?:next |this )(?:week|month|sprint|quarter)|tomorrow(?: (?:morning|noon|afternoon|evening))?|tonight|noon|today"
    rf"|{_MONTH}(?: (?:the )?\w+)?|the \w+ of {_MONTH})\b",
    re.IGNORECASE,
)
SOON = re.compile(
    r" \b(tomorrow(?: (?:morning|afternoon))?|tonight|today|this (?:afternoon|week|month)|next (?:week|month)|the same day"
    r"|over the weekend)(?=[.,!]|$)",
    re.IGNORECASE,
)
TALK = re.compile(
    r"(?:walk us|share my screen|make it (?:short|quick|brief)|sum (?:it |this )?up|start with|put it (?:in|down)|say\b)",
    re.IGNORECASE,
)
"""What people say they'll do and have done a minute later."""
ASIDE = re.compile(
    r", (?:(?:and|but) )?(?:(?:next )?\w+ )?(?:I|I'm|we|you|he|she|they|please)\b.*"
    r"|, (?:just )?(?:so that|because|that's)\b.*"
)
TAG_QUESTION = re.compile(
    r", (?:is that (?:all right|okay|fine)|all right|okay|right|does that work)\?$", re.IGNORECASE
)
OPEN = re.compile(
    r"\bopen question\b|(?<!what )\bwe (?:still )?(?:don't|do not) know\b|\bstill (?:unclear|open|unanswered)\b"
    r"|\bremains (?:open|unclear)\b|\bnobody (?:here )?knows\b",
    re.IGNORECASE,
)
OPEN_LEAD = re.compile(r"^.*?\bopen question(?: is| here is)?[:,]? ?", re.IGNORECASE)
SHRUG = re.compile(
    r"\b(?:not sure|don't know|no idea|good question|come back to (?:that|it|this|you)|find out|park (?:that|it|this)"
    r"|take (?:that|it|this) offline|can't (?:say|answer)|have to check|need to check|unclear|nobody (?:here )?knows)\b",
    re.IGNORECASE,
)
FILLER = re.compile(
    r"^(?:(?:okay|ok|right|so|then|and|but|yes|yeah|well|sorry|um|uh|hmm|one more thing|also)[,.]? )+(?=\S)",
    re.IGNORECASE,
)
