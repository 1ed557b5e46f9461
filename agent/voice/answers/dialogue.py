"""What the avatar says next, from what was said so far and what it knows."""

from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from agent.voice.answers.by_sound import ALIKE_IN_SOUND
from agent.voice.answers.found import Found, Search, SearchReply
from agent.voice.answers.passages import sentences
from agent.voice.answers.phrases import (
    follow_up,
    leans_on_the_last,
    listed,
    phrase_like,
    said,
    small_talk,
    unframed,
)
from agent.voice.answers.words import folded, language_of, words
from protocol.jobspec import Language

SURE: Final = 0.5  # from here on a pair is the answer
PERHAPS: Final = 0.42  # from here on it is worth asking whether it was meant
SURE_IN_CONTEXT: Final = 0.45  # of a question that leans on the last one: the mean of its score with and without it
SURE_OF_PASSAGE: Final = 0.55
SURE_IN_SOUND: Final = 0.45  # of a greeting or a follow-up that was heard badly
PASSAGE_HANDICAP: Final = 0.03  # of two that fit as well, the answer that somebody wrote for the question is taken
MOST_REMEMBERED: Final = 100

Kind = Literal[
    "answer", "quote", "perhaps", "unknown", "small_talk", "repeat", "no_more", "not_heard", "empty", "meant_otherwise"
]


@dataclass(frozen=True)
class Turn:
    """Something that was said: by the visitor, or (as far as it was heard) by the avatar."""

    by_visitor: bool
    text: str
    unsure: bool = False  # spoken, and perhaps heard wrong

    def goes_by_sound(self, language: Language) -> bool:
        """Whether what sounds like it counts, too: English is heard well enough to be taken at its word."""
        return self.unsure and language == "ar"


@dataclass(frozen=True)
class Reply:
    """What to say, and where it comes from."""

    text: str
    kind: Kind
    language: Language
    found: Found | None = None

    @property
    def sentences(self) -> list[str]:
        return sentences(self.text)


class Dialogue:
    """One session's conversation. Everything but the sources of its own replies is read from the turns each time, so that an
    answer which was prepared and never said leaves no trace.
    """

    def __init__(
        self, name: str, language: Language, knowledge: str | None, search: Callable[[Search], Awaitable[SearchReply]]
    ) -> None:
        self._name = name
        self._language = language
        self._knowledge = knowledge
        self._search = search
        self._replies: OrderedDict[str, Reply] = OrderedDict()  # by folded text

    async def reply(self, turns: Sequence[Turn]) -> Reply:
        """The answer to the last turn, which is the visitor's. Raises what the search raises."""
        reply = await self._reply(turns)
        self._replies[folded(reply.text)] = reply
        while len(self._replies) > MOST_REMEMBERED:
            self._replies.popitem(last=False)
        return reply

    async def _reply(self, turns: Sequence[Turn]) -> Reply:
        question = turns[-1].text.strip() if turns else ""
        language = language_of(question, self._language_so_far(turns))
        unsure = bool(turns) and turns[-1].unsure
        by_sound = bool(turns) and turns[-1].goes_by_sound(language)
        if by_sound:
            question = await self._courtesy(question, language) or question
        earlier = [reply for turn in turns[:-1] if not turn.by_visitor and (reply := self._earlier(turn.text))]
        last = earlier[-1] if earlier else None
        if not words(question):
            return Reply(said("not_heard", language), "not_heard", language)
        wanted = follow_up(question, language)
        if wanted == "repeat":
            return self._repeated(turns, language)
        if last is not None and last.found is not None:
            if wanted == "more" or (wanted == "yes" and last.kind in {"answer", "quote"}):
                return await self._more(last, earlier, language)
            if last.kind == "perhaps" and wanted == "yes":
                return _answered(last.found, language)
            if last.kind == "perhaps" and wanted == "no":
                return Reply(said("meant_otherwise", language), "meant_otherwise", language)
        if wanted in {"yes", "no"}:
            return Reply(said("go_on" if wanted == "yes" else "at_your_service", language), "small_talk", language)
        talk = small_talk(question, language)
        question = unframed(question, language)
        context = None
        if last is not None and last.found is not None and leans_on_the_last(question, language):
            context = last.found.question if last.found.kind == "pair" else _last_question(turns)
        result = await self._find(question, language, context, by_sound=by_sound)
        if talk is not None and not (result.found and result.found[0].score == 1.0):
            return _chatted(talk, self._name, result, earlier, language)
        if result.is_empty:
            return Reply(said("empty", language), "empty", language)
        reply = _chosen(result, earlier, language, leans=context is not None)
        return _asking_again(reply, result, earlier) if unsure and reply.kind == "unknown" else reply

    async def _courtesy(self, heard: str, language: Language) -> str | None:
        """The greeting, thanks or follow-up that it sounds like, more than like any question to the knowledge."""
        phrase, likeness = phrase_like(heard, language)
        if likeness < SURE_IN_SOUND:
            return None
        result = await self._find(heard, language, by_sound=True)
        best = result.found[0].score if result.found else 0.0
        return phrase if likeness * ALIKE_IN_SOUND > best else None

    async def _find(
        self, question: str, language: Language, context: str | None = None, *, by_sound: bool = False
    ) -> SearchReply:
        if self._knowledge is None:
            return SearchReply(is_empty=True)
        return await self._search(
            Search(knowledge=self._knowledge, question=question, language=language, context=context, by_sound=by_sound)
        )

    async def _more(self, last: Reply, earlier: Sequence[Reply], language: Language) -> Reply:
        """Something on the same topic that was not said yet."""
        found = last.found
        assert found is not None, "asked for more of an answer only"  # noqa: S101
        seed = found.question if found.kind == "pair" else found.answer
        result = await self._find(f"{found.topic} {seed}" if found.kind == "pair" else seed, language)
        heard = {(reply.found.kind, reply.found.group, reply.found.answer) for reply in earlier if reply.found}
        groups = {group for kind, group, _ in heard if kind == "pair"}
        for each in result.found:
            if each.kind == "pair" and each.group not in groups and each.topic and each.topic == found.topic:
                return _answered(each, language)
            if each.kind == "passage" and (each.kind, each.group, each.answer) not in heard and each.score >= PERHAPS:
                return _answered(each, language)
        return _pointing("no_more", result, earlier, language)

    def _repeated(self, turns: Sequence[Turn], language: Language) -> Reply:
        for turn in reversed(turns[:-1]):
            if not turn.by_visitor and turn.text.strip():
                reply = self._earlier(turn.text)
                return reply or Reply(turn.text, "repeat", language_of(turn.text, language))
        return Reply(said("nothing_to_repeat", language), "not_heard", language)

    def _earlier(self, text: str) -> Reply | None:
        """The reply that was said, also where the visitor interrupted it."""
        start = folded(text)
        if not start:
            return None
        return self._replies.get(start) or next(
            (reply for whole, reply in reversed(self._replies.items()) if whole.startswith(start)), None
        )

    def _language_so_far(self, turns: Sequence[Turn]) -> Language:
        """Of the visitor's last words that show one: “OK” in between changes nothing."""
        for turn in reversed(turns[:-1]):
            if turn.by_visitor and len(words(turn.text)) > 1:
                return language_of(turn.text, self._language)
        return self._language


