"""From text to words: lower case, plain quotes, a bounded number of them, and the singular of a noun."""

from __future__ import annotations

import re
import unicodedata

MOST_WORDS = 600
_WORD = re.compile(r"[a-z0-9àâäçéèêëîïñôöùûü]+(?:['-][a-z0-9éè]+)*|[.,;:!?&]")
_IRREGULAR = {
    "mice": "mouse", "geese": "goose", "children": "child", "people": "person", "men": "man", "women": "woman", "feet": "foot",
    "teeth": "tooth", "wolves": "wolf", "knives": "knife", "leaves": "leaf", "loaves": "loaf", "shelves": "shelf",
    "calves": "calf", "scarves": "scarf", "elves": "elf", "oxen": "ox", "cacti": "cactus", "octopi": "octopus",
    "buses": "bus", "fish": "fish", "sheep": "sheep", "deer": "deer", "reindeer": "reindeer", "movies": "movie",
    "cookies": "cookie", "pies": "pie", "ties": "tie", "zombies": "zombie", "puppies": "puppy", "dwarves": "dwarf",
    "policemen": "policeman", "firemen": "fireman", "snowmen": "snowman", "fairies": "fairy", "horses": "horse",
    "houses": "house", "roses": "rose", "vases": "vase", "axes": "axe", "shoes": "shoe", "canoes": "canoe", "bees": "bee",
    "birdies": "birdie", "doggies": "doggy", "bunnies": "bunny",
}  # fmt: skip


def split(text: str) -> list[str]:
    """Return the text's words and marks in order; whatever is neither (emoji, other scripts, controls) is left out."""
    folded = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'")
    return [word.removesuffix("'s") for word in _WORD.findall(folded)[:MOST_WORDS]]


def is_mark(word: str) -> bool:
    """Whether this is punctuation, which ends a noun phrase."""
    return word in {".", ",", ";", ":", "!", "?"}


def singular(word: str) -> str:
    """Return a noun's singular, or the word itself when it does not look like a plural."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zzes", "toes", "goes")):
        return word[:-2]
    return word[:-1]


def is_plural(word: str) -> bool:
    """Whether a noun stands in the plural by its look."""
    return singular(word) != word


def is_invariant(name: str) -> bool:
    """Whether a noun's plural looks like its singular, so that without an article it means several."""
    last = name.split()[-1]
    return last in {"sheep", "deer", "reindeer"} or (last.endswith("fish") and last != "starfish")
