"""What a reload asks for is worked out from two configurations alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgecnn_device.kiosk.config import CameraConfig, KioskConfig
from edgecnn_device.kiosk.ops.load import Loaded
from edgecnn_device.kiosk.ops.plan import Changes, Plan, changes, make_plan, part_of

OLD = "cameras: {door: {source: 'usb:0'}, back: {source: 'usb:1'}}\n"


@pytest.mark.parametrize(
    ("new", "found", "plan"),
    [
        (OLD, Changes(), Plan()),
        (OLD + "web: {port: 9000}", Changes(changed=("web.port",)), Plan(web=True)),
        (OLD + "staleness_s: 1", Changes(changed=("staleness_s",)), Plan(engine=True)),
        (OLD + "faces: {consent: yes}", Changes(changed=("faces.consent",)), Plan(web=True)),
        (OLD + "name: other", Changes(changed=("name",)), Plan(everything=True)),
        (OLD + "bundles: {threads: 2}", Changes(changed=("bundles.threads",)),
         Plan(everything=True)),
        (OLD + "bundles: {measure: false}", Changes(changed=("bundles.measure",)),
         Plan(engine=True)),
        (OLD + "mqtt: {host: h}", Changes(added=("mqtt",)), Plan(targets=True)),
        (OLD + "storage: {retention: {note: 1}}", Changes(changed=("storage.retention.note",)),
         Plan(storage=True)),
        (OLD + "webhooks: [{url: 'http://h', secret_file: /a/b}]", Changes(changed=("webhooks",)),
         Plan(targets=True)),
        ("cameras: {door: {source: 'usb:0'}}", Changes(removed=("cameras.back",)),
         Plan(stop_cameras=("back",))),
        (OLD.replace("}}", "}, new: {source: 'usb:2'}}"), Changes(added=("cameras.new",)),
         Plan(start_cameras=("new",))),
        (OLD.replace("usb:1", "usb:3"), Changes(changed=("cameras.back.source",)),
         Plan(stop_cameras=("back",), start_cameras=("back",))),
        (OLD.replace("'usb:0'", "'usb:0', rate: 5, width: 640"),
         Changes(changed=("cameras.door.width", "cameras.door.rate")),
         Plan(stop_cameras=("door",), start_cameras=("door",))),
    ],
)  # fmt: skip
def test_only_what_changed_is_started_again(
    load: Callable[[str], Loaded], new: str, found: Changes, plan: Plan
) -> None:
    seen = changes(load(OLD).config, load(new).config)
    assert seen == found
    assert make_plan(seen) == plan


def test_a_section_that_goes_is_removed(load: Callable[[str], Loaded]) -> None:
    found = changes(load(OLD + "mqtt: {host: h}").config, load(OLD).config)
    assert found == Changes(removed=("mqtt",))


def test_a_secret_with_another_content_is_a_change() -> None:
    config = KioskConfig(cameras={"door": CameraConfig(source="usb:0")})
    found = changes(config, config, ("cameras.door.password_file", "mqtt.password_file"))
    assert make_plan(found) == Plan(
        targets=True, stop_cameras=("door",), start_cameras=("door",)
    )  # fmt: skip


@pytest.mark.parametrize("key", [k for k in KioskConfig.model_fields if k != "cameras"])
def test_every_section_belongs_to_a_part(key: str) -> None:
    assert part_of(key) != "everything" or key in ("name", "data")


def test_changes_and_plan_are_told_by_keys_alone(load: Callable[[str], Loaded]) -> None:
    new = OLD.replace("usb:1", "rtsp://user@secret-host/x") + "web: {host: 127.0.0.2}\n"
    found = changes(load(OLD).config, load(new).config)
    told = f"{found}; {make_plan(found)}"
    assert told == "changed: cameras.back.source, web.host; web, camera back"


SOURCES = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]), st.sampled_from(["usb:0", "usb:1", "usb:2"]), min_size=1
)


@given(SOURCES, SOURCES)
def test_cameras_end_up_as_the_new_configuration_says(
    old: dict[str, str], new: dict[str, str]
) -> None:
    before, after = (
        KioskConfig(cameras={name: CameraConfig(source=source) for name, source in some.items()})
        for some in (old, new)
    )
    plan = make_plan(changes(before, after))
    running = {name: source for name, source in old.items() if name not in plan.stop_cameras}
    assert not running.keys() & set(plan.start_cameras)  # never two of one name at once
    running |= {name: new[name] for name in plan.start_cameras}
    assert running == new
