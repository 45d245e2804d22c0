"""The closed classes of words the prompt reader knows: numbers, colours, relations, styles, and words that name nothing."""

# ruff: noqa: E501 - a table reads best in rows
from __future__ import annotations

NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "dozen": 12, "both": 2, "single": 1, "lone": 1, "pair": 2, "couple": 2, "trio": 3,
    "few": 3, "several": 4, "some": 3, "many": 5, "lots": 6, "multiple": 4, "various": 4, "plenty": 5, "another": 1,
}  # fmt: skip
VAGUE_NUMBERS = {"few", "several", "some", "many", "lots", "multiple", "various", "plenty"}
"""Numbers that mean "at least so many"; "some" and the like before a singular noun mean one."""

COLOURS = {
    "red": "red", "crimson": "red", "scarlet": "red", "ruby": "red", "maroon": "maroon", "burgundy": "maroon",
    "orange": "orange", "amber": "orange", "apricot": "orange", "coral": "coral", "salmon": "coral", "peach": "peach",
    "yellow": "yellow", "lemon": "yellow", "mustard": "yellow", "gold": "gold", "golden": "gold",
    "green": "green", "emerald": "green", "olive": "olive", "lime": "lime", "mint": "mint",
    "turquoise": "turquoise", "teal": "teal", "cyan": "turquoise", "aqua": "turquoise",
    "blue": "blue", "azure": "blue", "navy": "navy", "indigo": "indigo", "sapphire": "blue",
    "purple": "purple", "violet": "purple", "lilac": "lavender", "lavender": "lavender", "mauve": "lavender",
    "pink": "pink", "magenta": "magenta", "fuchsia": "magenta", "rosy": "pink",
    "brown": "brown", "tan": "tan", "beige": "beige", "cream": "cream", "ivory": "cream", "bronze": "brown",
    "black": "black", "ebony": "black", "white": "white", "snow-white": "white",
    "grey": "grey", "gray": "grey", "silver": "silver", "silvery": "silver",
}  # fmt: skip
SHADES = {"light": "light", "pale": "light", "pastel": "light", "dark": "dark", "deep": "dark"}
EMPHASIS = {"bright", "vivid", "neon", "warm", "cool", "soft", "rich", "hot", "dull", "shiny", "glossy", "matte"}
MIXED_COLOURS = {"colourful", "colorful", "multicoloured", "multicolored", "rainbow-coloured", "coloured", "colored"}

SIZES = {
    "tiny": 0.6, "little": 0.75, "small": 0.75, "miniature": 0.6, "mini": 0.65, "baby": 0.75, "big": 1.35, "large": 1.35,
    "huge": 1.6, "giant": 1.75, "gigantic": 1.8, "enormous": 1.75, "massive": 1.7, "great": 1.2, "tall": 1.4, "short": 0.8,
}  # fmt: skip

DETERMINERS = {
    "a",
    "an",
    "the",
    "this",
    "that",
    "these",
    "those",
    "its",
    "his",
    "her",
    "their",
    "my",
    "our",
    "your",
    "any",
}
POSSESSIVES = {"my", "our", "your", "his", "her", "their"}
PRONOUNS = {"it", "them", "him", "her", "itself", "themselves"}
EVERYONE = {"both", "all", "they", "together"}
BODY_PARTS = {
    "back",
    "head",
    "hand",
    "hands",
    "shoulder",
    "shoulders",
    "top",
    "side",
    "lap",
    "nose",
    "tail",
    "foot",
    "feet",
}
KIN = {"mother", "father", "mum", "mom", "dad", "parent", "parents", "mummy", "daddy"}

