"""For tests: conversations without a network, and what connections and conversations promise."""

from duologue.connection.memory import connected_pair as connected_pair
from duologue.testing.conforming import conforms as conforms
from duologue.testing.connection_check import check_connection as check_connection
from duologue.testing.conversation_check import check_coming_back as check_coming_back
from duologue.testing.conversation_check import check_conversation as check_conversation
from duologue.testing.examples import contract_examples as contract_examples
from duologue.testing.linked import linked as linked
from duologue.testing.linked import linked_peers as linked_peers
