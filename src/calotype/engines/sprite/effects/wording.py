"""What people call effects: words for forms, elements, sizes, and those that say nothing."""

from __future__ import annotations

_FORMS = {
    "flame": "flame flames bonfire campfire torch inferno burning blaze pyre",
    "explosion": "explosion explode explodes exploding blast detonation boom bomb grenade nova supernova kaboom",
    "cloud": "cloud clouds smoke puff gas mist fog fume fumes haze steam vapor vapour miasma stench",
    "orb": "orb ball sphere fireball bubble core projectile missile energyball rasengan bullet planet sun star",
    "shield": "shield barrier dome ward protection forcefield bulwark armor armour guard",
    "portal": "portal gate gateway vortex rift wormhole teleport teleporter doorway warp whirlpool",
    "black_hole": "blackhole singularity gravity",
    "beam": "beam pillar column ray godray spotlight smite levelup ascension divine",
    "laser": "laser kamehameha cannon railgun raygun breath stream jet flamethrower",
    "wave": "wave shockwave ripple stomp quake earthquake pulse ring tremor sonic",
    "aura": "aura powerup charge charging rage buff saiyan",
    "bolt": "bolt lightning thunder thunderbolt thunderstorm electrocution zap strike",
    "crystals": "crystal crystals spike spikes icicle icicles frost freeze frozen freezing shards stalagmite glacier",
    "splash": "splash splashing spout geyser fountain tsunami",
    "circle": "circle rune runes sigil glyph summon summoning pentagram hexagram seal ritual enchantment",
    "heal": "heal healing cure restore restoration regeneration recovery potion",
    "slash": "slash slashing cut sword swing blade katana claw scratch sweep crescent",
    "hit": "hit impact punch spark sparks kick smack critical bang pow collision",
    "meteor": "meteor meteorite comet asteroid fallingrock",
    "tornado": "tornado twister cyclone whirlwind hurricane funnel",
    "dust": "dust dirt debris landing sandcloud",
    "swirl": "swirl spiral whirl spin whirling swirling",
    "fall": "rain snow snowfall shower falling petals blizzard confetti drizzle storm",
    "burst": "burst poof pop explosionlet glitter",
    "firework": "firework fireworks rocket celebration",
}
_ELEMENTS = {
    "fire": "fire fiery blazing flame flames flaming burning lava magma hot inferno hell infernal fireball bonfire campfire torch "
    "blaze burn meteor ember embers dragon phoenix solar sun ignite flamethrower",
    "ice": "ice icy frost frozen freeze freezing cold crystal crystals icicle icicles glacier arctic cryo",
    "water": "water aqua watery sea ocean liquid splash tsunami geyser hydro rain raindrop bubble fountain whirlpool drizzle",
    "lightning": "lightning electric electrical electricity thunder thunderbolt shock shocking plasma zap static laser storm volt",
    "poison": "poison poisonous toxic venom acid slime gas plague miasma stench rot biohazard",
    "holy": "holy divine sacred angel angelic heavenly heaven godray blessed blessing smite paladin",
    "dark": "dark darkness shadow shadowy void evil necrotic demon demonic cursed curse death abyss vampire dread",
    "nature": "nature leaf leaves forest plant vine vines grass druid jungle bloom herbal spring",
    "wind": "wind windy air gust breeze tornado twister cyclone whirlwind hurricane aero",
    "earth": "earth earthy rock rocks stone stones boulder dust dirt sand sandy mud quake earthquake stalagmite",
    "arcane": "magic magical arcane mystic mystical mana spell wizard witch sorcery rune runes summon summoning cosmic psychic "
    "galaxy portal teleport enchantment enchanted",
    "heal": "heal healing cure restore restoration regeneration recovery",
    "love": "love heart hearts romance valentine charm kiss",
    "smoke": "smoke smoky smokey fog mist ash steam fume haze ninja",
    "steel": "steel sword blade metal metallic katana claw iron scratch",
    "gold": "coin coins money treasure loot jackpot levelup",
    "petal": "petal petals sakura blossom cherry flower flowers rose",
    "snow": "snow snowy snowfall snowflake snowflakes blizzard winter",
    "light": "light bright shine shining glow glowing sparkle sparkles sparkling glitter flash radiant twinkle star stars",
}
_SIZES = {0.62: "small tiny little mini faint subtle weak", 0.8: "slim thin gentle soft light",
          1.06: "big large huge giant massive enormous epic gigantic mighty powerful strong intense colossal"}  # fmt: skip

FORM_OF = {word: form for form, words in _FORMS.items() for word in words.split()}
ELEMENT_OF = {word: element for element, words in reversed(_ELEMENTS.items()) for word in words.split()}
"""A word that stands in two rows means the upper one."""
SIZE_OF = {word: size for size, words in _SIZES.items() for word in words.split() if word not in ELEMENT_OF}
PHRASES = {
    "black hole": "blackhole",
    "fire ball": "fireball",
    "level up": "levelup",
    "power up": "powerup",
    "force field": "forcefield",
    "energy ball": "energyball",
    "god rays?": "godray",
    "shock wave": "shockwave",
    "falling rock": "fallingrock",
    "cherry blossoms?": "sakura",
    "hit spark": "hit",
    "(light beam|beam of light)": "beam light",
    "pillar of light": "pillar light",
    "fire works": "fireworks",
    "(dust cloud|cloud of dust)": "dust",
    "rain of": "shower",
}
"""Words that mean something else together than apart, as patterns."""
DEFAULT_ELEMENT = {
    "flame": "fire", "explosion": "fire", "cloud": "smoke", "orb": "arcane", "shield": "lightning", "portal": "arcane",
    "black_hole": "fire", "beam": "holy", "laser": "lightning", "wave": "lightning", "aura": "gold", "bolt": "lightning",
    "crystals": "ice", "splash": "water", "circle": "arcane", "heal": "heal", "slash": "steel", "hit": "light", "meteor": "fire",
    "tornado": "wind", "dust": "earth", "swirl": "wind", "fall": "water", "burst": "light", "firework": "gold",
}  # fmt: skip
_SILENT = """
a an the of with and in on at to from for by into around over under that which is are it its some my our your this
effect effects vfx fx animation sprite sheet game style spell attack skill element elemental power powers energy like very
as up down out off frame frames pixel art cartoon 2d transparent background particle particles special visual ground sky
left right leftward rightward falling rising floating flying through one two three erupting crashing kicked hexagonal
coming going moving appearing exploding surrounding made full colour color coloured colored looping loop short long hero enemy
"""
SILENT = frozenset(_SILENT.split())
LEFT = frozenset(("left", "leftward", "leftwards"))
ENDS_THE_HEAD = frozenset(("of", "with", "that", "from", "and", "around", "in", "on", "made"))
