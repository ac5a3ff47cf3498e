"""What happens here that a storey above may act on.

All are sent inside the transaction that made them true; receivers write rows there and start
tasks with `waking.wake()`, so that a kill never loses half a story.
"""

from django.dispatch import Signal

# Inbound events of people were applied together. `arrivals` is a list of
# `messaging.receiving.Arrival`, at most one for each contact. What is locked for them is locked in
# the order of ids: other workers hold other people's rows.
people_arrived = Signal()

# Messages reached a final or confirmed state. `changes` is a list of
# `messaging.delivery.settle.Settled(message_id, story, position, status, error_code, …)`.
messages_settled = Signal()

# Before rows of messages are locked to be settled. `stories` is a sorted list of theirs: who has
# rows of a story locks them now, for the order everywhere is identity, execution, message.
messages_settling = Signal()
