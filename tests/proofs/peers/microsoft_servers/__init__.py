"""azpoll against Microsoft's own test servers for long-running operations, over real sockets.

Two servers, both from npm, both on loopback only (`loopback_only.cjs` sees to it):

- autorest: `@microsoft.azure/autorest.testserver`, on which the Azure SDK pollers of all languages were tested;
- spector: `@azure-tools/azure-http-specs` served by `@typespec/spector`, its successor.

What each scenario must come to stands in tables (`autorest_*.py`, `spector_scenarios.py`), a row a scenario.
The servers count which scenarios they saw through to the end, and the last test of each file asks them.

To run, `node` must be there, and either

- AZPOLL_TESTSERVER names a folder that holds the packages of `servers.PACKAGES` (a prefix of `npm install`), or
- `npm` is there: the packages are then installed once, into a folder of the user's cache.

Without `node` these tests are not collected, and pytest's header says so.
"""
