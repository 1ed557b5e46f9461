"""`python -m agent preflight` and `end-conversations`: what tasks of the host's queue run, since keys are the host's alone."""

import sys

from agent.environment import HostEnvironment
from agent.programs.portraits import say


def preflight(environment: HostEnvironment) -> int:
    """Exit status: 0 told, 1 the order can't be read."""
    from agent.vendors.preflight import preflight as check
    from protocol.vendors import PreflightOrder

    try:
        order = PreflightOrder.model_validate_json(sys.stdin.read())
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    say(results=[result.model_dump(mode="json") for result in check(order, environment)])
    return 0


def end_conversations() -> int:
    """Exit status: 0 told, 1 the order can't be read."""
    from agent.vendors.leftovers import end_conversations as end
    from protocol.vendors import Leftovers

    try:
        order = Leftovers.model_validate_json(sys.stdin.read())
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    say(ended=[each.model_dump(mode="json") for each in end(order.conversations)])
    return 0
