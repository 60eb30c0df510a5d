// Starts CPython in WebAssembly, mounts the project and the packages it needs, and runs webassembly_tests.py.
//
//     node webassembly.mjs PROJECT PACKAGES [PYTEST ARGUMENT ...]
import { readFileSync } from "node:fs";
import { loadPyodide } from "pyodide";

const [project, packages, ...pytestArguments] = process.argv.slice(2);
const source = readFileSync(new URL("webassembly_tests.py", import.meta.url), "utf8");
const python = await loadPyodide({ env: { HOME: "/", SSL_CERT_FILE: "/packages/certifi/cacert.pem" } });
python.mountNodeFS("/project", project);
python.mountNodeFS("/packages", packages);
python.runPython('import sys; sys.path[:0] = ["/project", "/packages"]');
python.globals.set("pytest_arguments", python.toPy(pytestArguments));
try {
    process.exitCode = python.runPython(`${source}\nrun(pytest_arguments)`, { filename: "webassembly_tests.py" });
} catch (error) {
    console.error(error.message);
    process.exitCode = 1;
}
