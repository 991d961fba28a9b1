// Loads the module of an export's page as the page does, and says what it says of the rows of example.tsv; and holds the form to it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const folder = process.argv[2];
const { COLUMNS, EXAMPLE, Model, READ, show } = await import(pathToFileURL(join(folder, "model.mjs")));
const [code, weights] = await Promise.all(["model.wasm", "model.bin"].map((name) => readFile(join(folder, name))));
assert.deepEqual(WebAssembly.Module.imports(await WebAssembly.compile(code)), [], "a page has no operating system");
const model = await Model.load(code, weights);

// As few digits as it takes to read a number of 32 bits back, as C writes it.
function shortest(number) {
  for (let digits = 0; digits < 9; digits++) {
    const text = number.toExponential(digits);
    if (Math.fround(Number(text)) === number) return text.replace(/e([+-])(\d)$/, "e$10$2");
  }
  return String(number);
}

const rows = (await readFile(join(folder, "example.tsv"), "utf8")).trimEnd().split("\n").map((line) => line.split("\t"));
assert.deepEqual(rows[0], EXAMPLE);
for (const row of rows) console.log(shortest(model.predict(row)));

// By names, what is not read left out.
const named = Object.fromEntries(READ.map((name) => [name, rows[1][COLUMNS.indexOf(name)]]));
assert.equal(model.predict(named), model.predict(rows[1]));
assert.throws(() => model.predict({ ...named, price: "a lot" }), /column price cannot be read: a lot/);
assert.throws(() => model.predict(["1"]), /1 texts, expected/);
assert.throws(() => model.predict({ ...named, price: "1\0" }), /column price has a zero byte/);
assert.equal(model.predict({ ...named, city: "x".repeat(1 << 20) }), model.predict({ ...named, city: "nowhere" }), "a long text");

const damaged = Buffer.from(weights);
damaged[100] ^= 1;
await assert.rejects(Model.load(code, damaged), /model.bin is damaged/);
await assert.rejects(Model.load(code, weights.subarray(0, 100)), /model.bin is damaged/);

// As much of a document as the form asks for.
const element = (name) => ({
  name,
  children: [],
  listeners: {},
  append(...children) {
    this.children.push(...children);
  },
  addEventListener(event, listener) {
    this.listeners[event] = listener;
  },
});
const [form, output] = [element("form"), element("output")];
show(model, { querySelector: (name) => (name === "form" ? form : output), createElement: element });
assert.deepEqual(form.children.map((label) => label.children[0]), READ);
assert.equal(output.textContent, model.predict(EXAMPLE));
const price = form.children[READ.indexOf("price")].children[1];
price.value = "a lot";
form.listeners.input();
assert.match(output.textContent, /column price cannot be read/);
price.value = "12.5";
form.listeners.input();
const row = [...EXAMPLE];
row[COLUMNS.indexOf("price")] = "12.5";
assert.equal(output.textContent, model.predict(row));

// The page loads this module, and what it fetches lies beside it.
const page = await readFile(join(folder, "index.html"), "utf8");
assert.match(page, /import \{ Model, show \} from "\.\/model\.mjs"/);
assert.match(page, /read\("model\.wasm"\), await read\("model\.bin"\)/);