VIEWS = {
    "top view", "top-view", "top-down", "top down", "top down view", "side view", "front view", "rear view", "back view", "view from above",
    "bird's eye view", "birds eye view", "aerial view", "from above", "from below", "from behind", "from the side", "from the front",
    "close up", "close-up", "closeup", "full body", "full-body", "full length", "wide angle", "wide-angle", "wide shot", "high quality",
    "high detail", "highly detailed", "high resolution", "high-resolution", "high res", "ultra detailed", "ultra hd", "detailed", "intricate",
    "best quality", "masterpiece", "photo", "photorealistic", "photo-realistic", "realistic", "hyperrealistic", "sharp focus", "depth of field",
    "bokeh", "studio lighting", "soft lighting", "natural light", "cinematic", "portrait", "landscape", "macro", "professional", "award winning",
    "award-winning", "trending", "symmetrical", "centered", "centred", "full frame", "eye level", "low angle", "high angle", "isometric",
    "profile view", "angle", "perspective", "lighting", "composition", "beautiful lighting", "hdr", "uhd", "8k uhd", "stock photo",
}  # fmt: skip
"""How a picture is taken, not what is in it."""
POSITIONS = {"top", "bottom", "front", "rear", "side", "close", "full", "left", "right", "middle", "centre", "center", "corner", "edge",
             "foreground", "distance", "upper", "lower", "inner", "outer", "double", "half", "wide", "vintage", "calm"}  # fmt: skip
"""Words for where and how, which no drawing is named by."""
NEEDS_ARTICLE = {"well"}
"""Nouns that are other words as well: they name a thing only after an article or an adjective."""

RELATIONS = {
    "on": "on", "on top of": "on", "upon": "on", "atop": "on", "onto": "on", "riding": "on", "riding on": "on",
    "perched on": "on", "sitting on": "on", "standing on": "on", "lying on": "on", "resting on": "on", "sleeping on": "on",
    "in": "in", "inside": "in", "into": "in", "within": "in",
    "under": "under", "underneath": "under", "beneath": "under", "below": "under",
    "left of": "left_of", "to the left of": "left_of", "on the left of": "left_of", "on the left side of": "left_of",
    "right of": "right_of", "to the right of": "right_of", "on the right of": "right_of",
    "on the right side of": "right_of",
    "next to": "next_to", "beside": "next_to", "by": "next_to", "near": "next_to", "alongside": "next_to",
    "close to": "next_to", "chasing": "chases", "crossing": "on", "following": "chases", "facing": "next_to", "eating": "next_to",
    "in front of": "in_front_of", "before": "in_front_of", "behind": "behind",
    "above": "above", "over": "above", "jumping over": "above", "leaping over": "above", "jumps over": "above", "leaps over": "above",
    "full of": "with", "filled with": "with", "leaning against": "in_front_of", "leaning on": "in_front_of", "propped against": "in_front_of", "dressed in": "wears", "hidden behind": "behind",
    "hiding behind": "behind", "standing behind": "behind", "standing in front of": "in_front_of", "sitting in front of": "in_front_of", "hovering over": "above", "flying over": "above", "past": "above",
    "with": "with", "and its": "with", "surrounded by": "with", "among": "with", "between": "with", "against": "next_to",
    "wearing": "wears", "in a": "in", "holding": "holds", "carrying": "holds", "towards": "to", "toward": "to", "to": "to",
    "at": "to", "from": "to", "across": "to", "through": "to", "along": "to", "around": "to", "of": "of", "for": "to",
    "down": "to", "up": "to", "off": "to", "orbiting": "to", "like": "to", "about": "to", "as": "to",
}  # fmt: skip
LONGEST_RELATION = 5

STYLES = {
    "flat": "flat", "vector": "flat", "minimalist": "flat", "minimal": "flat", "clipart": "flat", "clip art": "flat",
    "flat style": "flat", "flat design": "flat", "flat vector": "flat", "flat illustration": "flat", "flat art": "flat",
    "flat icon": "flat", "vector art": "flat", "vector style": "flat", "paper cut": "flat", "simple flat": "flat",
    "3d": "3d", "3-d": "3d", "three-dimensional": "3d", "3d render": "3d", "3d style": "3d", "3d rendering": "3d",
    "3d model": "3d", "3d illustration": "3d", "render": "3d", "clay": "3d", "claymation": "3d", "pixar": "3d", "cgi": "3d",
    "cartoon": "cartoon", "cartoon style": "cartoon", "cartoonish": "cartoon", "comic": "cartoon", "comic style": "cartoon",
    "cartoony": "cartoon", "toon": "cartoon", "anime": "cartoon", "storybook": "cartoon", "children's book": "cartoon",
}  # fmt: skip

