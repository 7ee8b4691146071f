"""What the machine is: settings windows, models, status line, result codes, jobs.

Values and the one mutable object, `Device`, that holds them. No I/O, and
nothing of Twisted.
"""

from irsend.device.device import Device
from irsend.device.jobs import Job
from irsend.device.model import Model, load_model, model_names
from irsend.device.sessions import Session, TLSUse
from irsend.device.status import StatusEntry, StatusLine, StatusText
from irsend.device.windows import Settings

__all__ = [
    "Device",
    "Job",
    "Model",
    "Session",
    "Settings",
    "StatusEntry",
    "StatusLine",
    "StatusText",
    "TLSUse",
    "load_model",
    "model_names",
]
