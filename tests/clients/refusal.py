"""What a refused call says, out of the standard details of gRPC (AIP-193)."""

import grpc
from google.rpc import error_details_pb2, status_pb2

DETAILS = "grpc-status-details-bin"


class Refusal(Exception):
    """The code, the message, the one ErrorInfo and the fields that are wrong."""

    def __init__(self, error):
        super().__init__(error.code().name, error.details())
        self.code = error.code().name
        self.message = error.details()
        self.wrong_fields = []
        status = status_pb2.Status.FromString(dict(error.trailing_metadata())[DETAILS])
        if (status.code, status.message) != (error.code().value[0], error.details()):
            raise ValueError(f"the details say something else than the status: {status} {error}")
        for detail in status.details:
            self._take(detail)

    def _take(self, detail):
        info, request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            self.domain, self.reason, self.metadata = info.domain, info.reason, dict(info.metadata)
        elif detail.Unpack(request):
            self.wrong_fields += [violation.field for violation in request.field_violations]
        else:
            raise ValueError(f"a detail of an unknown kind: {detail.type_url}")


def refused(method, **fields):
    """Makes a call that must be refused, and gives why it was."""
    try:
        answer = method(**fields)
    except grpc.RpcError as error:
        return Refusal(error)
    raise AssertionError(f"should have been refused, and was answered: {answer}")
