"""
Accumulators: measurements since the last collection, merged into the SDK's own aggregations before the next one.

A measurement is one append to a deque. Views, cardinality limits, temporality and points stay the SDK's. The rule: a collection
has every measurement that ended before it began, exactly once for every reader.
"""
