"""All faults that are planted; each list is a room's."""

from __future__ import annotations

from faults.alarms import ALARMS
from faults.fault import Fault
from faults.files import FILES
from faults.layers import LAYERS
from faults.listening import LISTENING
from faults.measures import MEASURES
from faults.recognition import RECOGNITION
from faults.search import SEARCH
from faults.sound import SOUND
from faults.sound_files import SOUND_FILES
from faults.spotted import SPOTTED
from faults.takes import RECORDED
from faults.told import TOLD
from faults.training import TRAINING

__all__ = ["FAULTS", "Fault"]

FAULTS: tuple[Fault, ...] = (
    *LAYERS,
    *TRAINING,
    *SEARCH,
    *FILES,
    *MEASURES,
    *TOLD,
    *SOUND,
    *SOUND_FILES,
    *RECOGNITION,
    *LISTENING,
    *RECORDED,
    *SPOTTED,
    *ALARMS,
)
