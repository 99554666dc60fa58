"""The life of an EIP by a client that has no proto and no stub, only what the server says of itself:
with_reflection.py ADDRESS."""

import sys

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from calling import called, connected
from life import live


class Service:
    """A service as the server describes it: each of its methods takes the fields of its request."""

    def __init__(self, channel, descriptor):
        self._channel = channel
        self._descriptor = descriptor

    def __getattr__(self, name):
        method = self._descriptor.methods_by_name[name]
        request, answer = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
        make = self._channel.unary_stream if method.server_streaming else self._channel.unary_unary
        call = make(
            f"/{self._descriptor.full_name}/{name}",
            request_serializer=request.SerializeToString,
            response_deserializer=answer.FromString,
        )
        return lambda **fields: called(call, request(**fields))


def main(address):
    with connected(address) as channel:
        described = ProtoReflectionDescriptorDatabase(channel)
        names = {name.rsplit(".")[-1]: name for name in described.get_services()}
        pool = DescriptorPool(described)
        wanted = ("ResourceService", "BindingService", "DataplaneService")
        live(*(Service(channel, pool.FindServiceByName(names[name])) for name in wanted))


main(*sys.argv[1:])
