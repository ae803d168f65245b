"""The least there is: two lines and a decorated function. Run it in a terminal: python examples/minimal.py"""

import csg_otel

csg_otel.instrument()


@csg_otel.observe
def greet(name: str) -> str:
    """Return a greeting."""
    return f"hello {name}"


print(greet("world"))
