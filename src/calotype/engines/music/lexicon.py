"""What words mean to a composer: genres, moods, instruments, tempo words."""

from __future__ import annotations

from dataclasses import dataclass

GENRE_WORDS: dict[str, str] = {
    "lo-fi hip hop": "lofi", "lofi hip hop": "lofi", "lo-fi": "lofi", "lofi": "lofi", "chillhop": "lofi",
    "study beat": "lofi", "chill beat": "lofi", "hip hop": "hiphop", "hip-hop": "hiphop", "hiphop": "hiphop",
    "rap": "hiphop", "boom bap": "hiphop", "trap": "trap", "drill": "trap", "drum and bass": "dnb", "drum & bass": "dnb",
    "drum n bass": "dnb", "dnb": "dnb", "jungle beat": "dnb", "bossa nova": "bossa", "bossa": "bossa", "samba": "latin",
    "salsa": "latin", "latin": "latin", "rumba": "latin", "tango": "latin", "mambo": "latin", "reggaeton": "latin",
    "ska": "reggae", "reggae": "reggae", "dub": "reggae", "swing": "jazz", "jazz": "jazz", "bebop": "jazz",
    "big band": "jazz", "ragtime": "jazz", "blues": "blues", "boogie": "blues", "waltz": "waltz", "techno": "techno",
    "house": "house", "edm": "house", "electronic": "house", "dance": "house", "trance": "trance", "rave": "trance",
    "ambient": "ambient", "drone": "ambient", "meditation": "ambient", "spa": "ambient", "new age": "ambient",
    "soundscape": "ambient", "cinematic": "cinematic", "trailer": "cinematic", "epic": "cinematic",
    "film score": "cinematic", "soundtrack": "cinematic", "heroic": "cinematic", "orchestral": "orchestral",
    "orchestra": "orchestral", "symphonic": "orchestral", "symphony": "orchestral", "fantasy": "orchestral",
    "classical": "classical", "baroque": "classical", "sonata": "classical", "minuet": "classical", "chamber": "classical",
    "folk": "folk", "acoustic": "folk", "celtic": "folk", "irish": "folk", "indie": "folk", "singer-songwriter": "folk",
    "campfire": "folk", "country": "country", "bluegrass": "country", "western": "country", "chiptune": "chiptune",
    "8-bit": "chiptune", "8 bit": "chiptune", "16-bit": "chiptune", "video game": "chiptune", "game boy": "chiptune",
    "arcade": "chiptune", "retro game": "chiptune", "synthwave": "synthwave", "retrowave": "synthwave",
    "vaporwave": "synthwave", "80s": "synthwave", "eighties": "synthwave", "synthpop": "synthwave", "march": "march",
    "marching": "march", "military": "march", "parade": "march", "lullaby": "lullaby", "cradle song": "lullaby",
    "bedtime": "lullaby", "funk": "funk", "funky": "funk", "disco": "disco", "soul": "soul", "r&b": "soul", "rnb": "soul",
    "gospel": "soul", "motown": "soul", "metal": "metal", "heavy metal": "metal", "punk": "punk", "rock": "rock",
    "grunge": "rock", "anthem": "rock", "ballad": "ballad", "pop": "pop", "love song": "ballad", "corporate": "pop",
    "jingle": "pop", "k-pop": "pop",
}  # fmt: skip
WEAK_GENRES = frozenset({
    "80s", "acoustic", "anthem", "ballad", "dance", "electronic", "epic", "fantasy", "heroic", "indie", "march", "military",
    "orchestra", "orchestral", "retro game", "soul", "soundtrack", "swing", "trailer", "video game", "waltz", "western",
})  # fmt: skip
"""Words that colour another genre rather than name one, unless nothing else does."""


@dataclass(frozen=True)
class Mood:
    """How a word feels: valence and energy from -1 to 1."""

    valence: float
    energy: float


