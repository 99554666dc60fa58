"""What every call of these clients has in common: who asks, and how long it may take."""

import grpc

# Whom the log is to name (without it the caller is `anonymous`), and in which role it asks.
METADATA = (("mooring-actor", "python"), ("mooring-role", "operator"))
SECONDS = 30


def connected(address):
    """A channel to the server."""
    return grpc.insecure_channel(address)


def called(method, request):
    """Makes one call of a method that was looked up, be it in a stub or by its name."""
    return method(request, metadata=METADATA, timeout=SECONDS)
