// Runs model.wasm of a folder as a program: the rows of example.tsv go in, probabilities come out.

import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { WASI } from "node:wasi";

const folder = process.argv[2];
const stdin = openSync(join(folder, "example.tsv"));
const wasi = new WASI({ version: "preview1", args: ["model", "/model.bin"], preopens: { "/": folder }, stdin, returnOnExit: true });
const module = await WebAssembly.compile(await readFile(join(folder, "model.wasm")));
process.exitCode = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
closeSync(stdin);