def _last_question(turns: Sequence[Turn]) -> str | None:
    return next((turn.text for turn in reversed(turns[:-1]) if turn.by_visitor), None)


def _chosen(result: SearchReply, earlier: Sequence[Reply], language: Language, *, leans: bool) -> Reply:
    """The best of what was found, if it is good enough."""
    if result.found and result.found[0].score == 1.0:
        return _answered(result.found[0], language)
    scores: defaultdict[tuple[str, str], float] = defaultdict(float)
    by_key: dict[tuple[str, str], Found] = {}
    for each in [*result.found, *result.in_context]:
        by_key[each.kind, each.id] = each
        score = each.score - (PASSAGE_HANDICAP if each.kind == "passage" else 0)
        scores[each.kind, each.id] += score / 2 if leans else score
    if not scores:
        return _pointing("unknown", result, earlier, language)
    key, score = max(scores.items(), key=lambda item: item[1])
    best = by_key[key]
    sure = SURE_OF_PASSAGE - PASSAGE_HANDICAP if best.kind == "passage" else SURE
    if score >= (min(sure, SURE_IN_CONTEXT) if leans else sure):
        return _answered(best, language)
    if best.kind == "pair" and best.score >= PERHAPS and best.language == language:
        return Reply(said("perhaps", language, question=best.question), "perhaps", language, best)
    return _pointing("unknown", result, earlier, language)


def _asking_again(reply: Reply, result: SearchReply, earlier: Sequence[Reply]) -> Reply:
    """What was hardly heard is not called unknown: the question that it sounds like most is offered."""
    own = (each for each in result.found if each.kind == "pair" and each.language == reply.language)
    nearest = next(own, None)
    if nearest is None:
        return reply
    times = sum(each.kind == "perhaps" for each in earlier)
    text = said("hardly_heard", reply.language, times, question=nearest.question)
    return Reply(text, "perhaps", reply.language, nearest)


def _answered(found: Found, language: Language) -> Reply:
    if found.kind == "passage":
        quote = said("quoted", language, document=found.group, quote=found.answer)
        return Reply(quote, "quote", language, found)
    if found.language != language:
        return Reply(said("other_language", language, quote=found.answer), "answer", language, found)
    return Reply(found.answer, "answer", language, found)


def _chatted(talk: str, name: str, result: SearchReply, earlier: Sequence[Reply], language: Language) -> Reply:
    asks_for_topics = talk in {"who_are_you", "what_can_you_do"}
    if asks_for_topics and result.is_empty:
        return Reply(said("empty", language), "empty", language)
    times = sum(reply.kind == "small_talk" for reply in earlier)
    topics = listed(result.topics or result.examples, language, times if asks_for_topics else 0)
    return Reply(said(talk, language, times, name=name, topics=topics), "small_talk", language)


def _pointing(
    name: Literal["unknown", "no_more"], result: SearchReply, earlier: Sequence[Reply], language: Language
) -> Reply:
    """An honest no, with what can be asked instead: something else each time."""
    if result.is_empty:
        return Reply(said("empty", language), "empty", language)
    times = sum(reply.kind in {"unknown", "no_more"} for reply in earlier)
    if not result.topics:
        question = result.examples[times % len(result.examples)] if result.examples else ""
        return Reply(said(f"{name}_without_topics", language, question=question), name, language)
    return Reply(said(name, language, times, topics=listed(result.topics, language, times)), name, language)