MOODS: dict[str, Mood] = {
    word: Mood(*feel)
    for feel, words in {
        (0.8, 0.5):
        "happy cheerful joyful merry sunny bright fun funny playful quirky optimistic carefree birthday smiling "
        "summer festive christmas",
        (0.7, 0.8):
        "upbeat energetic lively exciting party danceable triumphant victorious uplifting festival celebration "
        "fast-paced",
        (0.5, 0.3): "hopeful inspiring inspirational motivational heartwarming adventurous majestic noble proud",
        (0.4, -0.6):
        "calm relaxed relaxing peaceful gentle soft soothing serene tranquil tender sweet dreamy quiet mellow "
        "warm sleepy cosy cozy laid-back easy",
        (0.2, -0.3): "romantic nostalgic elegant smooth cool chill floating ethereal spacey airy night late-night",
        (-0.7, -0.5):
        "sad melancholic melancholy sorrowful mournful lonely gloomy heartbroken grieving tearful funeral wistful "
        "bittersweet rainy somber sombre lament",
        (-0.6, 0.2):
        "dark mysterious spooky scary haunting haunted eerie ominous sinister creepy suspense suspenseful tense "
        "tension horror halloween evil menacing cold",
        (-0.5, 0.9): "angry aggressive furious brutal intense dramatic battle fight war chase action villain raging fierce",
        (0.0, 0.8): "powerful driving fast hard heavy pumping loud epic racing thrilling urgent wild heroic",
        (0.0, -0.5): "slow minimal sparse ambient meditative background contemplative reflective still hypnotic",
    }.items()
    for word in words.split()
}  # fmt: skip

TEMPO_WORDS: dict[str, float] = {
    "very slow": -1.0, "largo": -1.0, "slow": -0.8, "adagio": -0.7, "lento": -0.8, "andante": -0.35, "moderate": 0.0,
    "moderato": 0.0, "mid-tempo": 0.0, "midtempo": 0.0, "allegro": 0.6, "lively": 0.5, "fast": 0.8, "quick": 0.7,
    "upbeat": 0.5, "uptempo": 0.7, "up-tempo": 0.7, "vivace": 0.8, "very fast": 1.0, "presto": 1.0, "frantic": 1.0,
    "energetic": 0.5, "driving": 0.4, "relaxed": -0.4, "laid-back": -0.4, "calm": -0.4,
}  # fmt: skip
"""Where in the genre's range of tempo a word points: -1 is its slow end, 1 its fast one."""

