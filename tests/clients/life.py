"""The whole life of an EIP, told once for every way of calling the services."""

import uuid

from refusal import refused

REGION = "regions/r1"
PROJECT = f"projects/p1/{REGION}"
# The code of what the state forbids.
NO = "FAILED_PRECONDITION"
# The events of the life, in the order of the log: each once, although half of the calls were made twice.
EVENTS = """
    pool_created vpc_created subnet_created vnic_created vnic_created havip_created havip_created
    eip_allocated eip_allocated bind_requested hold_placed bound
    unbind_requested hold_released unbound eip_released eip_released havip_deleted
""".split()


def same(what, seen, wanted):
    """Ends the story unless the two are equal."""
    if seen != wanted:
        raise AssertionError(f"{what}: {seen!r} instead of {wanted!r}")
    print(f"ok: {what}")


def state(message):
    """The name of a message's state."""
    values = message.DESCRIPTOR.fields_by_name["state"].enum_type.values_by_number
    return values[message.state].name.removeprefix("STATE_")


def twice(method, **fields):
    """Makes a call and, as after a lost answer, the same with the same request_id."""
    fields["request_id"] = str(uuid.uuid4())
    first, again = method(**fields), method(**fields)
    for answer in (first, again):
        # How far gateways are is a reading, not the outcome.
        if "gateways" in answer.DESCRIPTOR.fields_by_name:
            answer.ClearField("gateways")
    same(f"{answer.DESCRIPTOR.name} again by the same request_id", again, first)
    return first, fields


def network(resource):
    """A pool, a VPC with a subnet, two members, and two HAVIPs."""
    resource.CreatePool(parent=REGION, pool={"display_name": "public", "cidrs": ["203.0.113.64/27"]})
    vpc = resource.CreateVpc(parent=PROJECT, vpc={"display_name": "blue"})
    subnet = resource.CreateSubnet(
        parent=PROJECT, subnet={"display_name": "web", "vpc": vpc.name, "cidr": "10.0.1.0/24"}
    )
    same("the router has the first address", subnet.gateway_address, "10.0.1.1")
    vnics = [
        resource.CreateVnic(
            parent=PROJECT,
            vnic={"instance": instance, "subnet": subnet.name, "mac": mac, "address": address},
        )
        for instance, mac, address in (
            ("vm-a", "02:00:00:00:01:0a", "10.0.1.11"),
            ("vm-b", "02:00:00:00:01:0b", "10.0.1.12"),
        )
    ]
    front, _ = twice(
        resource.CreateHavip,
        parent=PROJECT,
        havip={
            "display_name": "front",
            "subnet": subnet.name,
            "address": "10.0.1.50",
            "members": [vnic.name for vnic in vnics],
        },
    )
    same("the HAVIP has its members", list(front.members), [vnic.name for vnic in vnics])
    back = resource.CreateHavip(parent=PROJECT, havip={"display_name": "back", "subnet": subnet.name})
    pages = list(paged(resource.ListHavips, "havips"))
    same("the HAVIPs come page by page", pages, [front, back])
    return front, back


def paged(method, field):
    """Everything there is, one at a time."""
    token = ""
    while True:
        page = method(parent=PROJECT, page_size=1, page_token=token)
        yield from getattr(page, field)
        token = page.next_page_token
        if not token:
            return


def bound(resource, binding, eip, front):
    """Binds, and reads it as it is then."""
    made, request = twice(binding.Bind, eip=eip.name, havip=front.name)
    same("the binding is IN_USE", state(made), "IN_USE")
    same("it has both addresses", (made.eip_address, made.havip_address), (eip.address, front.address))
    now = resource.GetEip(name=eip.name)
    same("the EIP is IN_USE", (state(now), now.binding), ("IN_USE", made.name))
    same("the HAVIP says by what", resource.GetHavip(name=front.name).binding, made.name)
    same("the binding is read by its name", binding.GetBinding(name=made.name).position, made.position)
    return made, request


