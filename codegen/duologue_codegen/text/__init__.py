"""From the text of a file to a tree in which every node knows where it stands."""