SCENES = {
    "sea": ("sea",), "ocean": ("sea",), "seaside": ("sea", "shore"), "beach": ("sea", "shore"), "shore": ("sea", "shore"),
    "coast": ("sea", "shore"), "lake": ("sea", "banks"), "river": ("sea", "banks"), "pond": ("sea", "banks"), "stream": ("sea", "banks"), "brook": ("sea", "banks"),
    "creek": ("sea", "banks"), "riverbank": ("sea", "banks"), "riverside": ("sea", "banks"), "pool": ("sea", "banks"), "canal": ("sea", "banks"), "bay": ("sea",), "harbour": ("sea",),
    "harbor": ("sea",), "waves": ("sea",), "water": ("sea",), "lagoon": ("sea",), "seashore": ("sea", "shore"),
    "under the sea": ("underwater",), "under water": ("underwater",), "underwater": ("underwater",),
    "under the ocean": ("underwater",), "under the water": ("underwater",), "undersea": ("underwater",),
    "bottom of the ocean": ("underwater",), "bottom of the sea": ("underwater",), "deep sea": ("underwater",),
    "sea floor": ("underwater",), "ocean floor": ("underwater",), "seabed": ("underwater",), "coral reef": ("underwater",),
    "beneath the waves": ("underwater",), "beneath the sea": ("underwater",), "aquarium": ("underwater",),
    "meadow": ("meadow",), "field": ("meadow",), "fields": ("meadow",), "grass": ("meadow",), "lawn": ("meadow",),
    "garden": ("meadow",), "backyard": ("meadow",), "yard": ("meadow",), "corn field": ("meadow",), "wheat field": ("meadow",),
    "springtime": ("meadow", "spring"), "spring": ("meadow", "spring"), "in spring": ("meadow", "spring"), "path": ("meadow",), "trail": ("meadow",),
    "playground": ("meadow",), "market": ("city",), "sidewalk": ("city",), "pavement": ("city",), "hospital room": ("room",),
    "hotel room": ("room",), "bathroom": ("room",), "shop": ("room",), "restaurant": ("room",), "park": ("meadow",), "farm": ("meadow",), "pasture": ("meadow",), "countryside": ("meadow",),
    "hill": ("meadow",), "hills": ("meadow",), "prairie": ("meadow",), "valley": ("meadow",), "farmland": ("meadow",),
    "standing on ice": ("snow",), "on ice": ("snow",), "on the ice": ("snow",), "snow": ("snow",), "snowy": ("snow",), "winter": ("snow",), "wintry": ("snow",), "ice": ("snow",), "icy": ("snow",),
    "arctic": ("snow",), "snowfall": ("snow", "snowing"), "snow falling": ("snow", "snowing"), "frozen": ("snow",),
    "falling snow": ("snow", "snowing"), "snowing": ("snow", "snowing"), "blizzard": ("snow", "snowing"),
    "antarctica": ("snow",), "north pole": ("snow",),
    "night": ("night",), "midnight": ("night",), "at night": ("night",), "moonlight": ("night",), "starry": ("night",),
    "nighttime": ("night",), "night-time": ("night",), "moonlit": ("night",), "night sky": ("night",), "spooky": ("night",),
    "evening": ("sunset",), "dusk": ("sunset",), "sunset": ("sunset",), "sunrise": ("sunset",), "dawn": ("sunset",),
    "golden hour": ("sunset",), "twilight": ("sunset",), "setting sun": ("sunset",),
    "space": ("space",), "outer space": ("space",), "deep space": ("space",), "galaxy": ("space",), "cosmos": ("space",),
    "universe": ("space",), "orbit": ("space",), "orbiting": ("space",), "milky way": ("space",),
    "desert": ("desert",), "dunes": ("desert",), "sahara": ("desert",), "sand dunes": ("desert",), "savannah": ("savanna",),
    "savanna": ("savanna",),
    "city": ("city",), "town": ("city",), "downtown": ("city",), "street": ("city",), "city street": ("city",),
    "skyline": ("city",), "cityscape": ("city",), "metropolis": ("city",), "urban": ("city",), "city skyline": ("city",),
    "road": ("city",), "streets": ("city",),
    "forest": ("forest",), "woods": ("forest",), "woodland": ("forest",), "jungle": ("forest",), "rainforest": ("forest",),
    "wood": ("forest",),
    "room": ("room",), "living room": ("room",), "bedroom": ("room",), "kitchen": ("room",), "lounge": ("room",),
    "dining room": ("room",), "study": ("room",), "indoors": ("room",), "sitting room": ("room",), "nursery": ("room",),
    "playroom": ("room",), "library": ("room",), "cafe": ("room",), "office": ("room",), "classroom": ("room",),
    "rain": ("rain",), "rainy": ("rain",), "raining": ("rain",), "storm": ("rain",), "stormy": ("rain",),
    "autumn": ("autumn",), "fall": ("autumn",), "autumnal": ("autumn",), "in the sky": ("sky",), "the sky": ("sky",),
    "sky": ("sky",), "blue sky": ("sky",), "foggy": ("fog",), "fog": ("fog",), "mist": ("fog",), "misty": ("fog",),
}  # fmt: skip
SCENE_ADJECTIVES = {"snowy", "wintry", "icy", "frozen", "starry", "moonlit", "rainy", "stormy", "autumnal", "foggy", "misty",
                    "spooky", "urban"}  # fmt: skip