def refusals(resource, binding, bind, made, eip, other, back):
    """What the state forbids says so, and who is in the way."""
    in_the_way = {"retryable": "false", "in_the_way": made.name}
    why = refused(binding.Bind, eip=eip.name, havip=back.name)
    same("a second HAVIP for the EIP", (why.code, why.domain, why.reason), (NO, "mooring", "EIP_TAKEN"))
    same("who is in the way", why.metadata, {"field": "eip", **in_the_way})
    why = refused(binding.Bind, eip=other.name, havip=made.havip)
    same("a second EIP for the HAVIP", (why.code, why.reason), (NO, "HAVIP_TAKEN"))
    same("who is in the way", why.metadata, {"field": "havip", **in_the_way})
    why = refused(resource.ReleaseEip, name=eip.name)
    same("releasing what is bound", (why.code, why.reason), (NO, "EIP_HELD"))
    same("who is in the way", why.metadata["in_the_way"], made.name)
    why = refused(binding.Bind, **{**bind, "havip": back.name})
    wanted = ("INVALID_ARGUMENT", "INVALID_FIELD")
    same("another request by the same request_id", (why.code, why.reason), wanted)
    same("the field that is wrong", why.wrong_fields, ["request_id"])


def gone(resource, binding, made, eip):
    """Unbinds and releases; then the one can't be found, and the address of the other cools."""
    twice(binding.Unbind, eip=eip.name)
    now = resource.GetEip(name=eip.name)
    same("the EIP is AVAILABLE", (state(now), now.binding), ("AVAILABLE", ""))
    why = refused(binding.GetBinding, name=made.name)
    same("the binding is gone", (why.code, why.reason), ("NOT_FOUND", "NOT_FOUND"))
    twice(resource.ReleaseEip, name=eip.name)
    now = resource.GetEip(name=eip.name)
    same("its address cools", (state(now), now.cooling_ends_at > 0), ("COOLING", True))
    why = refused(resource.ReleaseEip, name=eip.name)
    cools = ("FAILED_PRECONDITION", "EIP_COOLING", "name")
    same("the EIP is gone", (why.code, why.reason, why.metadata["field"]), cools)


def history(dataplane):
    """The kinds of events up to the last of the life, and who asked for the first, from a stream."""
    kinds, actors = [], []
    stream = dataplane.WatchCommits(parent=REGION, after=0)
    for answer in stream:
        # Gateways come when they come.
        events = [event.WhichOneof("kind") for event in answer.commit.events]
        kinds += [kind for kind in events if kind not in ("gateway_registered", "gateway_decommissioned")]
        actors += [answer.commit.actor] * ("pool_created" in events)
        if EVENTS[-1] in events:
            break
    stream.cancel()
    return kinds, actors


def live(resource, binding, dataplane):
    """From the pool to the release."""
    front, back = network(resource)
    eip, _ = twice(resource.AllocateEip, parent=PROJECT, eip={"display_name": "site"})
    same("the EIP is AVAILABLE", (state(eip), eip.address), ("AVAILABLE", "203.0.113.64"))
    other = resource.AllocateEip(parent=PROJECT, eip={"address": "203.0.113.70"})
    made, bind = bound(resource, binding, eip, front)
    refusals(resource, binding, bind, made, eip, other, back)
    gone(resource, binding, made, eip)
    resource.ReleaseEip(name=other.name)
    resource.DeleteHavip(name=front.name)
    kinds, actors = history(dataplane)
    # A hold may be stored before the request that it is for.
    if kinds.index("hold_placed") + 1 == kinds.index("bind_requested"):
        at = kinds.index("hold_placed")
        kinds[at], kinds[at + 1] = kinds[at + 1], kinds[at]
    same("the log has each event once", kinds, EVENTS)
    same("the log knows who asked", actors, ["python"])
    print("the EIP lived its whole life")
