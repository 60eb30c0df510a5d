"""When the next request is sent: a heap of due jobs, and the loop that takes them."""
