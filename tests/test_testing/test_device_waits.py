from __future__ import annotations

from uninext.testing.device_waits import waits_by_room, waits_table
from uninext.testing.pretend_device import Wait


def test_no_wait():
    assert waits_by_room([]) == {}
    assert waits_table({}).splitlines()[2:] == []
    assert '| a frame | 0 |  |' in waits_table({'a frame': {}})


def test_waits_are_counted_by_room():
    places = ('models.ops.nms.f', 'models.ops.x.C.f', 'engine.loop.f', 'elsewhere')
    found = waits_by_room(Wait('read', place, 1) for place in places)
    assert found == {'elsewhere': 1, 'engine.loop': 1, 'models.ops': 2}
    assert '| a frame | 4 | `elsewhere` 1,' in waits_table({'a frame': found})