SUNNY = {"sunny", "sunshine", "sunlit"}

MEDIA = {
    "picture", "image", "photo", "photograph", "illustration", "drawing", "painting", "rendering", "render", "poster",
    "banner", "icon", "sketch", "artwork", "art", "design", "portrait", "scene", "view", "wallpaper", "logo", "sticker",
    "graphic", "style", "shot", "close-up", "closeup", "composition", "depiction", "print", "day", "time", "colour", "color",
    "background", "backdrop", "look", "format", "square", "quality", "resolution", "4k", "8k", "hd", "detail", "details",
}  # fmt: skip
MEASURES = {"slice", "piece", "bunch", "bunches", "slices", "pieces", "glass", "bottle", "group", "family",
            "flock", "herd", "pack", "set", "kind", "sort", "bit", "row", "pile", "stack", "bouquet", "school", "swarm",
            "cup", "mug", "handful", "lot", "lots", "couple", "pair", "number", "plenty", "trio", "dozen"}  # fmt: skip
NEGATIONS = {"no", "without", "not", "minus", "excluding"}
CLAUSE_ENDS = {"and", "while", "but", "then", "who", "which", "where", "when", "or", "plus", "&", "also"}
NOTHINGS = {
    "nothing", "else", "please", "maybe", "hmm", "is", "are", "was", "be", "been", "being", "has", "have", "having", "i",
    "we", "you", "he", "she", "me", "us", "would", "could", "should", "can", "will", "want", "wants", "need", "needs", "make",
    "draw", "create", "generate", "show", "showing", "paint", "give", "see", "there", "here", "very", "really", "quite", "just",
    "each", "other", "all", "they", "both", "so", "too", "out", "away", "if", "do", "does", "did", "it", "them", "him",
    "itself", "together", "only", "also", "slowly", "front", "middle", "center", "centre", "distance", "foreground",
    "surface", "everywhere", "outside", "nearby", "what", "how", "why", "than", "because", "let", "let's", "something",
    "anything", "everything", "somewhere", "s", "stand", "stands", "sit", "sits", "left", "right", "like", "made", "holds",
    "going", "go", "goes", "look", "looks", "looking", "stop", "wide", "nice", "beautiful", "pretty", "lovely", "ultra",
}  # fmt: skip
ADJECTIVES = {
    "cute", "cosy", "cozy", "busy", "full", "empty", "wooden", "plain", "simple", "old", "new", "young", "happy", "sad",
    "funny", "friendly", "adorable", "quiet", "loud", "fast", "slow", "bright", "dark", "long", "fluffy", "furry", "metal",
    "stone", "glass", "plastic", "real", "realistic", "detailed", "elegant", "modern", "vintage", "classic", "magical",
    "magic", "soft", "softer", "hard", "round", "thick", "thin", "grand", "open", "closed", "wild", "calm", "fresh", "ripe",
    "sweet", "delicious", "tasty", "angry", "sleepy", "lonely", "brave", "curious", "playful", "proud", "wise", "ancient",
    "hot", "cold", "warm", "cool", "wet", "dry", "clean", "dirty", "heavy", "strong", "weak", "rich", "poor", "good", "bad",
    "best", "same", "different", "abstract", "cheerful", "peaceful", "serene", "dreamy", "solid", "high", "low", "lush",
    "tropical", "rusty", "shiny", "striped", "spotted", "lit", "glowing", "bare", "big-eyed", "smiling", "decorated",
}  # fmt: skip
ABSTRACT = {
    "smoke",
    "feeling", "thought", "thoughts", "afternoon", "morning", "memory", "reason", "reasons", "meaning", "idea", "dream",
    "hope", "fear", "joy", "sorrow", "time", "life", "death", "world", "silence", "peace", "truth", "yes", "no", "way",
    "moment", "remember", "forgetting", "forget", "means", "mean", "almost", "birthday", "card", "wall", "bottom", "part",
    "thing", "things", "end", "start", "week", "year", "month", "hour", "minute", "mood", "emotion", "love", "fun", "air",
    "light", "shadow", "colour", "nature", "home-made", "name", "word", "words", "question", "answer", "number", "place",
    "weight", "justice", "liberty", "balance", "choice", "music", "shape", "beauty", "luck", "power", "freedom", "order", "glory",
    "pride", "secret", "story", "history", "language", "sound", "noise", "song", "work", "play", "game", "rest", "race", "war",
    "health", "wealth", "money", "travel", "holiday", "party", "weather", "season", "summer", "today", "tomorrow",
    "yesterday", "future", "past", "present", "energy", "speed", "size", "space-time", "soul", "spirit", "mind", "body", "self",
}  # fmt: skip
VERBS = {"sleeping", "walking", "swimming", "sitting", "standing", "flying", "resting", "jumping", "running", "leaning",
         "waving", "exploring", "floating", "rising", "howling", "throwing", "passing", "playing", "dancing",
         "looking", "lying", "hanging", "climbing", "driving", "sailing", "reading", "singing", "drinking", "going",
         "hiding", "growing", "blooming", "burning", "shining", "glowing", "smiling", "laughing", "fishing", "cooking",
         "working", "talking", "watching", "waiting", "hovering", "moving", "coming", "falling", "hopping", "grazing",
         "roaming", "crawling", "perched", "seated", "parked", "throws", "runs", "walks", "flies", "swims", "sleeps",
         "eats", "jumps", "chases", "plays", "rides", "wears", "looks", "between", "forgetting", "putting"}  # fmt: skip

_ABSTRACT_ENDINGS = ("ness", "ity", "tion", "sion", "ism", "ment", "ance", "ence", "hood", "ly", "dom")


def is_abstract(word: str) -> bool:
    """Whether a word names nothing that could be drawn, as far as its look tells."""
    return word in ABSTRACT or (len(word) > 6 and word.endswith(_ABSTRACT_ENDINGS))
