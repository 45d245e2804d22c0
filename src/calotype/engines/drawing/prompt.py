"""Read a prompt: walk its words once, from left to right, and note what each noun phrase, relation and scene asks for.

Every rule looks at the words from one position and returns how many it took; the first that takes any wins. No rule looks
further than a few words, so that the time is linear in the prompt's length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from calotype.engines.drawing import lexicon as lex
from calotype.engines.drawing.art import Drawing, Library
from calotype.engines.drawing.phrases import background_at, longest_in, purpose_at
from calotype.engines.drawing.reading import Mention, Reading, Relation
from calotype.engines.drawing.traits import (
    CARRIED,
    CONTAINERS,
    PAINTABLE,
    TREES,
    Place,
    is_clothing,
    place_of,
    size_of,
)
from calotype.engines.drawing.words import is_invariant, is_mark, is_plural, singular, split

MOST_MENTIONS = 12
MOST_OF_A_KIND = 12
MOST_GUESSES = 16
LONGEST_NAME = 4
_DOING = {"person-activity", "person-sport"}
"""Groups whose drawings are called by what someone does ("running"), which in a prompt is a verb."""
_KEPT_RELATIONS = {
    "on",
    "in",
    "under",
    "left_of",
    "right_of",
    "next_to",
    "in_front_of",
    "behind",
    "above",
    "wears",
    "holds",
    "chases",
    "leaps",
}


def read_prompt(text: str, library: Library, *, negative: str | None = None, style: str | None = None) -> Reading:
    """Return what a prompt asks for, less what the negative prompt forbids; `style` speaks before the prompt."""
    reading = PromptReader(split(text), library).read()
    if style:
        _apply_style(style, reading)
    if negative:
        unwanted = PromptReader(split(negative), library).read()
        reading.unwanted += [mention.drawing.id for mention in unwanted.mentions] + unwanted.unwanted
        reading.unwanted_scenes += unwanted.scenes
    return _without_unwanted(reading)


def _apply_style(style: str, reading: Reading) -> None:
    words = split(style)
    found = [lex.STYLES[phrase] for at in range(len(words)) if (phrase := longest_in(lex.STYLES, words, at, 3))]
    if found:
        reading.style = found[0]
    else:
        reading.unknown += words


def _without_unwanted(reading: Reading) -> Reading:
    """Drop the mentions that were asked to stay away, and the relations that spoke of them."""
    kept = [number for number, mention in enumerate(reading.mentions) if mention.drawing.id not in reading.unwanted]
    place = {number: at for at, number in enumerate(kept)}
    reading.mentions = [reading.mentions[number] for number in kept]
    reading.relations = [
        Relation(place[relation.subject], relation.kind, place[relation.object])
        for relation in reading.relations
        if relation.subject in place and relation.object in place
    ]
    reading.scenes = [scene for scene in reading.scenes if scene not in reading.unwanted_scenes]
    return reading


class PromptReader:
    """The walk over one prompt's words, and what is pending while a noun phrase is still open."""

    def __init__(self, words: Sequence[str], library: Library) -> None:
        self._words = words
        self._library = library
        self._reading = Reading()
        self._head: int | None = None
        self._joined: list[int] = []
        self._relation: str | None = None
        self._inverse: tuple[str, int] | None = None
        self._everyone = False
        self._wearer: int | None = None
        self._laid: int | None = None
        self._clause_is_empty = True
        self._guesses = 0
        self._open_phrase()
        self._rules: tuple[Callable[[int], int], ...] = (
            self._mark, self._background, self._purpose, self._view, self._negation, self._longer_name, self._style, self._scene,
            self._relation_words, self._clause_end, self._pronoun, self._number, self._colour, self._adjective, self._name,
            self._filler, self._guess,
        )  # fmt: skip

    def read(self) -> Reading:
        """Walk to the end."""
        at = 0
        while at < len(self._words):
            at += next((taken for rule in self._rules if (taken := rule(at))), 1)
        return self._reading

    def _open_phrase(self) -> None:
        self._count: int | None = None
        self._vague = False
        self._paint: str | None = None
        self._shade: str | None = None
        self._scale = 1.0
        self._mixed = False
        self._definite = False

    def _word(self, at: int) -> str:
        return self._words[at] if at < len(self._words) else "."

    # ------------------------------------------------------------------------------------------------ whole phrases

    def _mark(self, at: int) -> int:
        if not is_mark(self._words[at]):
            return 0
        self._open_phrase()
        self._relation = None
        self._joined = self._joined if self._words[at] == "," else []
        self._clause_is_empty = True
        return 1

    def _background(self, at: int) -> int:
        taken, colour = background_at(self._words, at)
        if taken:
            self._reading.background = colour
            self._relation = None
            self._open_phrase()
        return taken

    def _purpose(self, at: int) -> int:
        return purpose_at(self._words, at)

    def _view(self, at: int) -> int:
        """Take "top view", "close-up", "high quality": how the picture is taken names nothing in it."""
        phrase = longest_in(lex.VIEWS, self._words, at, 3)
        if not phrase:
            return 0
        length = len(phrase.split())
        return length + 1 if self._word(at + length) == "of" else length

    def _negation(self, at: int) -> int:
        """Take "no clouds", "without any people": what follows is unwanted."""
        if self._words[at] not in lex.NEGATIONS:
            return 0
        taken = 1
        while self._word(at + taken) in lex.DETERMINERS or self._word(at + taken) in lex.COLOURS:
            taken += 1
        length, drawing, _ = self._known(at + taken)
        if drawing is not None:
            self._reading.unwanted.append(drawing.id)
            return taken + length
        scene = longest_in(lex.SCENES, self._words, at + taken, 4)
        if scene:
            self._reading.unwanted_scenes += lex.SCENES[scene]
            return taken + len(scene.split())
        return 1

    def _style(self, at: int) -> int:
        phrase = longest_in(lex.STYLES, self._words, at, 3)
        if not phrase:
            return 0
        self._reading.style = lex.STYLES[phrase]
        return len(phrase.split())

    def _scene(self, at: int) -> int:
        if self._words[at] in lex.SUNNY and (sun := self._library.named("sun")):
            self._note(Mention("sun", sun))
            return 1
        phrase = longest_in(lex.SCENES, self._words, at, 4)
        if not phrase:
            return 0
        self._reading.add_scenes(lex.SCENES[phrase])
        if phrase not in lex.SCENE_ADJECTIVES:
            self._relation = None
            self._open_phrase()
        return len(phrase.split())

    def _relation_words(self, at: int) -> int:
        phrase = longest_in(lex.RELATIONS, self._words, at, lex.LONGEST_RELATION)
        if not phrase:
            return 0
        self._relation = lex.RELATIONS[phrase]
        self._open_phrase()
        return len(phrase.split())

    def _clause_end(self, at: int) -> int:
        word = self._words[at]
        if word in lex.EVERYONE:
            self._everyone = True
            return 1 if word != "both" or self._word(at + 1) not in lex.DETERMINERS else 0
        if word not in lex.CLAUSE_ENDS:
            return 0
        self._open_phrase()
        self._relation = None
        return 1

    def _pronoun(self, at: int) -> int:
        """Take "it", "its back", "their mother": what the words before were about."""
        word, following = self._words[at], self._word(at + 1)
        part = following in lex.BODY_PARTS or following in lex.KIN
        if word in lex.POSSESSIVES | {"its", "the"} and part:
            if following in lex.KIN:
                self._reading.unknown.append(following)
            elif self._relation and word != "the":
                self._refer_back()
            self._relation = None if following not in {"top", "side"} else self._relation
            return 2
        if word in lex.PRONOUNS and self._relation and (is_mark(following) or word not in lex.POSSESSIVES):
            self._refer_back()
            return 1
        return 0

    def _refer_back(self) -> None:
        """Relate the last mention to the one before it; at a clause's start, wait for the next mention instead."""
        kind, self._relation = self._relation, None
        last = len(self._reading.mentions) - 1
        if kind is None or last < 0:
            return
        if self._clause_is_empty:
            self._inverse = (kind, self._head if self._head is not None else last)
            return
        before = self._head if self._head is not None and self._head != last else last - 1
        if before >= 0:
            self._relate(last, kind, before)

    # ----------------------------------------------------------------------------------------- inside a noun phrase

    def _number(self, at: int) -> int:
        word = self._words[at]
        number = int(word) if word.isdigit() and len(word) < 3 else lex.NUMBERS.get(word)
        if word == "one" and self._paint:
            return 0
        if number:
            self._count, self._vague = number, word in lex.VAGUE_NUMBERS
            return 2 if self._word(at + 1) == "of" else 1
        if word in lex.DETERMINERS:
            self._definite = word == "the"
            self._count = 1 if word in {"a", "an"} else None
            return 1
        if word in lex.MEASURES and self._word(at + 1) == "of" and self._word(at + 2) not in lex.POSSESSIVES:
            self._count = None if self._count == 1 else self._count
            return 2
        return 0

    def _colour(self, at: int) -> int:
        word = self._words[at]
        if word in lex.MIXED_COLOURS:
            self._mixed = True
            return 1
        following = self._word(at + 1)
        if word in lex.SHADES and following in lex.COLOURS:
            self._shade = lex.SHADES[word]
            return 1
        if word not in lex.COLOURS or (self._library.named(word) and not self._describes(at)):
            return 0
        self._paint = lex.COLOURS[word]
        return 1

    def _describes(self, at: int) -> bool:
        """Whether a word that is a colour and a thing ("orange") is used as a colour: a noun phrase goes on after it."""
        following = self._word(at + 1)
        if following in lex.COLOURS or following in lex.ADJECTIVES or following in lex.SIZES:
            return True
        return self._known(at + 1)[1] is not None

    def _adjective(self, at: int) -> int:
        word = self._words[at]
        if word in lex.SIZES:
            self._scale = lex.SIZES[word]
            return 1
        return 1 if word in lex.ADJECTIVES or word in lex.EMPHASIS else 0

    def _known(self, at: int) -> tuple[int, Drawing | None, bool]:
        """Return the longest name of a drawing from here: its length in words, the drawing, and whether it is plural."""
        for length in range(min(LONGEST_NAME, len(self._words) - at), 0, -1):
            *before, last = self._words[at : at + length]
            if length == 1 and (self._names_nothing(last) or self._is_other_word(at)):
                return 0, None, False
            for noun in dict.fromkeys((singular(last), last)):
                drawing = self._library.named(" ".join([*before, noun]))
                if drawing is not None and not (last.endswith("ing") and drawing.group in _DOING):
                    return length, drawing, noun != last
        return 0, None, False

    def _is_other_word(self, at: int) -> bool:
        if self._words[at] not in lex.NEEDS_ARTICLE:
            return False
        before = self._words[at - 1] if at else "."
        return not (
            before in lex.DETERMINERS or before in lex.ADJECTIVES or before in lex.COLOURS or before in lex.SIZES
        )

    def _names_nothing(self, word: str) -> bool:
        sets = (
            lex.NOTHINGS,
            lex.ADJECTIVES,
            lex.ABSTRACT,
            lex.MEDIA,
            lex.VERBS,
            lex.SIZES,
            lex.DETERMINERS,
            lex.BODY_PARTS,
            lex.POSITIONS,
        )
        return any(word in known for known in sets)

    def _longer_name(self, at: int) -> int:
        """Take a name of several words before a scene or style word inside it is taken: "beach ball", "snow globe"."""
        length, drawing, plural = self._known(at)
        longest_other = max(
            len(longest_in(table, self._words, at, 4).split()) for table in (lex.SCENES, lex.STYLES, lex.RELATIONS)
        )
        if drawing is None or length < 2 or length <= longest_other:
            return 0
        described = self._words[at : at + length - 1]
        self._paint = next((lex.COLOURS[word] for word in described if word in lex.COLOURS), self._paint)
        for word in described:
            if word in lex.SCENE_ADJECTIVES:
                self._reading.add_scenes(lex.SCENES[word])
        self._take(" ".join(self._words[at : at + length]), drawing, plural=plural)
        return length

    def _name(self, at: int) -> int:
        length, drawing, plural = self._known(at)
        if drawing is None:
            return 0
        following = self._known(at + length)[1]
        animals = following is not None and all(one.group.startswith("animal") for one in (drawing, following))
        if following is not None and not animals:
            return length  # "chocolate cake": the noun before a noun only describes it
        self._take(" ".join(self._words[at : at + length]), drawing, plural=plural)
        return length

    def _filler(self, at: int) -> int:
        word = self._words[at]
        known = (
            word in lex.NOTHINGS
            or word in lex.MEDIA
            or word in lex.VERBS
            or word in lex.MEASURES
            or word in lex.POSITIONS
        )
        verb = word.endswith("ing") and len(word) > 4
        return 1 if known or verb or self._is_other_word(at) or not word[0].isalpha() or len(word) < 3 else 0

    def _guess(self, at: int) -> int:
        """Take a noun that is no drawing's name, and show the nearest drawing if one is near enough."""
        word = self._words[at]
        describes = self._known(at + 1)[1] is not None or self._word(at + 1) in lex.COLOURS
        if not describes and not lex.is_abstract(word) and self._guesses < MOST_GUESSES:
            self._guesses += 1
            drawing = self._library.nearest(singular(word))
            if drawing is not None:
                self._take(word, drawing, plural=is_plural(word))
                return 1
        if word not in self._reading.unknown:
            self._reading.unknown.append(word)
        return 1

    # ---------------------------------------------------------------------------------------------------- mentions

    def _take(self, name: str, drawing: Drawing, *, plural: bool) -> None:
        """Close the noun phrase: note what it names and how it stands to what came before."""
        if self._colours_the_tree(drawing):
            self._open_phrase()
            self._relation = None
            return
        if self._paint and drawing.id in PAINTABLE:
            drawing = self._library.drawings.get(PAINTABLE[drawing.id], drawing)
        plural = plural or (self._count is None and not self._definite and is_invariant(name))
        if self._definite and not plural and self._paint is None:
            earlier = [n for n, mention in enumerate(self._reading.mentions) if mention.drawing.id == drawing.id]
            if earlier:
                self._place(earlier[-1])
                return
        count = self._count if self._count is not None else (3 if plural else 1)
        if self._vague and not plural:
            count = 1
        mention = Mention(name, drawing, max(1, min(count, MOST_OF_A_KIND)))
        mention.at_least = plural and (self._count is None or self._vague)
        mention.colour, mention.shade, mention.scale, mention.mixed = self._paint, self._shade, self._scale, self._mixed
        mention.mixed = mention.mixed or (drawing.id == "balloon" and plural)
        number = self._note(mention)
        if number is not None:
            self._place(number)
        self._open_phrase()

    def _colours_the_tree(self, drawing: Drawing) -> bool:
        """Give "a tree with orange leaves" its colour."""
        if self._relation != "with" or self._head is None or "leaf" not in drawing.id.split("-"):
            return False
        tree = self._reading.mentions[self._head]
        if tree.drawing.id in TREES:
            tree.colour = self._paint or tree.colour
        return tree.drawing.id in TREES

    def _note(self, mention: Mention) -> int | None:
        if len(self._reading.mentions) >= MOST_MENTIONS:
            return None
        self._reading.mentions.append(mention)
        return len(self._reading.mentions) - 1

    def _place(self, number: int) -> None:
        """Settle the pending relation with a mention as its object, or make the mention the new head."""
        kind, self._relation = self._relation, None
        if self._inverse is not None:
            waiting, antecedent = self._inverse
            self._inverse = None
            self._relate(number, waiting, antecedent)
            self._head = number
        elif kind is not None and self._head is not None:
            subjects = (
                self._joined
                if len(self._joined) > 1 and (self._everyone or kind in {"on", "under", "in"})
                else [self._head]
            )
            for subject in subjects:
                self._relate(self._carrier_of(subject, kind), kind, number)
            self._joined = []
            self._everyone = False
        elif self._laid is not None and self._is_small(number):
            self._relate(number, "on", self._carrier_of(self._laid, "under"))
        elif self._wearer is not None and is_clothing(self._reading.mentions[number].drawing):
            self._relate(self._wearer, "wears", number)
        else:
            self._head = number
            self._wearer = None
            self._laid = None
            self._joined.append(number)
        self._clause_is_empty = False

    def _is_small(self, number: int) -> bool:
        """Whether a mention may lie beside the things before it on a table, a plate or a blanket."""
        return size_of(self._reading.mentions[number].drawing) < 0.8

    def _carrier_of(self, number: int, kind: str) -> int:
        """Return what a mention is in, so that "roses in a vase on a desk" puts the vase on the desk; else itself."""
        ways = {"on": {"in"}, "under": {"in", "on"}}.get(kind, set())
        carriers = (one.object for one in self._reading.relations if one.subject == number and one.kind in ways)
        return next(carriers, number)

    def _relate(self, subject: int, kind: str, other: int) -> None:
        one, two = self._reading.mentions[subject].drawing, self._reading.mentions[other].drawing
        if kind in {"with", "of"} and one.id in CONTAINERS and not is_clothing(two):
            subject, kind, other = other, "in", subject
        elif kind in {"of", "with"} and one.id in {"plate", "picnic-blanket", "table"}:
            subject, kind, other = other, "on", subject
            self._laid = subject
        elif kind in {"in", "with", "wears"} and is_clothing(two) and one.group.startswith(("person", "animal")):
            kind, self._wearer = "wears", subject
        elif kind == "with" and one.group.startswith("person") and two.id in CARRIED:
            kind = "holds"
        elif kind == "above" and one.id == "umbrella":
            subject, kind, other = other, "under", subject
        elif kind == "above" and place_of(one) is Place.GROUND and place_of(two) is Place.GROUND:
            kind = "leaps"
        if kind in _KEPT_RELATIONS and subject != other:
            self._reading.relations.append(Relation(subject, kind, other))
