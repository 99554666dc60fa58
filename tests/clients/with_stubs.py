"""The life of an EIP through stubs that grpcio-tools made of the protos: with_stubs.py ADDRESS FOLDER-OF-STUBS."""

import importlib
import sys

from calling import called, connected
from life import live


class Service:
    """The stub of a service: each of its methods takes the fields of its request."""

    def __init__(self, channel, module, name):
        self._messages = importlib.import_module(f"{module}_pb2")
        stubs = importlib.import_module(f"{module}_pb2_grpc")
        self._stub = getattr(stubs, f"{name}Stub")(channel)

    def __getattr__(self, method):
        request = getattr(self._messages, f"{method}Request")
        return lambda **fields: called(getattr(self._stub, method), request(**fields))


def main(address, stubs):
    sys.path.insert(0, stubs)
    with connected(address) as channel:
        live(
            Service(channel, "mooring.resource.v1.resource_service", "ResourceService"),
            Service(channel, "mooring.binding.v1.binding_service", "BindingService"),
            Service(channel, "mooring.dataplane.v1.dataplane_service", "DataplaneService"),
        )


main(*sys.argv[1:])