INSTRUMENT_WORDS: dict[str, str] = {
    "electric piano": "electric piano", "rhodes": "electric piano", "wurlitzer": "electric piano", "keys": "electric piano",
    "piano": "piano", "harpsichord": "harpsichord", "celesta": "celesta", "celeste": "celesta",
    "glockenspiel": "glockenspiel", "music box": "music box", "vibraphone": "vibraphone", "vibes": "vibraphone",
    "marimba": "marimba", "xylophone": "marimba", "church bells": "bells", "tubular bells": "bells", "bells": "bells",
    "church organ": "church organ", "pipe organ": "church organ", "organ": "organ", "hammond": "organ",
    "accordion": "accordion", "harmonica": "harmonica", "classical guitar": "nylon guitar",
    "spanish guitar": "nylon guitar", "nylon guitar": "nylon guitar", "acoustic guitar": "acoustic guitar",
    "ukulele": "nylon guitar", "mandolin": "acoustic guitar", "jazz guitar": "jazz guitar", "clean guitar": "clean guitar",
    "electric guitar": "overdriven guitar", "distorted guitar": "overdriven guitar",
    "overdriven guitar": "overdriven guitar", "guitar riff": "overdriven guitar", "guitar solo": "overdriven guitar",
    "guitar": "guitar", "double bass": "double bass", "upright bass": "double bass", "contrabass": "double bass",
    "synth bass": "synth bass", "808 bass": "synth bass", "sub bass": "synth bass", "bass guitar": "bass",
    "slap bass": "bass", "walking bass": "double bass", "bassline": "", "bass": "bass", "violin": "violin",
    "fiddle": "violin", "viola": "violin", "cello": "cello", "pizzicato": "pizzicato", "harp": "harp", "timpani": "timpani",
    "string section": "strings", "string quartet": "strings", "strings": "strings", "choir": "choir", "choral": "choir",
    "voices": "voices", "vocals": "voices", "vocal": "voices", "humming": "voices", "muted trumpet": "muted trumpet",
    "trumpet": "trumpet", "trombone": "trombone", "tuba": "tuba", "french horn": "horn", "horns": "brass", "horn": "horn",
    "brass": "brass", "saxophone": "saxophone", "sax": "saxophone", "oboe": "oboe", "clarinet": "clarinet",
    "pan flute": "pan flute", "flute": "flute", "recorder": "flute", "whistle": "pan flute", "tin whistle": "pan flute",
    "synth lead": "saw wave", "synthesizer": "saw wave", "synth": "saw wave", "square wave": "square wave",
    "pads": "warm pad", "pad": "warm pad", "synth pad": "warm pad", "sitar": "sitar", "banjo": "banjo", "koto": "koto",
    "kalimba": "kalimba", "steel drums": "steel drums", "steelpan": "steel drums", "steel pan": "steel drums",
    "drums": "drums", "drum": "drums", "percussion": "drums", "beat": "drums", "snare": "drums", "brushes": "drums",
    "cymbals": "drums", "kick": "drums",
}  # fmt: skip
GUITARS = {
    "rock": "overdriven guitar", "metal": "overdriven guitar", "punk": "overdriven guitar", "blues": "clean guitar",
    "jazz": "jazz guitar", "bossa": "nylon guitar", "latin": "nylon guitar", "classical": "nylon guitar",
    "lofi": "jazz guitar", "funk": "clean guitar", "disco": "clean guitar", "reggae": "clean guitar",
    "soul": "clean guitar", "pop": "clean guitar", "synthwave": "clean guitar",
}  # fmt: skip

ROLES: dict[str, tuple[str, ...]] = {
    "piano": ("comp", "lead", "arp"), "electric piano": ("comp", "lead", "pad"), "harpsichord": ("comp", "lead"),
    "celesta": ("lead", "arp"), "glockenspiel": ("arp", "lead"), "music box": ("lead", "comp"),
    "vibraphone": ("lead", "comp"), "marimba": ("comp", "lead", "arp"), "bells": ("arp", "lead"),
    "organ": ("pad", "comp", "lead"), "church organ": ("pad", "comp", "lead"), "accordion": ("lead", "pad"),
    "harmonica": ("lead", "counter"), "nylon guitar": ("comp", "lead"), "acoustic guitar": ("comp", "lead"),
    "jazz guitar": ("comp", "lead"), "clean guitar": ("comp", "lead", "arp"), "overdriven guitar": ("comp", "lead"),
    "double bass": ("bass",), "bass": ("bass",), "synth bass": ("bass",), "violin": ("lead", "counter"),
    "cello": ("counter", "lead", "bass"), "pizzicato": ("comp", "arp"), "harp": ("arp", "comp", "lead"),
    "timpani": ("timpani",), "strings": ("pad", "comp", "counter"), "choir": ("pad", "counter"),
    "voices": ("lead", "counter", "pad"), "trumpet": ("lead", "counter"), "trombone": ("counter", "lead"),
    "tuba": ("bass",), "muted trumpet": ("lead", "counter"), "horn": ("counter", "lead", "pad"),
    "brass": ("stab", "pad", "lead"), "saxophone": ("lead", "counter"), "oboe": ("lead", "counter"),
    "clarinet": ("lead", "counter"), "flute": ("lead", "counter"), "pan flute": ("lead", "counter"),
    "square wave": ("lead", "arp", "comp"), "saw wave": ("lead", "comp", "arp"), "warm pad": ("pad",),
    "space pad": ("pad",), "sitar": ("lead", "arp"), "banjo": ("arp", "comp", "lead"), "koto": ("lead", "arp"),
    "kalimba": ("lead", "arp"), "steel drums": ("lead", "arp"),
}  # fmt: skip
"""Which roles an instrument that was asked for may take, the likeliest first."""
