"""Common English words of many sounds, of which those near a word are looked for."""

from __future__ import annotations

from typing import Final

_WORDS: Final = """
about above accept account across action actor adapt address admire advice afternoon again airport alarm album
alert Alexander alive almost alone already always amazing among amuse angel anger animal another answer apple
apply April area arena arrive artist aside asleep August author autumn average avocado away
baby bacon badger balance ballet banana banjo barber barrel basket battery beaver become before begin behave
believe below bench better beyond bigger birthday biscuit bitter blanket blossom bottle bottom bracelet bravo
breakfast bridge bright brother bubble bucket budget building butcher butter button
cabin cable cactus camera canal candle candy canvas capital captain caravan career careful carpet carrot cartoon
castle casual cattle caution cedar ceiling cellar center central century certain champion chapter charcoal cheetah
cherry chicken children chimney chocolate circle citizen clever climate closer cluster coconut coffee collar collect
color column combine comedy comfort common commute commuter company compare compass compete complain complete
composer compost compound compute concert conductor connect consumer container cookie copper corner cotton counter
country couple courage cousin creature cricket critic crystal cucumber culture curtain customer
daisy damage dancer danger daughter decade december decide deep default defender deliver demand dentist depart
desert design destroy detail devil diamond diary dinner director disco distance doctor dolphin dollar donkey double
dragon drama drawer dresser driver duster
eager early earth easel easy echo editor effort eighty elbow election electric elephant eleven elsewhere emerald
empire employ empty energy engine enjoy enough enter envelope equal erase escape essay evening every exact example
excellent except exit expert
fabric factor fairy family famous fantasy farmer fashion father favor feather fellow fever fiction fiddle figure
filter final finger finish flavor flower follow football forest forget formal fortune forty forward fountain
Friday friend frozen funny furniture future
galaxy gallery garage garden garlic gather general gentle giant ginger giraffe glasses glitter golden goodbye google
gorilla granite gravel guitar
habit hammer handle happen happy harbor hardly harvest hazel heater heaven heavy helmet helper hero hey hiccup
hidden history holiday hollow honey honest hopeful hospital hotel human hundred hungry hurry
idea imagine import include index indoor infant injure insect inside instead invite iron island item ivory
jacket January jasmine Jarvis jealous jelly jersey jewel jockey journal journey judge juggle juice July jungle
junior jupiter justice
kangaroo keeper kernel kettle keyboard kidney kitchen kitten knowledge
ladder lantern laptop laser later laugh lawyer leader leather lecture legend lemon letter level library linen
listen little lizard lobster locker logic lonely lovely lucky lunch luxury
machine magic magnet maker manager mango marble margin market marvel master matter maybe meadow measure medal
melon member memory mercury message metal meter middle million minute mirror mister mixer modern moment Monday
money monitor monkey morning mother motor mountain movie murmur muscle museum music mustard mystery
napkin narrow nation nature nearly needle neighbor nephew nervous never nickel ninety nobody noodle normal nothing
notice novel number nurse
object ocean octopus offer office often olive onion only open opera option orange orchard order organ original other
outdoor oven over owner oyster
paddle painter palace pancake panda paper parade pardon parent parrot partner party passenger pattern peanut pebble
pencil people pepper perfect person petal pewter photo piano picnic picture pigeon pillow pilot planet plaster
plastic player please pocket poetry polite popcorn popular poster potato powder powerful present pretty printer
prison promise prosecutor proper pudding puppet purple putter puzzle
quality quarter question quickly quiet
rabbit radar radio railway rainbow rather razor reader really reason recipe recorder reduce refuse relax remember
repeat report rescue restaurant return reward ribbon river robot rocket romance rooster rubber runner
saddle safety salad salmon sample sandal sandwich satellite Saturday saucer sausage savage savanna scatter science
scissors scooter season second secret senior servant seven several shadow shampoo shelter shiver shower shutter
silence silver simple singer sister sixty sketch slipper sleeve socket soldier solid somebody someone sparrow
special speaker spider spinach spirit splendid spoken squirrel station statue stereo sticker stomach story
stranger student studio sudden sugar summer Sunday supper surface surprise sweater swimmer switch symbol system
table tailor talent target taxi teacher teapot telephone temple tender tennis terrace theater thirty thousand
thunder Thursday ticket tiger timber tobacco today together tomato tomorrow tonight topic toucan tower tractor
traffic transport travel treasure triangle trouble trumpet Tuesday tulip tunnel turtle tutor twenty twister
umbrella uncle under unicorn uniform until upper useful
valley vampire vanilla vegetable velvet vessel victory village violin visitor vitamin volcano volume voyage
waiter wallet walnut water weather wedding Wednesday welcome western whisper whistle window winter wisdom without
wizard wonder wooden worker writer
yellow yesterday yogurt younger
zebra zero zipper
"""

COMMON: Final[tuple[str, ...]] = tuple(_WORDS.split())
"""What can be said without thinking, of two syllables or more for the most part."""
