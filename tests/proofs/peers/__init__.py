"""azpoll beside other clients: their own test cases, their known failures, and Microsoft's test servers."""
