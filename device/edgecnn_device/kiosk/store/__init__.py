"""Events on the disk: kept as long as they may be, and owed to targets until they have them."""

from edgecnn_device.kiosk.store.clock import SteadyClock, clock_synchronized
from edgecnn_device.kiosk.store.message import EventMessage, event_json, event_message, event_schema
from edgecnn_device.kiosk.store.store import Store, StoreStatus
from edgecnn_device.kiosk.store.writes import WriteCounter, Written

__all__ = [
    "EventMessage",
    "SteadyClock",
    "Store",
    "StoreStatus",
    "WriteCounter",
    "Written",
    "clock_synchronized",
    "event_json",
    "event_message",
    "event_schema",
]
