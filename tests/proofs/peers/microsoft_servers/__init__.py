"""azpoll against Microsoft's own test servers for long-running operations, over real sockets.

Both servers are npm packages and listen on loopback only (`loopback_only.cjs`):

- autorest: `@microsoft.azure/autorest.testserver`, with which the Azure SDKs of all languages were tested;
- spector: `@azure-tools/azure-http-specs` served by `@typespec/spector`, its successor.

Tables hold the expected outcome of each scenario, one row each (`autorest_*.py`, `spector_scenarios.py`). The servers
count the scenarios that were completed, and the last test of each file checks the counts.

The tests need `node`, and one of two sources of the packages in `server_processes.PACKAGES`.

The environment variable AZPOLL_TESTSERVER may name a folder with the packages, as `npm install --prefix` makes it.

Otherwise `npm` installs the packages once, into a folder of the user's cache.

Without `node` these tests are not collected, and pytest's header says so.
"""
