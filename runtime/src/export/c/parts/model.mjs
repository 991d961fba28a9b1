// A model of nasrecc in JavaScript: model.c as WebAssembly, and model.bin. In a page, in Node.js, in Deno.

/** The columns of a row, in their order. */
export const COLUMNS = @COLUMNS@;
/** Those that the model reads: the label, and what only training asks for, may be anything. */
export const READ = @READ@;
/** The texts of a row. */
export const EXAMPLE = @EXAMPLE@;

/** What the library of C would ask an operating system for: nothing that a prediction needs. */
function none(module) {
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = () => {
      throw new Error(`${from}.${name} is not there`);
    };
  }
  return imports;
}

export class Model {
  /** From the bytes of model.wasm and of model.bin. */
  static async load(code, weights) {
    const module = await WebAssembly.compile(code);
    const { exports } = await WebAssembly.instantiate(module, none(module));
    exports._initialize?.();
    const bytes = new Uint8Array(weights);
    const at = exports.nasrec_room(bytes.length);
    if (at === 0) throw new Error("there is no memory for model.bin");
    new Uint8Array(exports.memory.buffer).set(bytes, at);
    if (exports.nasrec_take(at, bytes.length) !== 0) throw new Error("model.bin is damaged, or of another model");
    return new Model(exports);
  }

  #exports;
  #room = 0;
  #size = 0;

  constructor(exports) {
    this.#exports = exports;
  }

  /** The click probability of a row: texts in the order of COLUMNS, or an object with some of them; what is not there is missing. */
  predict(row) {
    const texts = Array.isArray(row) ? row : COLUMNS.map((name) => row[name] ?? "");
    if (texts.length !== COLUMNS.length) throw new RangeError(`${texts.length} texts, expected ${COLUMNS.length}`);
    for (const [column, text] of texts.entries()) {
      if (String(text).includes("\0")) throw new RangeError(`column ${COLUMNS[column]} has a zero byte`);
    }
    const bytes = new TextEncoder().encode(texts.map((text) => `${text}\0`).join(""));
    if (bytes.length > this.#size) {
      this.#size = 2 * bytes.length;
      this.#room = this.#exports.nasrec_room(this.#size);
      if (this.#room === 0) throw new Error("there is no memory for the row");
    }
    new Uint8Array(this.#exports.memory.buffer).set(bytes, this.#room);
    const said = this.#exports.nasrec_says(this.#room);
    if (said < 0) throw new RangeError(`column ${COLUMNS[-said - 1]} cannot be read: ${texts[-said - 1]}`);
    return said;
  }
}

/** Fills the form of a page with a field for each column that is read, and shows the probability of what they hold. */
export function show(model, document) {
  const [form, output] = [document.querySelector("form"), document.querySelector("output")];
  const fields = READ.map((name) => {
    const [label, input] = [document.createElement("label"), document.createElement("input")];
    input.value = EXAMPLE[COLUMNS.indexOf(name)];
    label.append(name, input);
    form.append(label);
    return [name, input];
  });
  const say = () => {
    try {
      output.textContent = model.predict(Object.fromEntries(fields.map(([name, input]) => [name, input.value])));
    } catch (error) {
      output.textContent = error.message;
    }
  };
  form.addEventListener("input", say);
  form.addEventListener("submit", (event) => event.preventDefault());
  say();
}
