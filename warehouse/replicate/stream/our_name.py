"""The name of our publication, slots and subscription: what somebody else has by that name is not touched."""

from __future__ import annotations

from warehouse.core.errors import NotOurs, SlotTaken
from warehouse.replicate.catalog import publication
from warehouse.replicate.ledger import epochs
from warehouse.replicate.link import Ends
from warehouse.replicate.stream import subscription

_SLOTS = r"""
select slot_name, active
from pg_replication_slots
where (slot_name = %(name)s or slot_name ~ ('^' || %(name)s || '_\d+$')) and slot_name <> all(%(ours)s)
order by slot_name
"""


def check_free(ends: Ends) -> None:
    """Stop before anything is made under a name that somebody else uses.

    An administrator may have made the publication for us, if it is exactly what is to be published.

    Raises:
        SlotTaken: another warehouse, or one that was thrown away, has slots by our name.
        NotOurs: a publication or a subscription of that name is there, and this warehouse did not make it.
    """
    source, warehouse, name = ends.trs, ends.warehouse, ends.name
    ours = epochs.slots_of(warehouse, name)
    slots = source.execute(_SLOTS, {"name": name, "ours": ours}).fetchall()
    if slots:
        slot_name, active = slots[0]
        raise SlotTaken(
            f"The operational database has a slot {slot_name} already ({'in use' if active else 'idle'}), "
            "and this warehouse did not make it.",
            meaning="It belongs to another warehouse, to one that was thrown away, or to this one as it was before a "
            "backup of it was put back; it was not touched.",
            next_command="If it is another's, set WAREHOUSE_REPLICATION_NAME to a name of your own. If it is nobody's, "
            f"as the source's administrator: select pg_drop_replication_slot('{slot_name}'); then run again.",
        )
    if ours:
        return
    now = publication.read(source, name, ends.schema)
    if now is not None and not now.is_exactly(ends.published):
        raise _not_ours(
            f"The operational database has a publication {name} already, which sends something else than "
            "replication/ says",
            "drop publication",
            name,
        )
    if subscription.exists(warehouse, name):
        raise _not_ours(f"The warehouse's database has a subscription {name} already", "drop subscription", name)


def _not_ours(what: str, statement: str, name: str) -> NotOurs:
    return NotOurs(
        f"{what}, and this warehouse did not make it.",
        meaning="Somebody may depend on it, so it was not touched, and nothing was set up.",
        next_command="If it is another's, set WAREHOUSE_REPLICATION_NAME to a name of your own. If it is nobody's, as "
        f"its administrator: {statement} {name}; then run again.",
    )
