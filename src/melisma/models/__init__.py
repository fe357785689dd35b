"""Models: layers put together for a kind of task, with their loss and their step for search."""
